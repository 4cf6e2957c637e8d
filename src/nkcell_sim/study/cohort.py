"""Virtual cohorts: donors, and cells within donors, that differ from the cell of their group by named spreads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..model.cell import Cell
from ..randomness import checked_seed, stream
from .case import name_problem

DISTRIBUTIONS = ("lognormal", "normal", "truncated")
CHANNELS = ("mean", "counted", "stochastic")
CONSTANTS = ("recalibrated", "kept")
SAFE = 4.0  # a normal spread stays this many standard deviations inside the parameter's declared range
MOST_RUNS = 100_000_000  # cells of all conditions in an experiment: days of a thousand cores; more is a slip of the pen
MOST_DONORS, MOST_CELLS = 100_000, 100_000
REMEMBERED = 1024  # donors whose numbers are kept for their next cells
PAIR_AGE = 2.0  # years within which the ages of a matched pair lie


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How one parameter differs between donors, and between the cells of a donor, relative to its value in the group's cell.

    ``donors`` and ``cells`` are coefficients of variation (0.3 is 30 %). With z_d and z_c standard normal, one of each donor and one of each cell:

    - lognormal: value exp(s_d z_d + s_c z_c), s^2 = ln(1 + cv^2); the value is the median, and no draw is negative;
    - normal: value (1 + cv_d z_d + cv_c z_c); refused where four standard deviations leave the parameter's range;
    - truncated: the donor's value from a normal cut at ``low`` and ``high``, the cell's from a normal around it with the same cuts.

    ``groups`` restricts it to some groups (empty: all). The size of such spreads in NK cells is not known: every value is an assumption (A).
    """

    key: str
    donors: float = 0.0
    cells: float = 0.0
    distribution: str = "lognormal"
    low: float | None = None
    high: float | None = None
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("donors", "cells"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 <= value <= 10.0:
                said = f"got a spread of {self.key!r} between {name} of {value!r}; expected a coefficient of variation from 0 to 10 (0.3 is 30 %)"
                raise ParameterError(said, name=name)
        if self.distribution not in DISTRIBUTIONS:
            expected = ", ".join(map(repr, DISTRIBUTIONS))
            raise ParameterError(f"got a spread of {self.key!r} with distribution {self.distribution!r}; expected one of {expected}", name="distribution")
        cuts = self.low is not None or self.high is not None
        if cuts and self.distribution != "truncated":
            raise ParameterError(f"got low or high for the {self.distribution} spread of {self.key!r}; they cut a truncated one", name="low")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ParameterError(f"got a spread of {self.key!r} cut at low = {self.low:g} and high = {self.high:g}; expected low < high", name="low")

    def limits(self, cell: Cell) -> tuple[float, float]:
        """Smallest and largest value [declared unit]: the cuts, else the parameter's declared range."""
        declared = cell._find(self.key, cell.composition.parameters, "parameter")
        low = declared.minimum if self.low is None else self.low
        high = declared.maximum if self.high is None else self.high
        return -math.inf if low is None else float(low), math.inf if high is None else float(high)

    def check(self, cell: Cell) -> None:
        """Refuse a spread that leaves the range of its parameter in a group's cell."""
        value, (low, high) = cell.parameter(self.key), self.limits(cell)
        if value == 0.0:
            raise ParameterError(f"got a spread of {self.key!r}, which is 0 in the cell {cell.name!r}; a relative spread of 0 is 0", name=self.key)
        total = math.hypot(self.donors, self.cells) * abs(value)
        if self.distribution == "normal" and (value - SAFE * total < low or value + SAFE * total > high):
            bound = low if value - SAFE * total < low else high
            raise ParameterError(
                f"got a normal spread of {self.key!r} that leaves its range: {value:g} -+ {SAFE:g} x {total:.3g} passes {bound:g};"
                " choose lognormal (never negative), truncated, or a smaller variance",
                name=self.key,
            )
        if self.distribution == "truncated" and not low < value < high:
            raise ParameterError(f"got a truncated spread of {self.key!r} around {value:g}, outside its cuts {low:g} to {high:g}", name=self.key)

    def draw(self, cell: Cell, z_donor: float, z_cell: float) -> float:
        """Value of a cell [declared unit] from the standard normal numbers of its donor and of itself."""
        value = cell.parameter(self.key)
        if self.distribution == "lognormal":
            exponent = math.sqrt(math.log1p(self.donors**2)) * z_donor + math.sqrt(math.log1p(self.cells**2)) * z_cell
            return value * math.exp(exponent)
        if self.distribution == "normal":
            return value * (1.0 + self.donors * z_donor + self.cells * z_cell)
        donor = _cut(value, self.donors * abs(value), z_donor, *self.limits(cell))
        return _cut(donor, self.cells * abs(value), z_cell, *self.limits(cell))


def _cut(middle: float, sd: float, z: float, low: float, high: float) -> float:
    """The quantile of a normal cut at low and high that z is of the standard normal."""
    if sd == 0.0:
        return middle
    from scipy.stats import norm, truncnorm

    return float(truncnorm.ppf(norm.cdf(z), (low - middle) / sd, (high - middle) / sd, loc=middle, scale=sd))


@dataclass(frozen=True)
class Member:
    """One cell of a cohort: its group, donor and number, the labels of the donor, and its own parameter values [declared units]."""

    group: str
    donor: str
    cell: int
    labels: Mapping[str, str | float]
    changed: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Donors in every group and cells of every donor, drawn by names alone: adding donors, cells or workers changes no earlier draw.

    Cases of a study that share a ``group`` have the same donors, so that treatments are paired within donors; the cells are other ones in every case and
    experiment, as in a laboratory. ``donors`` is a number, or one by group. ``spread`` says what differs, ``correlations`` are (key, key, r) between the
    normal numbers behind two spreads, the same between donors and between cells. ``table`` gives donors their parameter values directly:
    {group: {donor: {key: value}}}; spreads then act around them. With ``matched`` the i-th donors of all groups are a pair of the same sex whose ages differ
    by at most two years; age and sex are labels, no equation reads them.

    ``channels``: "mean" (every cell has the mean number of TRPM3 channels), "counted" (a whole number, Poisson and binomial) or "stochastic" (these channels
    also open and close by chance). ``constants``: resting constants are "recalibrated" for every drawn cell, so that its healthy counterpart has the wanted
    rest, or "kept" as in the group's cell. ``age`` is mean and standard deviation [years].
    """

    donors: int | Mapping[str, int] = 8
    cells: int = 6
    spread: tuple[Spread, ...] = ()
    correlations: tuple[tuple[str, str, float], ...] = ()
    table: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    matched: bool = True
    age: tuple[float, float] = (42.0, 10.0)
    female: float = 0.75
    channels: str = "mean"
    constants: str = "recalibrated"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "spread", tuple(self.spread))
        object.__setattr__(self, "correlations", tuple(tuple(c) for c in self.correlations))
        checked_seed(self.seed)
        for group, count in self.donors.items() if isinstance(self.donors, Mapping) else [("", self.donors)]:
            _check_count("donors" + (f" of {group!r}" if group else ""), count, MOST_DONORS, "donors")
        _check_count("cells per donor", self.cells, MOST_CELLS, "cells")
        for name, choices in (("channels", CHANNELS), ("constants", CONSTANTS)):
            if getattr(self, name) not in choices:
                raise ParameterError(f"got {name} = {getattr(self, name)!r}; expected one of {', '.join(map(repr, choices))}", name=name)
        if not 0.0 <= self.female <= 1.0:
            raise ParameterError(f"got female = {self.female!r}; expected a share from 0 to 1", name="female")
        mean, sd = self.age
        if not (math.isfinite(mean) and math.isfinite(sd) and mean > 0.0 and sd >= 0.0):
            raise ParameterError(f"got age = {self.age!r}; expected a mean above 0 and a standard deviation of at least 0 [years]", name="age")
        self._check_table()
        self._check_spreads()

    def _check_table(self) -> None:
        """Donors by value have a name that a result file can hold, and none that a numbered donor of the group has."""
        for group, named in self.table.items():
            for donor in named:
                problem = name_problem(donor)
                if problem:
                    raise ParameterError(f"got a donor of {group!r} named {donor!r}; {problem}", name=donor)
            numbered = self.donors_of(group)[len(named) :]
            taken = next((donor for donor in numbered if donor in named), None)
            if taken is not None:
                said = f"got a donor {taken!r} in the table of {group!r}, a name that one of its donors without values has; give it another name"
                raise ParameterError(said, name=taken)

    def _check_spreads(self) -> None:
        seen: set[tuple[str, str]] = set()
        for each in self.spread:
            if not isinstance(each, Spread):
                raise ParameterError(f"got {each!r} among the spreads of a cohort; expected Spread(key=..., donors=..., cells=...)", name="spread")
            for group in each.groups or ("",):
                if any((key == each.key and "" in (group, other)) or (key, other) == (each.key, group) for key, other in seen):
                    raise ParameterError(f"got two spreads of {each.key!r}{f' in {group!r}' if group else ''}; expected one for each group", name=each.key)
                seen.add((each.key, group))
        keys = {each.key for each in self.spread}
        pairs = [{first, second} for first, second, _ in self.correlations]
        for i, (first, second, r) in enumerate(self.correlations):
            missing = next((k for k in (first, second) if k not in keys), None)
            if missing:
                raise ParameterError(f"got a correlation of {missing!r}, which has no spread", name="correlations")
            if first == second or not -1.0 < r < 1.0:
                said = f"got a correlation {r!r} of {first!r} with {second!r}; expected two keys and a number between -1 and 1"
                raise ParameterError(said, name="correlations")
            if pairs[i] in pairs[:i]:
                raise ParameterError(f"got two correlations of {first!r} with {second!r}; expected one", name="correlations")
        _ = self._mixing

    @cached_property
    def _keys(self) -> list[str]:
        return list(dict.fromkeys(each.key for each in self.spread))

    @cached_property
    def _mixing(self) -> np.ndarray:
        """Cholesky factor of the correlations between spreads."""
        matrix = np.eye(len(self._keys))
        for first, second, r in self.correlations:
            i, j = self._keys.index(first), self._keys.index(second)
            matrix[i, j] = matrix[j, i] = r
        try:
            return np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            said = "got correlations that cannot hold together (their matrix is not positive definite); expected weaker ones"
            raise ParameterError(said, name="correlations") from None

    def check(self, groups: Mapping[str, Sequence[Cell]]) -> None:
        """Refuse what does not fit the groups of a study and their cells."""
        total = sum(len(self.donors_of(group)) * len(cells) for group, cells in groups.items()) * self.cells
        if total > MOST_RUNS:
            raise ParameterError(f"got a cohort of {total:,} cells in each experiment; expected at most {MOST_RUNS:,}: fewer donors or cells", name="cells")
        asked = {*(self.donors if isinstance(self.donors, Mapping) else ()), *self.table, *(g for s in self.spread for g in s.groups)}
        unknown = sorted(asked - set(groups))
        if unknown:
            raise ParameterError(f"got a cohort with a group {unknown[0]!r}; the study has {', '.join(map(repr, groups))}", name=unknown[0])
        uncounted = next((g for g in groups if isinstance(self.donors, Mapping) and g not in self.donors and not self.table.get(g)), None)
        if uncounted is not None:
            raise ParameterError(f"got no number of donors for the group {uncounted!r}; expected one for each group without a table", name="donors")
        for group, cells in groups.items():
            for donor, values in self.table.get(group, {}).items():
                for key, value in values.items():
                    try:
                        cells[0].set({key: value})
                    except ParameterError as error:
                        raise ParameterError(f"donor {donor!r} of {group!r}: {error}", name=key) from error
            for each in self.spread:
                if not each.groups or group in each.groups:
                    for cell in cells:
                        each.check(cell)

    def donors_of(self, group: str) -> list[str]:
        """Names of the donors of a group; those of the table first."""
        names = self._names
        if group not in names:
            names[group] = self._named(group)
        return names[group]

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return {}

    def _named(self, group: str) -> list[str]:
        named = list(self.table.get(group, {}))
        count = self.donors.get(group, max(len(named), 1)) if isinstance(self.donors, Mapping) else max(self.donors, len(named))
        return named + [f"{group} {i + 1}" for i in range(len(named), count)]

    def labels_of(self, group: str, number: int) -> dict[str, str | float]:
        """Age [years] and sex of the i-th donor of a group, and the pair it belongs to."""
        whose = ("pair", number) if self.matched else ("donor", group, number)
        pair = stream(self.seed, "labels", *whose)
        sex = "female" if pair.random() < self.female else "male"
        age = max(18.0, self.age[0] + self.age[1] * pair.standard_normal())
        if self.matched:
            age += PAIR_AGE * (stream(self.seed, "labels", "age", group, number).random() - 0.5)
        return {"age": round(age, 1), "sex": sex, "pair": f"pair {number + 1}" if self.matched else ""}

    def members(self, group: str, cell: Cell, *where: str) -> Iterator[Member]:
        """Every cell of a group; ``where`` (case, experiment) names the cells, the donors keep theirs."""
        return (self.member(group, cell, i, *where) for i in range(len(self.donors_of(group)) * self.cells))

    def member(self, group: str, cell: Cell, index: int, *where: str) -> Member:
        """One cell of a group: ``index`` counts the cells of its first donor, then those of the next."""
        number, i = divmod(index, self.cells)
        donor = self.donors_of(group)[number]
        given = self.table.get(group, {}).get(donor, {})
        base = cell.set(given) if given else cell
        z_donor, labels = self._known(group, donor, number)
        z_cell = self._normals("cell", group, donor, *where, i)
        mine = {each.key: each for each in self.spread if not each.groups or group in each.groups}
        drawn = {key: each.draw(base, z_donor[key], z_cell[key]) for key, each in mine.items()}
        return Member(group, donor, i + 1, labels, {**given, **drawn})

    def _known(self, group: str, donor: str, number: int) -> tuple[dict[str, float], dict[str, str | float]]:
        """Normal numbers and labels of a donor, whose cells come one after another; entries are never changed, so that threads need no lock."""
        remembered = self._donors
        found = remembered.get((group, donor))
        if found is None:
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            found = remembered[group, donor] = (self._normals("donor", group, donor), self.labels_of(group, number))
        return found

    @cached_property
    def _donors(self) -> dict[tuple[str, str], tuple[dict[str, float], dict[str, str | float]]]:
        return {}

    def _normals(self, *name: str | int) -> dict[str, float]:
        """Correlated standard normal numbers by key; every key has a stream of its own, so that adding a spread changes no other."""
        z = np.array([stream(self.seed, *name, key).standard_normal() for key in self._keys])
        return dict(zip(self._keys, (self._mixing @ z).tolist(), strict=True))

    def describe(self) -> dict[str, Any]:
        """The cohort as plain data, for provenance."""
        spread = [{n: getattr(s, n) for n in ("key", "donors", "cells", "distribution", "low", "high", "groups")} for s in self.spread]
        plain = {n: getattr(self, n) for n in ("cells", "matched", "female", "channels", "constants", "seed")}
        donors = dict(self.donors) if isinstance(self.donors, Mapping) else self.donors
        return {"donors": donors, **plain, "age": list(self.age), "spread": spread, "correlations": [list(c) for c in self.correlations], "table": self.table}

    def __repr__(self) -> str:
        many = self.donors if isinstance(self.donors, int) else ", ".join(f"{n} {g}" for g, n in self.donors.items())
        lines = [f"Cohort of {many} donors in each group, {self.cells} cells each; channels {self.channels}, seed {self.seed}"]
        lines += [f"  {s.key:<28}{s.distribution:<11} donors {100 * s.donors:g} %, cells {100 * s.cells:g} %" for s in self.spread]
        return "\n".join(lines)


def _check_count(what: str, count: Any, most: int, name: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= most:
        raise ParameterError(f"got {count!r} {what} in a cohort; expected a whole number from 1 to {most:,}", name=name)
