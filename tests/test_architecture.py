"""The layers: imports point down only, and importing the package stays light."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import nkcell_sim

ROOT = Path(nkcell_sim.__file__).parent
# From the top of the house to its foundations; a module may import from its own row and from rows below.
LAYERS = (
    {"cli", "cli_studies", "__init__"},
    {"cli_files", "cli_runs"},
    {"terminal"},
    {"show", "show_cohort", "progress", "export", "report"},
    {"config"},
    {"plots"},
    {"analysis"},
    {"study", "executors", "results", "provenance"},
    {"experiments"},
    {"steady_state"},
    {"simulate", "engine", "ladder", "error_bars", "scipy_route", "scipy_readings", "features", "watching", "solver", "execution", "batch"}
    | {"channels", "gating"},
    {"protocol", "trace", "outcomes", "draws", "_kernels"},
    {"codegen"},
    {"model"},
    {"units", "randomness"},
    {"errors", "lazy"},
)
ROW = {name: row for row, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if "_generated" not in p.parts)


def imported(path: Path) -> set[str]:
    """Top-level modules of this package that a file imports when it runs (type-checking imports do not count)."""
    package = ("nkcell_sim", *path.relative_to(ROOT).parts[:-1])
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(a.name.split(".")) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            whole = (*base, *(node.module or "").split(".")) if node.module else base
            names = [(*whole, a.name) for a in node.names] if len(whole) == 1 else [whole]
        found.update(n[1] for n in names if n[0] == "nkcell_sim" and len(n) > 1)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found & (ROW.keys())


def top(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_module_has_a_place_in_the_house() -> None:
    assert {top(p) for p in modules()} <= ROW.keys()


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = ROW[top(path)]
    upward = {name for name in imported(path) if ROW[name] < here}
    if top(path) == "__init__":
        return
    assert not upward, f"{path.relative_to(ROOT)} imports {sorted(upward)} from above"


def loaded(code: str) -> set[str]:
    """Names of the modules that are loaded after running code in a fresh interpreter."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert not loaded("import nkcell_sim.analysis") & {"numpy", "scipy", "sympy", "matplotlib", "pint", "pydantic", "h5py", "dask", "xarray"}


def test_the_model_imports_without_the_compiled_engine_or_a_symbolic_package() -> None:
    modules = loaded("from nkcell_sim.model.cells import primary_nk_cell; primary_nk_cell()")
    assert not modules & {"nkcell_sim._kernels", "sympy", "matplotlib", "h5py", "pydantic"}


def test_simulating_loads_neither_plots_nor_symbols_nor_clusters() -> None:
    code = "import nkcell_sim as nk; nk.simulate(nk.primary_nk_cell(), nk.Protocol(1.0), record=['v']).raise_for_status()"
    brought = loaded("import pint")  # which imports dask where that is installed
    assert not (loaded(code) - brought) & {"sympy", "matplotlib", "dask", "distributed", "mpi4py"}


def test_files_tell_one_story() -> None:
    long = {str(p.relative_to(ROOT)): n for p in modules() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 500}
    assert not long


@pytest.mark.parametrize("package", ["nkcell_sim", "nkcell_sim.analysis"])
def test_every_public_name_is_found_and_an_unknown_one_is_an_attribute_error(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) - {"__version__"} == set(module._HOMES)
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)
    # a name that is also that of a module would be replaced by it when the module is imported; the package itself guards against that
    if package != "nkcell_sim":
        assert not set(module.__all__) & {p.stem for p in Path(module.__file__).parent.glob("*.py")}
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        module.no_such_name  # noqa: B018
