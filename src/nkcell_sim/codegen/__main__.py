"""Write ``_generated/*.h`` for every registered composition: ``python -m nkcell_sim.codegen [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from ..model.cells import COMPOSITIONS
from ..model.composition import Composition
from .c_header import CellHeader, registry_text


def generate(folder: Path) -> list[Path]:
    """Write one header per composition and the registry; a file is rewritten only when its text changes."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [form for build in COMPOSITIONS.values() for form in forms(build())]
    texts = {f"{cell.name}.h": CellHeader(cell).text() for cell in cells}
    texts["cells.h"] = registry_text([cell.name for cell in cells])
    written = []
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def forms(composition: Composition) -> list[Composition]:
    """What is compiled of a composition: itself and, where it declares channels that can be drawn, the form that draws them."""
    return [composition, composition.drawn] if composition.schemes else [composition]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "_generated"
    for changed in generate(target):
        print(f"wrote {changed.name}")
