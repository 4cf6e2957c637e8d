"""Build step: write the cells' C headers from their equations, then compile the engine.

A source distribution carries the headers, so that a cluster needs a C compiler but no symbolic package.
"""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
PACKAGE = ROOT / "src" / "nkcell_sim"
GENERATED = PACKAGE / "_generated"


def generate_headers() -> None:
    """Write ``_generated/*.h``; without sympy, use the headers that came with the source distribution."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        from nkcell_sim.codegen.__main__ import generate
    except ModuleNotFoundError as error:
        if (GENERATED / "cells.h").exists():
            print(f"using the shipped headers ({error})")
            return
        raise SystemExit(f"{error}: the cells' headers are missing and writing them needs sympy and pint; install them or use a source distribution") from error
    finally:
        sys.path.pop(0)
    generate(GENERATED)


class BuildExt(build_ext):
    """Compile after the headers are up to date; they are dependencies, so an edited equation recompiles the engine."""

    def run(self) -> None:
        generate_headers()
        for extension in self.extensions:
            extension.depends = [str(p) for folder in (GENERATED, PACKAGE / "_kernel") for p in folder.glob("*.h")]
        super().run()


class SourceDistribution(sdist):
    """Carry the generated headers."""

    def run(self) -> None:
        generate_headers()
        super().run()


setup(
    ext_modules=[
        Extension(
            "nkcell_sim._kernels",
            ["src/nkcell_sim/_kernels.pyx", *(f"src/nkcell_sim/_kernel/engine_{name}.c" for name in ("portable", "avx2", "avx512"))],
            include_dirs=["src/nkcell_sim", "src/nkcell_sim/_kernel"],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            # no contraction: the same bits on every machine; no errno or traps: sqrt is one instruction
            extra_compile_args=["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-Wno-unused-function"],
        )
    ],
    cmdclass={"build_ext": BuildExt, "sdist": SourceDistribution},
)
