"""What an engine says when it cannot take part."""

from __future__ import annotations


class Missing(Exception):
    """An engine is not installed; ``reason`` says why and ``remedy`` how to install it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy
