"""What a Slurm cluster is asked for: partition, time, memory, cores, and what to do before Python starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import NkcellError, ParameterError
from ..units import parse

SECONDS_OF = (86400, 3600, 60, 1)  # a day, an hour, a minute, a second
SHORT = {"-a": "--array", "-D": "--chdir", "-J": "--job-name", "-M": "--clusters", "-W": "--wait", "-o": "--output", "-n": "--ntasks", "-N": "--nodes"}
SHORT |= {"-p": "--partition", "-A": "--account", "-q": "--qos", "-t": "--time", "-c": "--cpus-per-task"}
# what the script itself decides; the value says what to do instead of giving the option
OWN = {
    "--array": "set tasks and max_concurrent",
    "--chdir": "leave it out, the script runs in the folder of the study",
    "--job-name": "leave it out, jobs are found again by their name",
    "--clusters": "submit from a login node of that cluster",
    "--wait": "leave it out",
    "--output": "leave it out, logs go to slurm/logs",
    "--open-mode": "leave it out, a task that starts again appends to its log",
    "--signal": "set stop_before",
    "--ntasks": "set tasks, each task is one Slurm task with a process for each of its cores",
    "--nodes": "leave it out, each task runs on one node",
    "--wrap": "leave it out",
    "--parsable": "leave it out",
    "--partition": "set partition",
    "--account": "set account",
    "--qos": "set qos",
    "--time": "set time",
    "--mem": "set memory",
    "--cpus-per-task": "set cpus_per_task",
}
# field, least value, in words
_COUNTS = (
    ("cpus_per_task", 1, "a whole number of cores from 1"),
    ("tasks", 0, "a whole number of tasks from 0 (0: chosen from the size of the study)"),
    ("max_concurrent", 0, "a whole number of tasks from 0 (0: as many as the cluster gives)"),
)


@dataclass(frozen=True)
class SlurmOptions:
    """What the tasks of a study ask a Slurm cluster for; empty means the cluster's default.

    ``time`` ("4 h", "30 min", or Slurm's "1-12:00:00") and ``memory`` ("4 GB") are those of one task, which runs ``cpus_per_task`` processes on one node.
    A study is an array of ``tasks`` tasks, of which at most ``max_concurrent`` run at once. ``stop_before`` ("60 s") before the end of its time a task is
    told to stop: it gives up the chunks in hand at once and says so in its journal, so that they count as stopped, not as deaths.
    ``modules`` are loaded and the shell lines of ``prologue`` run before ``python`` (by default the interpreter that submits);
    ``extra`` are further options of sbatch ("--constraint=avx512").
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    time: str = ""
    memory: str = ""
    cpus_per_task: int = 1
    tasks: int = 0
    max_concurrent: int = 0
    stop_before: str = "60 s"
    modules: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        for name in ("modules", "prologue", "extra"):
            object.__setattr__(self, name, self._lines(name))
        for name in ("partition", "account", "qos"):
            self._check(name, r"[\w.,@+-]*", "a name that the cluster knows, without blanks")
        self._check("python", r"[^\n\r\0]*", "the path of a Python interpreter on the nodes")
        for name, least, what in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise self._refused(name, what)
        self._check("memory", r"(?i)([1-9]\d*\s*[KMGT](i?B)?)?", 'a whole number and a unit of memory, for example "4 GB" or "500 MB"')
        stop_before = self.stop_before_seconds
        if self.time_seconds and self.time_seconds <= stop_before:
            raise self._refused("time", f"a time longer than stop_before ({self.stop_before}), when tasks are told to stop")
        for option in self.extra:
            self._check_extra(option)

    @property
    def time_seconds(self) -> int:
        """Time limit of a task [s]; 0 is that of the partition."""
        return self._seconds("time", r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", '"4 h", "30 min" or "1-12:00:00" (days-hours:minutes:seconds)') if self.time else 0

    @property
    def stop_before_seconds(self) -> int:
        """How long before its end a task is told to stop [s]."""
        seconds = self._seconds("stop_before", "", '"60 s" or "5 min"')
        if not 1 <= seconds <= 65535:
            raise self._refused("stop_before", "a time from 1 s to 65535 s")
        return seconds

    def directives(self) -> list[str]:
        """The options of sbatch that these settings stand for, in the order of the fields."""
        time, megabytes = self.time_seconds, self.memory.upper().replace(" ", "").rstrip("B").rstrip("I")
        asked = {"partition": self.partition, "account": self.account, "qos": self.qos, "time": slurm_time(time) if time else "", "mem": megabytes}
        given = [f"--{name}={value}" for name, value in asked.items() if value]
        return [*given, "--nodes=1", "--ntasks=1", f"--cpus-per-task={self.cpus_per_task}", f"--signal=B:TERM@{self.stop_before_seconds}", *self.extra]

    def _seconds(self, name: str, pattern: str, what: str) -> int:
        text = getattr(self, name)
        if not isinstance(text, str):
            raise self._refused(name, f"a text, {what}")
        clock = re.fullmatch(pattern, text.strip()) if pattern else None
        if clock:
            seconds = float(sum(unit * int(part or 0) for unit, part in zip(SECONDS_OF, clock.groups(), strict=True)))
        else:
            try:
                seconds = parse(text, "s")
            except NkcellError as error:
                raise self._refused(name, what) from error
        if not 1 <= seconds < 1e9:
            raise self._refused(name, f"at least a second, {what}")
        return round(seconds)

    def _lines(self, name: str) -> tuple[str, ...]:
        given: Any = getattr(self, name)
        if not isinstance(given, list | tuple) or not all(isinstance(line, str) and line.strip() and not re.search(r"[\n\r\0]", line) for line in given):
            raise self._refused(name, "a list of texts of one line each")
        return tuple(line.strip() for line in given)

    def _check(self, name: str, pattern: str, what: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value.strip()):
            raise self._refused(name, what)
        object.__setattr__(self, name, value.strip())

    def _check_extra(self, option: str) -> None:
        flag = re.match(r"--[a-z][a-z0-9-]*|-[A-Za-z]", option)
        if flag is None:
            raise ParameterError(f'got extra = {option!r}; expected options of sbatch, for example "--constraint=avx512"', name="extra")
        name = SHORT.get(flag.group(), flag.group())
        if name in OWN:
            raise ParameterError(f"got extra = {option!r}, which the script decides itself; {OWN[name]}", name="extra")

    def _refused(self, name: str, what: str) -> ParameterError:
        return ParameterError(f"got {name} = {getattr(self, name)!r:.80}; expected {what}", name=name)


def slurm_time(seconds: int) -> str:
    """Seconds as Slurm writes them, days-hours:minutes:seconds; Slurm rounds up to minutes."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day}-{hour:02}:{minute:02}:{second:02}"
