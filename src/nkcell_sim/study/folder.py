"""The folder of a study that is being run: its recipe for workers, the shards that they finish, and their journals.

    RESULT.h5.runs/
      study.json      what it is: title, runs, versions, where the result goes
      study-HASH.pickle  the study as workers load it (made by this package; never load one from a stranger)
      study.toml      the resolved configuration, of a study that has one
      shards/         finished chunks, each one file with its checksum in its name
      journal/        what every process did
      attempts/       what was handed out, and what is being done
      driver-N.json   the process that hands out the work now

Nothing needs a lock: every file has one writer and takes its name when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ParameterError, ResultsError
from ..provenance import package_version
from ..results.target import reason, replacing, stem
from .claim import Claim, claimed
from .journal import Begun, History, Spans, read_history
from .plan import Plan
from .shown import as_argument
from .stored import forget_others, loaded, needs_main, pickled, recipe_of, store
from .tally import digest_of, taken_over, tally

SUFFIX = ".runs"
JOBS = "slurm/jobs.json"  # the jobs that were submitted last
WRITING = "writing-"  # of the names of notes
KEPT = "runs are finished and kept in"


class StudyFolder:
    """A folder of a study that is being run."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.shards, self.journals, self.attempts = self.path / "shards", self.path / "journal", self.path / "attempts"
        self.claim: Claim | None = None  # while this process is the one that hands out the work

    @classmethod
    def beside(cls, result: str | os.PathLike[str]) -> StudyFolder:
        """The folder that belongs to a result file."""
        target = Path(result).resolve()  # a link's folder is beside the file behind it
        return cls(target.with_name(target.name + SUFFIX) if target.name else target)

    @classmethod
    def of(cls, given: str | os.PathLike[str]) -> StudyFolder:
        """The folder that is named by itself or by the result file that it belongs to; :class:`ResultsError` when there is none.

        A link named FILE.h5.runs, to a folder on a larger disk for example, is the folder beside FILE.h5; other links are those that they lead to.
        """
        path = Path(given)
        itself = path.parent.resolve() / path.name if path.name.endswith(SUFFIX) else path.resolve()
        for folder in (cls(itself), cls.beside(given)):
            if (folder.path / "study.json").is_file():
                return folder
        if Path(given).suffix == ".toml":
            raise ResultsError(f"{str(given)!r} is a configuration; `nkcell run {as_argument(given)}` goes on where its study was, or name its result file")
        if Path(given).is_file():
            raise ResultsError(f"{str(given)!r} has no folder of unfinished work beside it ({Path(given).name}{SUFFIX}): a study that is complete needs none")
        raise ResultsError(f"{str(given)!r} is neither a result file nor the folder of a study that is being run ({Path(given).name}{SUFFIX})")

    @property
    def exists(self) -> bool:
        """Whether there is such a folder."""
        return (self.path / "study.json").is_file()

    @property
    def shown(self) -> str:
        """Its path for a command that is suggested."""
        return as_argument(self.path)

    @property
    def result(self) -> Path:
        """The result file that it is beside, by its own name: the folder may have been renamed."""
        name = self.path.name.removesuffix(SUFFIX)
        if not name or name == self.path.name:
            started = f"{self.about['result'] or 'FILE.h5'}{SUFFIX}"
            raise ResultsError(f"{self.path.name!r} is not named as the folder of a result file is; rename it, for example to {started} as it was, or give -o")
        return self.path.with_name(name)

    def is_beside(self, result: str | os.PathLike[str]) -> bool:
        """Whether this is the folder that belongs to a result file."""
        other = StudyFolder.beside(result).path
        return other == self.path or (other.exists() and self.path.exists() and other.samefile(self.path))

    @property
    def earlier_results(self) -> list[Path]:
        """Result files beside it that may hold runs of the study already: its own, and those from before it was renamed."""
        about = self.told
        names = [self.path.name.removesuffix(SUFFIX), str(about.get("result", "")), *map(str, about.get("earlier", []))]
        return [path for name in dict.fromkeys(names) if name and (path := self.path.with_name(Path(name).name)).is_file()]

    def prepare(self, plan: Plan, *, result: Path, config: str, asked: Any = None, needed: bool = True, known: np.ndarray | None = None) -> str:
        """Write what workers need; returns the name of the recipe, a hash of its bytes.

        A study that cannot be written is refused when workers need it (``needed``); else it is kept without, for this process alone.
        ``known`` (bool, n_runs) says which runs are finished, wherever that is. ``study.json`` says at any moment which of the studies in the folder counts.
        """
        data, problem = pickled({"study": plan.study, "asked": asked})
        if problem and needed:
            raise ParameterError(f"workers cannot load this study: {problem}; define it at the top level of a module, or run on threads", name="study")
        earlier = [path.name for path in self.earlier_results if path.name != result.name]
        with self._writing():
            for folder in (self.path, self.shards, self.journals, self.attempts):
                folder.mkdir(exist_ok=True)
            if data:
                store(self.path, data)
        about = {
            "title": plan.study.title,
            "study": plan.identity,
            "recipe": recipe_of(data),
            "runs": len(plan),
            "before": 0 if known is None else taken_over(known, self.history(plan.identity)),
            "experiments": {name: last - first for name, (first, last) in plan.spans.items()},
            "keys": {name: digest_of(plan.keys[first:last]) for name, (first, last) in plan.spans.items()},
            "result": result.name,
            "earlier": earlier,
            "main": needs_main(data),
            "unloadable": problem,
            "nkcell_sim": package_version(),
        }
        self._write("study.json", json.dumps(about, indent=1))
        if config:
            self._write("study.toml", config)
        if not self.has_jobs:  # whose workers may still load the one before
            forget_others(self.path, str(about["recipe"]))
        return str(about["recipe"])

    def _write(self, name: str, text: str) -> None:
        with self._writing(), replacing(self.path / name) as place:
            place.partial.write_text(text, encoding="utf-8")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ResultsError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not isinstance(cause, (OSError, RuntimeError)):  # of HDF5, too
                raise
            said = f"cannot write into {self.path.name!r}, where the finished runs of the study are to be kept: {reason(cause)}"
            if self.told and self.files():
                about = self.told
                said += f". {self.kept(tally(about, self.history(about['study'])).done, int(about['runs']))}"
            raise ResultsError(said) from error

    @property
    def told(self) -> dict[str, Any]:
        """The same; empty when there is no such file, or one that does not describe a study."""
        try:
            return self.about if self.exists else {}
        except ResultsError:
            return {}

    @property
    def about(self) -> dict[str, Any]:
        """What ``study.json`` says."""
        try:
            found = json.loads((self.path / "study.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ResultsError(f"cannot read {str(self.path / 'study.json')!r} ({error}); start the study again with `nkcell run`") from error
        if not isinstance(found, dict) or not {"study", "recipe", "runs", "experiments", "result"} <= found.keys():
            raise ResultsError(f"{str(self.path / 'study.json')!r} does not describe a study; start it again with `nkcell run`")
        return found

    @property
    def config(self) -> str:
        """The resolved configuration; empty for a study from a script."""
        path = self.path / "study.toml"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def load(self, recipe: str = "") -> tuple[Plan, Any]:
        """The study and what was asked beside it, as :meth:`prepare` wrote them; by default the one that counts now."""
        about = self.about if self.exists or not recipe else {}
        if about.get("unloadable"):
            said = f"the study in {self.path.name!r} cannot be loaded by another process: {about['unloadable']}"
            raise ResultsError(f"{said}; run the script that made it again, which goes on with what is finished")
        return loaded(self.path, recipe or str(about["recipe"]), about)

    def history(self, study: str = "") -> History:
        """What the journals say, without what they say of shards that are not there any more."""
        history = read_history(self.journals, study)
        there = {path.name for path in self.files()}  # looked up after they were told of, and once more by name: network file systems list late
        history.finished = {name: entry for name, entry in history.finished.items() if name in there or (self.shards / Path(name).name).is_file()}
        return history

    def files(self) -> list[Path]:
        """The finished shards."""
        return sorted(self.shards.glob("*.h5")) if self.shards.is_dir() else []

    @contextmanager
    def keeping(self, done: int, total: int) -> Iterator[None]:
        """Say with any error of writing how much is finished and kept here, and how to go on."""
        try:
            yield
        except (ResultsError, OSError) as error:
            if isinstance(error, ResultsError) and KEPT in str(error):
                raise
            said = str(error) if isinstance(error, ResultsError) else f"cannot write into {self.path.name!r}: {reason(error)}"
            raise ResultsError(f"{said}. {self.kept(done, total)}" if self.files() else said) from error

    def kept(self, done: int, total: int) -> str:
        """How much is finished, where it is, and how to go on, for messages."""
        return f"{done:,} of {total:,} {KEPT} {self.path.name}; the same command goes on from there"

    def set_aside(self, shard: Path) -> None:
        """Take a damaged shard out of the way, so that its runs are done again; who only looks into the folder leaves it."""
        if self.claim is None:
            return
        damaged = self.path / "damaged"
        damaged.mkdir(exist_ok=True)
        os.replace(shard, damaged / shard.name)

    def clear(self) -> None:
        """Throw away what is finished, and what is known of it."""
        for part in (self.attempts, self.shards, self.journals):
            shutil.rmtree(part, ignore_errors=True)

    @contextmanager
    def provisional(self, target: Path) -> Iterator[Path]:
        """An empty file beside ``target`` to write it into; those of processes that were killed at it, of which a note is left here, go first."""
        name = uuid.uuid4().hex[:12]
        partial, note = target.with_name(f"{stem(target.name)}.{name}.tmp"), self.path / f"{WRITING}{name}"
        with self._writing():
            for earlier in self.path.glob(f"{WRITING}*"):
                left = Path(earlier.read_text(encoding="utf-8"))
                if left.name.endswith(f".{earlier.name.removeprefix(WRITING)}.tmp"):
                    left.unlink(missing_ok=True)
                earlier.unlink(missing_ok=True)
            note.write_text(str(partial), encoding="utf-8")
        try:
            try:
                partial.touch(exist_ok=False)
            except OSError as error:
                raise ResultsError(f"cannot write {str(target)!r}: {reason(error)}") from error
            yield partial
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
                note.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder when this process ceases to be the one that drives the study: at once if it is not. Never that of another one."""
        if self.claim is not None:
            self.claim.doomed = True
            return
        with suppress(ResultsError), self.driven(jobs=False) as claim:
            claim.doomed = True

    @contextmanager
    def driven(self, *, jobs: bool = True) -> Iterator[Claim]:
        """Be the one process that hands out the work and clears up; the folder is made if it is not there, and goes if nothing is in it afterwards.

        Yields what tells whether that is so still: one that was held up may have been replaced, and clears nothing.
        :class:`ResultsError` when another process does, or (with ``jobs``) when jobs of Slurm still work on it.
        """
        try:
            with ExitStack() as stack:
                with self._writing():
                    self.claim = stack.enter_context(claimed(self.path))
                if jobs:
                    self._refuse_jobs()
                yield self.claim
        finally:
            self.claim = None
            if not self.exists:
                with suppress(OSError):  # it holds something
                    self.path.rmdir()

    @property
    def has_history(self) -> bool:
        """Whether something is known of the work that must not be forgotten: deaths of workers, or jobs that may still run."""
        history = self.history()
        return bool(history.unfinished or history.lost) or self.has_jobs

    @property
    def has_jobs(self) -> bool:
        """Whether jobs of Slurm were submitted that may still run, as far as the folder knows."""
        return (self.path / JOBS).is_file()

    def _refuse_jobs(self) -> None:
        from .arrays import jobs_of

        jobs = jobs_of(self)
        if not jobs or not shutil.which("squeue"):
            return
        from ..executors.slurm_jobs import state, unfinished

        if unfinished(state(jobs, patience=30.0)):
            raise ResultsError(
                f"jobs {', '.join(jobs)} of Slurm still work on this study; follow them with `nkcell status {self.shown}`, "
                f"wait with `nkcell resume {self.shown} --on slurm`, or cancel them (scancel {' '.join(jobs)})"
            )


def waited_for(folder: StudyFolder, study: str, patience: float, concerns: Callable[[Spans], bool]) -> tuple[History, list[Begun]]:
    """What the journals say, with the deaths that concern the caller, once workers of this machine have ended what they have in hand.

    They end soon after the process that started them; chunks that some still have in hand after ``patience`` seconds come second.
    """
    deadline = time.monotonic() + patience
    while True:
        history = folder.history(study)
        history.unfinished = [begun for begun in history.unfinished if concerns(begun.spans)]
        alive = [begun for begun in history.unfinished if begun.writer.alive]
        if not alive or time.monotonic() > deadline:
            return history, alive
        time.sleep(0.2)


def described(counts: Mapping[str, int]) -> str:
    """Numbers of runs by how they ended, in words."""
    return ", ".join(f"{count:,} {cause}" for cause, count in counts.items()) or "none"
