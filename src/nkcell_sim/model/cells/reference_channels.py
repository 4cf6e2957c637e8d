"""Channels with known statistics, written as cells so that the drawing of channels by the engine itself is what is tested."""

from __future__ import annotations

from ..component import Component, Scope
from ..composition import Composition
from ..quantities import Input, Observable, Parameter, State
from ..scheme import Scheme, Transition


class TwoStateChannel(Component):
    """Closed - open; open channels may help closed ones to open [1]."""

    essential = True
    channels = Parameter(1.0, "1", "channels, all of them at the surface", evidence="A", minimum=0.0)
    present = Parameter(1.0, "1", "share of the channels that is at the surface", evidence="A", minimum=0.0, maximum=1.0)
    forth = Parameter(0.8, "1/ms", "opening at full drive", evidence="A", minimum=0.0)
    back = Parameter(0.3, "1/ms", "closing", evidence="A", minimum=0.0)
    help = Parameter(0.0, "1", "what one open channel adds to the rate of opening, relative", evidence="A", minimum=0.0)
    drive = Input(1.0, "1", "scales the opening rate", minimum=0.0)
    share = State("1", "mean open share", scale=1.0)
    area = State("ms", "integral of the number of open channels", scale=1.0)
    conducting = Observable("1", "number of open channels")

    drawn = Input(0.0, "1", "number of open channels, drawn", drawn=True)
    opening = Observable("1/ms", "rate of opening", drawn=True)
    closing = Observable("1/ms", "rate of closing", drawn=True)
    pool_size = Observable("1", "mean number of channels", drawn=True)
    at_surface = Observable("1", "mean number of channels at the surface", drawn=True)
    scheme = Scheme(
        ("C", "O"),
        (Transition("C", "O", "opening"), Transition("O", "C", "closing")),
        drives={"drawn": {"O": 1.0}},
        number="at_surface",
        pool="pool_size",
        density="channels",
    )

    def equations(self, c: Scope) -> None:
        c.conducting = c.over_channels("drawn", each=1.0, mean=c.channels * c.present * c.share)
        c.ddt(share=c.drive * c.forth * (1.0 + c.help * c.conducting) * (1.0 - c.share) - c.back * c.share, area=c.conducting)

    def drawn_equations(self, c: Scope) -> None:
        c.opening = c.drive * c.forth * (1.0 + c.help * c.conducting)
        c.closing = 1.0 * c.back
        c.pool_size = 1.0 * c.channels
        c.at_surface = c.channels * c.present


class ThreeStateChannel(Component):
    """Closed - open - inactivated; an inactivated channel leaks a little [1]."""

    essential = True
    channels = Parameter(1.0, "1", "channels", evidence="A", minimum=0.0)
    forth = Parameter(0.8, "1/ms", "C to O at full drive", evidence="A", minimum=0.0)
    back = Parameter(0.3, "1/ms", "O to C", evidence="A", minimum=0.0)
    loss = Parameter(0.05, "1/ms", "O to I", evidence="A", minimum=0.0)
    recovery = Parameter(0.02, "1/ms", "I to O", evidence="A", minimum=0.0)
    drive = Input(1.0, "1", "scales the opening rate", minimum=0.0)
    opened = State("1", "mean open share", scale=1.0)
    inactivated = State("1", "mean inactivated share", scale=1.0)
    conducting = Observable("1", "open channels, and a tenth of the inactivated ones")

    drawn = Input(0.0, "1", "what conducts, drawn", drawn=True)
    idle = Input(0.0, "1", "number of inactivated channels, drawn", drawn=True)
    opening = Observable("1/ms", "rate of C to O", drawn=True)
    closing = Observable("1/ms", "rate of O to C", drawn=True)
    losing = Observable("1/ms", "rate of O to I", drawn=True)
    recovering = Observable("1/ms", "rate of I to O", drawn=True)
    at_surface = Observable("1", "mean number of channels", drawn=True)
    scheme = Scheme(
        ("C", "O", "I"),
        (Transition("C", "O", "opening"), Transition("O", "C", "closing"), Transition("O", "I", "losing"), Transition("I", "O", "recovering")),
        drives={"drawn": {"O": 1.0, "I": 0.1}, "idle": {"I": 1.0}},
        number="at_surface",
    )

    def equations(self, c: Scope) -> None:
        c.conducting = c.over_channels("drawn", each=1.0, mean=c.channels * (c.opened + 0.1 * c.inactivated))
        to_inactive = c.loss * c.opened - c.recovery * c.inactivated
        c.ddt(opened=c.drive * c.forth * (1.0 - c.opened - c.inactivated) - c.back * c.opened - to_inactive, inactivated=to_inactive)

    def drawn_equations(self, c: Scope) -> None:
        c.opening, c.closing = c.drive * c.forth, 1.0 * c.back
        c.losing, c.recovering = 1.0 * c.loss, 1.0 * c.recovery
        c.at_surface = 1.0 * c.channels


def two_state_channel() -> Composition:
    """One kind of channel with two states."""
    return Composition("two_state_channel", [TwoStateChannel()], description="two-state channel")


def channel_pair() -> Composition:
    """Two kinds of channels in one cell."""
    return Composition("channel_pair", [TwoStateChannel(), ThreeStateChannel()], description="a two-state and a three-state channel")


REGISTRY = {build.__name__: build for build in (two_state_channel, channel_pair)}
