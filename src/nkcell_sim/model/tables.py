"""A cell as text: what is in it, its rest and its changed parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..units import from_kernel
from .component import Component

if TYPE_CHECKING:
    from .cell import Cell


def cell_table(cell: Cell) -> str:
    """Tables of components, states at the start and changed parameters."""
    composition = cell.composition
    lines = [
        f"Cell {cell.name!r}: {len(composition.components)} components, {len(composition.states)} states, "
        f"{len(composition.parameters)} parameters" + _temperature(cell)
    ]
    lines += [f"  {step}" for step in cell.history]
    lines += ["", "component             off  what it is"]
    lines += [_component_row(cell, c) for c in composition.components]
    lines += ["", "state at the start               value  unit   meaning"]
    y = cell.initial_state()
    for (key, state), value in zip(composition.states.items(), y, strict=True):
        lines.append(f"{key:<24} {from_kernel(value, state.unit):>13.6g}  {state.unit:<6} {state.description}")
    if cell.values:
        lines += ["", "parameter set here                 value  unit        default  evidence of this value"]
    for key, value in cell.values.items():
        p = composition.parameters[key]
        evidence, source = cell.origin(key)
        lines.append(f"{key:<29} {value:>10.6g}  {p.unit:<10} {p.default:>8.5g}  {evidence:<2} {source}")
    return "\n".join(lines)


def _temperature(cell: Cell) -> str:
    if "temperature" not in cell.composition.parameters:
        return ""
    return f", {cell.parameter('temperature') - 273.15:.4g} degC"


def _component_row(cell: Cell, component: Component) -> str:
    off = f"{component.name}.switch" in cell.composition.parameters and cell.parameter(f"{component.name}.switch") == 0.0
    text = (type(component).__doc__ or "").strip().splitlines()
    return f"{component.name:<21} {'off' if off else '   '}  {text[0] if text else ''}"
