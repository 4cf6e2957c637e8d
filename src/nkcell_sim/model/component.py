"""A component: one current, flux or signalling step, declared in one file and written like a methods section.

    class KCa31(Component):
        \"\"\"Intermediate-conductance Ca2+-activated K+ current, KCa3.1 [pA].\"\"\"

        g_max = Parameter(0.25, "nS", "maximal conductance", source="Grissmer 1993", evidence="V", minimum=0.0)
        w = State("1", "open fraction", scale=1.0, lower=0.0, upper=1.0)
        i = Flow("pA", "KCa3.1 current")

        def equations(self, c):
            c.i = c.g_max * c.w * c.k_drive       # assigning a Flow multiplies by the component's switch
            c.add(i_k=c.i)                        # contribution to the cell's pool of K+ currents
            c.ddt(w=(hill(c.ca_cyt, c.k_ca, c.n) - c.w) / c.tau)

``c`` is a :class:`Scope`: reading an attribute finds the component's own declaration first and then any name
another component declared ``shared``; assigning sets a declared Flow or Observable; ``c.add`` contributes to a
pool; ``c.pool`` reads the sum of contributions made so far; ``c.ddt`` sets time derivatives.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .quantities import Declaration, Parameter, State
from .scheme import Scheme

SWITCH = Parameter(1.0, "1", "switch: 0 removes the component", evidence="-", choices=(0.0, 1.0))


class Component:
    """Base of all components; subclasses declare quantities as class attributes and write ``equations``."""

    essential: ClassVar[bool] = False  # an essential component (bath, membrane, geometry) has no switch
    declarations: ClassVar[dict[str, Declaration]] = {}
    schemes: ClassVar[dict[str, Scheme]] = {}  # of channels that may be drawn, by name
    switch: ClassVar[Parameter] = SWITCH

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found: dict[str, Declaration] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Declaration) and not (name == "switch" and cls.essential):
                    found[name] = value
        cls.declarations = found
        cls.schemes = {n: v for base in reversed(cls.__mro__) for n, v in vars(base).items() if isinstance(v, Scheme)}

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__

    def equations(self, c: Scope) -> None:
        """Assign flows and observables, contribute to pools and set derivatives, all through ``c``."""
        raise NotImplementedError

    def drawn_equations(self, c: Scope) -> None:
        """Assign what only the form of the cell with drawn channels has: rates of transitions, numbers of channels."""

    @property
    def states(self) -> dict[str, State]:
        """The declared states by local name."""
        return {n: d for n, d in self.declarations.items() if isinstance(d, State)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Scope:
    """What ``equations`` sees: names of one component resolved against one evaluation."""

    __slots__ = ("_names", "_run", "_switch")

    def __init__(self, run: Any, names: dict[str, str], switch: str | None) -> None:
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_switch", switch)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._run.values[self._names[name]]
        except KeyError:
            raise self._run.unknown_name(name, self._names) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._run.assign(self._names.get(name, name), value, self._switch)

    def over_channels(self, drawn: str, *, each: Any, mean: Any) -> Any:
        """Sum over the channels of a scheme: ``each`` times the ``drawn`` input that counts them, or the ``mean`` where no channel is drawn."""
        return each * getattr(self, drawn) if self._run.composition.draws else mean

    def add(self, **contributions: Any) -> None:
        """Add each value to the pool of that name."""
        for pool, value in contributions.items():
            self._run.add_to_pool(pool, value)

    def pool(self, name: str) -> Any:
        """Sum of the contributions to a pool; every contributor must stand earlier in the cell's list."""
        return self._run.read_pool(name)

    def ddt(self, **rates: Any) -> None:
        """Set the time derivative of each named state (multiplied by the component's switch)."""
        for name, value in rates.items():
            self._run.set_derivative(self._names.get(name, name), value, self._switch)
