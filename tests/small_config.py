"""The smallest configuration: one cell at rest for 20 s."""

SMALL = """title = "small"
[[condition]]
name = "healthy"
[experiment.rest]
type = "rest"
duration = "20 s"
"""
