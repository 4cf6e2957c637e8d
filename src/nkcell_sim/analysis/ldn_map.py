"""Which assumptions let low-dose naltrexone restore the current of a patient's cell (target T9): a map over the readings that nobody has measured."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..experiments import names
from ..experiments.dosing import REBOUNDS
from ..experiments.low_dose_naltrexone import LowDoseNaltrexone
from ..experiments.naltrexone_course import healthy_current, own_current
from ..experiments.settling import PREPARATION_RTOL, body_of
from ..model.cell import Cell
from ..model.cells.phenotypes import phenotype
from ..protocol import Protocol
from ..simulate import simulate
from ..units import parse
from .targets import RESTORED

Array = NDArray[np.float64]
LESIONS = ("me_cfs_default_lesion", "me_cfs", "me_cfs_channel_number")
FACTORS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)
BATHS = ("kept", "washed")
AXES = ("lesion", "k_invivo", "naltrexol_tone", "agonist_share", "rebound", "bath")


@dataclass(frozen=True)
class LdnMap:
    """Relative TRPM3 current of treated patients' cells over a grid of readings.

    ``current`` (one axis for each of :data:`AXES`) is f_G n0 N_rel over that of the untreated healthy cell of the lesion [1], 1 when fully restored;
    ``untreated`` (n_lesions,) is that of the patient without the drug. It is the factor by which the opioid chain scales the conductance: the evoked
    patch-clamp density of the default protocol follows it within 1 %, since the clamp keeps voltage and ions nearly the same for every current.
    """

    axes: dict[str, tuple[Any, ...]]
    current: Array
    untreated: Array
    settings: dict[str, str]
    wash: float  # s in drug-free medium where bath is "washed"

    def restored(self, low: float = RESTORED[0], high: float = RESTORED[1]) -> NDArray[np.bool_]:
        """Where the current is within a band of the healthy one (by default that of T6, T9 and T13: a modelling choice)."""
        return np.asarray((self.current >= low) & (self.current <= high))

    def at(self, **where: Any) -> Array:
        """The part of ``current`` with some axes fixed to one of their values, the other axes in order: ``at(lesion="me_cfs", bath="kept")``."""
        for name, value in where.items():
            if name not in self.axes:
                raise ParameterError(f"the map has no axis {name!r}; expected {', '.join(self.axes)}", name=name)
            if value not in self.axes[name]:
                raise ParameterError(f"got {name} = {value!r}; expected one of {', '.join(map(repr, self.axes[name]))}", name=name)
        chosen = tuple(values.index(where[name]) if name in where else slice(None) for name, values in self.axes.items())
        return np.asarray(self.current[chosen])

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dictionary a grid point: the readings and ``current``."""
        for index in np.ndindex(self.current.shape):
            point = {name: values[i] for (name, values), i in zip(self.axes.items(), index, strict=True)}
            yield {**point, "current": float(self.current[index])}

    def __repr__(self) -> str:
        lines = [f"Current after {self.settings['dose']}, relative to healthy (model output); restored from {RESTORED[0]:g} to {RESTORED[1]:g}"]
        for lesion, before in zip(self.axes["lesion"], self.untreated, strict=True):
            lines.append(f"  {lesion}: untreated {before:.2f}; {int(self.restored()[self.axes['lesion'].index(lesion)].sum())} of its readings restore it")
        return "\n".join(lines)


def ldn_map(
    cell: Cell,
    treatment: LowDoseNaltrexone | None = None,
    *,
    lesions: Sequence[str] = LESIONS,
    k_invivo: Sequence[float] = FACTORS,
    naltrexol_tone: Sequence[float] = (0.0, 1.0),
    agonist_share: Sequence[float] = (0.0, 1.0),
    rebound: Sequence[str] = tuple(REBOUNDS),
    wash: str | float = "30 min",
) -> LdnMap:
    """Map of the relative current of ``cell`` with each lesion over the readings of oral naltrexone; all bodies run in one batch.

    ``treatment`` gives doses, times, free fraction and the like (default 4.5 mg a day, drawn 3 h after the tenth); its own k_invivo, naltrexol_tone,
    agonist_share and rebound are replaced by the axes. ``wash`` [s] is the time in drug-free medium of the "washed" bath. Raises
    :class:`ParameterError` for an empty axis and for values that a treatment refuses.
    """
    base = treatment or LowDoseNaltrexone()
    seconds = parse(wash, "s") if isinstance(wash, str) else float(wash)
    if not 0.0 < seconds < np.inf:
        raise ParameterError(f"got wash = {wash!r}; expected a time above 0 s", name="wash")
    axes = _axes(lesion=lesions, k_invivo=k_invivo, naltrexol_tone=naltrexol_tone, agonist_share=agonist_share, rebound=rebound)
    bodies = {name: body_of(cell.with_phenotype(phenotype(name).name), {}) for name in axes["lesion"]}
    treated = [
        bodies[lesion].set(replace(base, k_invivo=k, naltrexol_tone=tone, agonist_share=share, rebound=level).body())
        for lesion, k, tone, share, level in itertools.product(*axes.values())
    ]
    healthy = np.array([healthy_current(body) for body in bodies.values()])
    found = np.stack(_currents(treated, base.swallowing(), seconds), axis=-1)
    shape = (*(len(values) for values in axes.values()), len(BATHS))
    current = found.reshape(len(healthy), -1) / healthy[:, None]
    untreated = np.array([own_current(body) for body in bodies.values()]) / healthy
    return LdnMap({**axes, "bath": BATHS}, current.reshape(shape), untreated, base.settings(), seconds)


def _axes(**given: Sequence[Any]) -> dict[str, tuple[Any, ...]]:
    """Values by axis, each at least one and none twice; words stay words, numbers become floats."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, values in given.items():
        if isinstance(values, str) or not values:
            raise ParameterError(f"got {name} = {values!r}; expected a list of at least one value", name=name)
        found[name] = tuple(v if isinstance(v, str) else float(v) for v in values)
        if len(set(found[name])) < len(found[name]):
            raise ParameterError(f"got {name} = {values!r}; expected each value once", name=name)
    return found


def _currents(bodies: Sequence[Cell], course: Protocol, wash: float) -> tuple[Array, Array]:
    """f_G n0 N_rel at the end of the course, and after ``wash`` seconds in drug-free medium; NaN where a run failed."""
    drawn = simulate(bodies, course, record=[names.RELATIVE_CURRENT], times=[course.duration], rtol=PREPARATION_RTOL)
    washed = np.full(len(bodies), np.nan)
    sound = [i for i, status in enumerate(drawn.status) if status == "ok"]
    if sound:
        taken_off = [drug_free(drawn.final_cell(i)) for i in sound]
        after = simulate(taken_off, Protocol(wash), record=[names.RELATIVE_CURRENT], times=[wash], rtol=PREPARATION_RTOL)
        washed[sound] = after[names.RELATIVE_CURRENT][:, 0]
    return drawn[names.RELATIVE_CURRENT][:, 0], washed


def drug_free(body: Cell) -> Cell:
    """A chain taken out of its body into drug-free medium: nothing free around it, the ambient opioid of an untreated cell."""
    outside = body.set({names.FREE_FRACTION: 0.0, names.REBOUND: 0.0})
    return outside.with_state({names.OPIOID: 1.0, "signal": 0.0})


__all__ = ["AXES", "LdnMap", "ldn_map"]
