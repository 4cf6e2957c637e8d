"""Exceptions of nkcell_sim. Each says what was given, what was expected, where, and what to do next."""

from __future__ import annotations


class NkcellError(Exception):
    """Base of every error that nkcell_sim raises on purpose."""


class ModelError(NkcellError):
    """A component or a cell is declared inconsistently (found when it is built, not when it runs)."""


class UnitError(NkcellError):
    """A quantity has an unknown unit, no unit, or the wrong dimension."""

    def __init__(self, message: str, *, given: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.given = given
        self.expected = expected


class ParameterError(NkcellError):
    """A parameter, state or input name is unknown or its value is out of range."""

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class UnreachableRestError(NkcellError):
    """No choice of the calibrated constants makes the wanted rest stationary; ``balance`` names what fails."""

    def __init__(self, message: str, *, balance: str = "", constant: str = "", value: float = float("nan")) -> None:
        super().__init__(message)
        self.balance = balance
        self.constant = constant
        self.value = value


class SteadyStateError(NkcellError):
    """The steady-state solver did not reach its tolerance."""


class ProtocolError(NkcellError):
    """A protocol is inconsistent: overlapping segments, negative durations, unknown inputs."""


class SimulationError(NkcellError):
    """Raised on request when runs did not end as ``ok``; the results hold their status."""


class ConfigError(NkcellError):
    """A configuration file is wrong; ``path``, ``line`` and ``key`` say where."""

    def __init__(self, message: str, *, path: str = "", line: int = 0, key: str = "", snippet: str = "") -> None:
        where = f"{path}, line {line}" if path and line else path
        text = f"{where}: {message}" if where else message
        super().__init__(text + (f"\n{snippet}" if snippet else ""))
        self.path = path
        self.line = line
        self.key = key


class ResultsError(NkcellError):
    """A result file cannot be read: not ours, too new, truncated or incomplete."""


class MissingPackageError(NkcellError):
    """An optional package is needed; the message names the extra that brings it."""


class ClusterError(NkcellError):
    """A cluster's scheduler refused a request or does not answer; ``command`` was run, ``output`` is what it said."""

    def __init__(self, message: str, *, command: str = "", output: str = "") -> None:
        super().__init__(message)
        self.command = command
        self.output = output
