"""The page on statistics prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "statistics.md"
CODE = re.compile(r"^```python\n((?:(?!^```).*\n)*)^```\n(?:\n```text\n((?:(?!^```).*\n)*)^```)?", flags=re.MULTILINE)


def test_every_number_on_the_page_is_printed_by_the_code_above_it(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = CODE.findall(PAGE.read_text(encoding="utf-8"))
    assert sum(bool(text) for _, text in shown) >= 8
    for code, text in shown:
        exec(compile(code, "page", "exec"), names)
        assert capsys.readouterr().out == text
