"""Stiff reference problems and runs that must fail well, written as cells so that the engine itself is what is tested.

Sources: Robertson 1966; HIRES: Schaefer 1975; OREGO: Field and Noyes 1974; VDPOL: van der Pol 1926, in the forms and
with the constants of Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section IV.10.
"""

from __future__ import annotations

from ..component import Component, Scope
from ..composition import Composition
from ..primitives import boltzmann, sqrt
from ..quantities import Input, Observable, Parameter, State

TEXTBOOK = "Hairer & Wanner 1996, section IV.10"


class Robertson(Component):
    """Robertson's autocatalytic reactions [1]."""

    essential = True
    k1 = Parameter(0.04, "1/s", "slow reaction", source=TEXTBOOK, evidence="V")
    k2 = Parameter(3e7, "1/s", "fast reaction", source=TEXTBOOK, evidence="V")
    k3 = Parameter(1e4, "1/s", "middle reaction", source=TEXTBOOK, evidence="V")
    y1 = State("1", "first species", initial=1.0, scale=1.0, shared=True)
    y2 = State("1", "second species", scale=1e-5, shared=True)
    y3 = State("1", "third species", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        slow, middle, fast = c.k1 * c.y1, c.k3 * c.y2 * c.y3, c.k2 * c.y2 * c.y2
        c.ddt(y1=middle - slow, y2=slow - middle - fast, y3=fast)


class LateRobertson(Robertson):
    """Robertson's reactions with the scales that suit 1e11 s [1]."""

    y1 = State("1", "first species", initial=1.0, scale=1e-8, shared=True)
    y2 = State("1", "second species", scale=1e-14, shared=True)


class Hires(Component):
    """High irradiance responses of photomorphogenesis, eight species [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "unit of rate", source=TEXTBOOK, evidence="V")
    y1 = State("1", "species 1", initial=1.0, scale=1e-4, shared=True)
    y2 = State("1", "species 2", scale=1e-4, shared=True)
    y3 = State("1", "species 3", scale=1e-4, shared=True)
    y4 = State("1", "species 4", scale=1e-4, shared=True)
    y5 = State("1", "species 5", scale=1e-4, shared=True)
    y6 = State("1", "species 6", scale=1e-4, shared=True)
    y7 = State("1", "species 7", scale=1e-4, shared=True)
    y8 = State("1", "species 8", initial=0.0057, scale=1e-4, shared=True)

    def equations(self, c: Scope) -> None:
        binding = 280.0 * c.y6 * c.y8
        c.ddt(
            y1=c.rate * (-1.71 * c.y1 + 0.43 * c.y2 + 8.32 * c.y3 + 0.0007),
            y2=c.rate * (1.71 * c.y1 - 8.75 * c.y2),
            y3=c.rate * (-10.03 * c.y3 + 0.43 * c.y4 + 0.035 * c.y5),
            y4=c.rate * (8.32 * c.y2 + 1.71 * c.y3 - 1.12 * c.y4),
            y5=c.rate * (-1.745 * c.y5 + 0.43 * c.y6 + 0.43 * c.y7),
            y6=c.rate * (-binding + 0.69 * c.y4 + 1.71 * c.y5 - 0.43 * c.y6 + 0.69 * c.y7),
            y7=c.rate * (binding - 1.81 * c.y7),
            y8=c.rate * (1.81 * c.y7 - binding),
        )


class Oregonator(Component):
    """The Belousov-Zhabotinskii limit cycle [1]."""

    essential = True
    s = Parameter(77.27, "1", "ratio of rates", source=TEXTBOOK, evidence="V")
    q = Parameter(8.375e-6, "1", "small parameter", source=TEXTBOOK, evidence="V")
    w = Parameter(0.161, "1/s", "slow rate", source=TEXTBOOK, evidence="V")
    rate = Parameter(1.0, "1/s", "unit of rate", source=TEXTBOOK, evidence="V")
    y1 = State("1", "HBrO2", initial=1.0, scale=1.0, shared=True)
    y2 = State("1", "Br-", initial=2.0, scale=1.0, shared=True)
    y3 = State("1", "Ce(IV)", initial=3.0, scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(
            y1=c.rate * c.s * (c.y2 + c.y1 * (1.0 - c.q * c.y1 - c.y2)),
            y2=c.rate * (c.y3 - (1.0 + c.y1) * c.y2) / c.s,
            y3=c.w * (c.y1 - c.y3),
        )


class VanDerPol(Component):
    """The stiff van der Pol oscillator in Lienard time [1]."""

    essential = True
    epsilon = Parameter(1e-6, "s", "stiffness", source=TEXTBOOK, evidence="V")
    rate = Parameter(1.0, "1/s", "unit of rate", source=TEXTBOOK, evidence="V")
    y1 = State("1", "position", initial=2.0, scale=1.0, shared=True)
    y2 = State("1", "velocity", initial=0.0, scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(y1=c.rate * c.y2, y2=((1.0 - c.y1 * c.y1) * c.y2 - c.y1) / c.epsilon)


class BlowUp(Component):
    """y' = y^2: infinite after 1 s from y = 1 [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "unit of rate", evidence="-")
    y = State("1", "grows without bound", initial=1.0, scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(y=c.rate * c.y * c.y)


class SingularInTime(Component):
    """y' = 1/(x - 1) with x driven by the protocol: singular when x passes 1 [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "unit of rate", evidence="-")
    x = Input(0.0, "1", "driven by the protocol", shared=True)
    y = State("1", "falls logarithmically", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(y=c.rate / (c.x - 1.0))


class UndefinedLate(Component):
    """y' = sqrt(0.5 - x) - y with x driven by the protocol: not a number when x passes 0.5 [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "unit of rate", evidence="-")
    x = Input(0.0, "1", "driven by the protocol", shared=True)
    y = State("1", "follows a root", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(y=c.rate * (sqrt(0.5 - c.x) - c.y))


class RootThroughZero(Component):
    """y' = -1 - sqrt(y): y falls through 0, where the root ends [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "unit of rate", evidence="-")
    y = State("1", "must stay at or above 0", initial=1.0, scale=1.0, lower=0.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(y=-c.rate * (1.0 + sqrt(c.y)))


class PassiveMembrane(Component):
    """A capacitor with a leak, driven by a current and clamped through a series resistance on request [mV]."""

    essential = True
    cm = Parameter(2.6, "pF", "membrane capacitance", evidence="A", minimum=0.0)
    g_leak = Parameter(0.1, "nS", "leak conductance", evidence="A", minimum=0.0)
    e_leak = Parameter(0.0, "mV", "leak reversal", evidence="A")
    r_series = Parameter(0.015, "GOhm", "series resistance", evidence="A", minimum=0.0)
    i_cmd = Input(0.0, "pA", "injected current", shared=True)
    v_cmd = Input(0.0, "mV", "command potential", shared=True)
    v_clamp = Input(0.0, "1", "1 while the clamp is on", minimum=0.0, maximum=1.0, shared=True)
    v = State("mV", "membrane potential", scale=1.0, shared=True)
    charge = State("fC", "charge delivered by the injected current", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        clamp = c.v_clamp * (c.v_cmd - c.v) / c.r_series
        c.ddt(v=(c.i_cmd + clamp - c.g_leak * (c.v - c.e_leak)) / c.cm, charge=c.i_cmd)


class HodgkinHuxleyGate(Component):
    """One voltage gate under a driven voltage [1]."""

    essential = True
    v_half = Parameter(-40.0, "mV", "half activation", evidence="A")
    slope = Parameter(8.0, "mV", "steepness", evidence="A")
    tau = Parameter(5.0, "ms", "time constant", evidence="A", minimum=0.0)
    v_cmd = Input(-80.0, "mV", "membrane potential", shared=True)
    n = State("1", "open probability", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        c.ddt(n=(boltzmann(c.v_cmd, c.v_half, c.slope) - c.n) / c.tau)


class MarkovScheme(Component):
    """Closed - open - inactivated, three states with rates that a driven input scales [1]."""

    essential = True
    opening = Parameter(0.8, "1/s", "C to O at full drive", evidence="A", minimum=0.0)
    closing = Parameter(0.3, "1/s", "O to C", evidence="A", minimum=0.0)
    inactivation = Parameter(0.05, "1/s", "O to I", evidence="A", minimum=0.0)
    recovery = Parameter(0.02, "1/s", "I to O", evidence="A", minimum=0.0)
    drive = Input(0.0, "1", "scales the opening rate", minimum=0.0, shared=True)
    closed = State("1", "closed fraction", initial=1.0, scale=1.0, shared=True)
    opened = State("1", "open fraction", scale=1.0, shared=True)
    inactivated = State("1", "inactivated fraction", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        to_open = c.drive * c.opening * c.closed - c.closing * c.opened
        to_inactive = c.inactivation * c.opened - c.recovery * c.inactivated
        c.ddt(closed=-to_open, opened=to_open - to_inactive, inactivated=to_inactive)


class BufferRelaxation(Component):
    """One Ca2+ buffer in a closed volume: mass action binding [uM]."""

    essential = True
    k_on = Parameter(10.0, "1/(uM s)", "association", evidence="A", minimum=0.0)
    k_off = Parameter(5.0, "1/s", "dissociation", evidence="A", minimum=0.0)
    total = Parameter(20.0, "uM", "buffer sites", evidence="A", minimum=0.0)
    free = State("uM", "free Ca2+", initial=10.0, scale=1.0, shared=True)
    bound = State("uM", "bound Ca2+", scale=1.0, shared=True)

    def equations(self, c: Scope) -> None:
        binding = c.k_on * c.free * (c.total - c.bound) - c.k_off * c.bound
        c.ddt(free=-binding, bound=binding)


class Oscillator(Component):
    """A harmonic oscillator, x = sin(rate t), whose observables are polynomials in its states and a driven gain [1]."""

    essential = True
    rate = Parameter(1.0, "1/s", "angular frequency", evidence="A", minimum=0.0)
    gain = Input(1.0, "1", "scales what is observed, nothing else", shared=True)
    x = State("1", "position", scale=1.0, shared=True)
    y = State("1", "velocity over rate", initial=1.0, scale=1.0, shared=True)
    square = Observable("1", "square of the position", shared=True)
    seen = Observable("1", "gain times the position", shared=True)

    def equations(self, c: Scope) -> None:
        c.square = c.x * c.x
        c.seen = c.gain * c.x
        c.ddt(x=c.rate * c.y, y=-c.rate * c.x)


def _single(name: str, component: type[Component], description: str) -> Composition:
    return Composition(name, [component()], description=description)


def robertson() -> Composition:
    """ROBER with scales for t = 40 s."""
    return _single("robertson", Robertson, "ROBER, to 40 s")


def robertson_late() -> Composition:
    """ROBER with scales for t = 1e11 s."""
    return _single("robertson_late", LateRobertson, "ROBER, to 1e11 s")


def hires() -> Composition:
    """HIRES."""
    return _single("hires", Hires, "HIRES")


def oregonator() -> Composition:
    """OREGO."""
    return _single("oregonator", Oregonator, "OREGO")


def van_der_pol() -> Composition:
    """VDPOL."""
    return _single("van_der_pol", VanDerPol, "VDPOL")


def blow_up() -> Composition:
    """A finite-time blow-up."""
    return _single("blow_up", BlowUp, "finite-time blow-up")


def singular_in_time() -> Composition:
    """A pole in time."""
    return _single("singular_in_time", SingularInTime, "pole in time")


def undefined_late() -> Composition:
    """A right-hand side that stops being a number."""
    return _single("undefined_late", UndefinedLate, "not a number from x = 0.5 on")


def root_through_zero() -> Composition:
    """A state that leaves its range."""
    return _single("root_through_zero", RootThroughZero, "falls through its lower bound")


def passive_membrane() -> Composition:
    """An RC cell."""
    return _single("passive_membrane", PassiveMembrane, "RC cell, injected current or clamp")


def hodgkin_huxley_gate() -> Composition:
    """One gate."""
    return _single("hodgkin_huxley_gate", HodgkinHuxleyGate, "one voltage gate")


def markov_scheme() -> Composition:
    """Three-state channel."""
    return _single("markov_scheme", MarkovScheme, "three-state channel")


def buffer_relaxation() -> Composition:
    """One buffer."""
    return _single("buffer_relaxation", BufferRelaxation, "Ca2+ buffer in a closed volume")


def oscillator() -> Composition:
    """A harmonic oscillator."""
    return _single("oscillator", Oscillator, "harmonic oscillator with observables")


REGISTRY = {
    build.__name__: build
    for build in (
        robertson, robertson_late, hires, oregonator, van_der_pol, blow_up, singular_in_time, undefined_late, root_through_zero,
        passive_membrane, hodgkin_huxley_gate, markov_scheme, buffer_relaxation, oscillator,
    )
}  # fmt: skip
