"""MkDocs hook: writes the reference pages from the model, the configuration schema and the command line at every build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).parent


def _pages() -> dict[str, str]:
    sys.path.insert(0, str(HERE))
    try:
        import reference_pages
    finally:
        sys.path.pop(0)

    return reference_pages.all_pages(HERE.parent)


def on_config(config: Any) -> Any:
    """Put one entry for each registered cell where the navigation says ``reference/cells``."""
    from nkcell_sim.model.cells import COMPOSITIONS

    entries = [{name: f"reference/cells/{name}.md"} for name in COMPOSITIONS]
    for section in config.nav:
        for items in section.values():
            for item in items:
                if isinstance(item, dict) and item.get("Cells") == "reference/cells":
                    item["Cells"] = ["reference/cells/index.md", *entries]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, text in _pages().items():
        files.append(File.generated(config, path, content=text))
    return files
