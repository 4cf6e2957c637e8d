"""One version, said once: every other mention equals it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nkcell_sim

ROOT = Path(__file__).parents[1]


def test_the_citation_and_the_changelog_name_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    citation = re.search(r"^version: ['\"]?([^'\"\n]+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    assert citation is not None
    assert citation[1] == nkcell_sim.__version__
    assert f"[{nkcell_sim.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
