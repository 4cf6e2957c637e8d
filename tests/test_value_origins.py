"""Where the values of parameters come from, as a result tells it: for every run what its own cell says."""

from __future__ import annotations

from dataclasses import replace

import nkcell_sim as nk
from nkcell_sim.results.value_origins import Origins

CELL = nk.primary_nk_cell()


def test_every_value_has_the_origin_that_its_cell_tells_whatever_other_cells_there_are() -> None:
    declared = CELL.composition.parameters
    sick = CELL.with_phenotype("me_cfs")
    solved = next(key for key in CELL.solved if declared[key].balance)
    named = next(key for key, value in sick.values.items() if "phenotype" in sick.origin(key)[1])
    cells = [
        *(CELL.set({"KCa31.g_max": value}) for value in (0.3, declared["KCa31.g_max"].default, 0.4)),
        sick,
        replace(sick, values={**sick.values, named: sick.values[named] * 1.1}),
        replace(CELL, values={**sick.values}),
        CELL,
        replace(CELL, values={**CELL.values, solved: CELL.values[solved] * 1.1}),
        replace(CELL, values={**CELL.values, solved: declared[solved].default}),
        replace(CELL, values=dict(reversed(CELL.values.items()))),
    ]
    keys = list(declared)
    rows, table = Origins().numbered(cells, keys)
    assert [[table[n] for n in row] for row in rows.tolist()] == [[cell.origin(key) for key in keys] for cell in cells]
    assert len({origin for row in rows for origin in row}) == len(table) > 5
    assert list(dict.fromkeys(rows.ravel().tolist())) == list(range(len(table))), "numbered as they first occur"
