"""The README: both commands do all their own set-up in an empty folder, and every snippet is real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(marker: str) -> str:
    """The fenced block after a marker comment."""
    match = re.search(rf"<!-- {re.escape(marker)} -->\n```\w*\n(.*?)\n```", README, re.S)
    assert match, f"README.md has no block marked {marker!r}"
    return match.group(1)


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)\n```", README, re.S)


def fresh_copy(folder: Path) -> Path:
    """What a clone would hold: the files git knows (or, outside a checkout, all but build products)."""
    copy = folder / "nkcell_sim"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
    else:
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", "*.so", ".venv*", "__pycache__", "*.egg-info"))
    return copy


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS")}
    bash = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(bash, cwd=folder, env=clean, capture_output=True, encoding="utf-8", errors="replace", check=False)


def words(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.slow
def test_run_command_shows_the_experiment_on_a_fresh_machine(tmp_path: Path) -> None:
    folder = fresh_copy(tmp_path)
    done = shell(block("command: run"), folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "ntx_restoration.h5").stat().st_size > 100_000
    assert (folder / "ntx_restoration.png").read_bytes().startswith(b"\x89PNG")
    printed = {words(line) for line in done.stdout.splitlines()}
    pasted = [words(line) for line in block("output: run").splitlines() if line.strip()]
    assert [line for line in pasted if line not in printed] == []


@pytest.mark.slow
def test_test_command_passes_on_a_fresh_machine(tmp_path: Path) -> None:
    # the quick suite itself has just run by this command in CI; here it is the set-up that is tried, and one file of tests
    folder = fresh_copy(tmp_path)
    command = block("command: tests")
    assert command.endswith('-m pytest -m "not slow"')
    done = shell(command + " tests/test_protocol.py tests/numerics/test_failures.py", folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_library_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("example: library"), "README.md", "exec"), {})
    assert "Trace of 2 run(s)" in capsys.readouterr().out


def test_ensemble_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("example: ensemble"), "README.md", "exec"), {})
    assert [words(line) for line in capsys.readouterr().out.splitlines()] == [words(line) for line in block("output: ensemble").splitlines()]


def test_config_example_is_valid_and_runs(tmp_path: Path) -> None:
    (text,) = snippets("toml")
    assert tomllib.loads(text)["experiment"]["imaging"]["type"] == "calcium_imaging"
    path = tmp_path / "example.toml"
    path.write_text(text, encoding="utf-8")
    from nkcell_sim.cli import main

    assert main(["run", str(path), "-o", str(tmp_path / "example.h5"), "--quiet"]) == 0
    assert (tmp_path / "example.h5").exists()


def test_every_file_and_folder_the_readme_names_exists() -> None:
    for name in ("configs", "docs", "examples", "benchmarks", "CITATION.cff", "docs/img/ntx_restoration.png", "configs/ntx_restoration.toml"):
        assert (ROOT / name).exists(), name
