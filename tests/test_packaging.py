"""Source distribution and wheel: the sdist builds with a C compiler and no symbolic package; the wheel runs without either."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .test_readme import fresh_copy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fresh_copy(tmp_path_factory.mktemp("checkout"))
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(folder)], check=True, capture_output=True)
    return folder / "dist"


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def fresh_python(folder: Path) -> str:
    run([sys.executable, "-m", "venv", str(folder / "env")], folder)
    return str(folder / "env" / "bin" / "python")


def test_sdist_carries_the_generated_headers_and_builds_without_a_symbolic_package(built: Path, tmp_path: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {n.split("/", 1)[1] for n in tar.getnames() if "/" in n}
        tar.extractall(tmp_path, filter="data")
    needed = ("_generated/primary_nk.h", "_generated/cells.h", "_kernel/integrate.h", "_kernels.pyx")
    assert {f"src/nkcell_sim/{n}" for n in needed} <= names
    (source,) = (p for p in tmp_path.iterdir() if p.is_dir())
    python = fresh_python(tmp_path)
    run([python, "-m", "pip", "install", "--quiet", "setuptools>=77", "Cython>=3.1", "numpy", "pint"], tmp_path)
    run([python, "setup.py", "build_ext", "--inplace"], source)
    code = "import importlib.util as u; assert u.find_spec('sympy') is None; from nkcell_sim import _kernels; print(len(_kernels.models()))"
    assert int(run([python, "-c", code], source / "src").stdout) > 10


def test_wheel_runs_without_compiler_or_checkout(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(n.startswith("nkcell_sim/_kernels") and n.endswith(".so") for n in names)
    assert not [n for n in names if n.endswith((".c", ".pyx")) or n.startswith("tests")]
    python = fresh_python(tmp_path)
    run([python, "-m", "pip", "install", "--quiet", str(wheel)], tmp_path)
    nkcell = str(Path(python).with_name("nkcell"))
    assert "portable" in run([nkcell, "info"], tmp_path).stdout or "lanes" in run([nkcell, "info"], tmp_path).stdout
    run([nkcell, "run", "-o", "out.h5"], tmp_path)
    assert (tmp_path / "out.h5").stat().st_size > 100_000


def test_editable_install_follows_the_source_tree(tmp_path: Path) -> None:
    folder = fresh_copy(tmp_path)
    python = fresh_python(tmp_path)
    run([python, "-m", "pip", "install", "--quiet", "-e", str(folder)], tmp_path)
    where = run([python, "-c", "import nkcell_sim; nkcell_sim.primary_nk_cell(); print(nkcell_sim.__file__)"], tmp_path).stdout
    assert Path(where.strip()).is_relative_to(folder)
