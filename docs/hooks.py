"""MkDocs hook: writes the reference pages from the model, the configuration schema and the command line at every build."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).parent
MAIN_CONFIG = HERE.parent / "configs" / "ntx_restoration.toml"


@cache
def _pages() -> Any:
    sys.path.insert(0, str(HERE))
    try:
        import reference_pages
    finally:
        sys.path.pop(0)
    return reference_pages


@cache
def _main_run() -> Any:
    return _pages().MainRun(MAIN_CONFIG)


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
    """Add the generated pages and the figure of the main run."""
    for path, text in _pages().all_pages(HERE.parent).items():
        files.append(File.generated(config, path, content=text))
    files.append(File.generated(config, "reference/targets.md", content=_main_run().targets_page()))
    files.append(File.generated(config, "img/main_run.png", content=_main_run().figure()))
    return files


def on_page_content(html: str, **kwargs: Any) -> str:
    """Show the cross-references of docstrings as plain names."""
    return re.sub(r":(?:class|func|meth|mod|data|exc):<code>~?(?:[\w.]+\.)?(\w+)</code>", r"<code>\1</code>", html)


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Fill in what the main run printed, and the count of evidence codes."""
    markdown = re.sub(r"<!-- main run: (.+?) -->", lambda m: _main_run().block(m[1]), markdown)
    return markdown.replace("<!-- evidence counts -->", _pages().evidence_counts() if "<!-- evidence counts -->" in markdown else "")
