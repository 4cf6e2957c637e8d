"""Files that commands are given: found out before the work, not after it, that one cannot be read or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import ResultsError

DEFAULT_CONFIG = "ntx_restoration.toml"


def embedded_config() -> Path:
    """The configuration that the package carries."""
    return Path(__file__).with_name(DEFAULT_CONFIG)


def is_results(path: str) -> bool:
    """Whether a file is to be read as results, not as a configuration."""
    if Path(path).suffix == ".toml":
        return False
    from .results.reader import is_results as looks_so

    return looks_so(path)


def check_target(target: Path, source: str) -> None:
    """Refuse a file that cannot be written or is the one that is read."""
    from .results.target import checked_target

    real = checked_target(target)
    if real == Path(source).resolve() or (real.exists() and Path(source).exists() and real.samefile(source)):
        raise ResultsError(f"got {str(target)!r} as the file to write, which is the file to read; give another name with -o")


def check_result_file(target: Path, source: str) -> None:
    """The same for a result file, whose name must say what it is."""
    from .results.target import SUFFIXES

    check_target(target, source)
    if target.suffix.lower() not in SUFFIXES:
        hint = "; the figure is drawn beside it, or by `nkcell plot FILE.h5 -o NAME`" if target.suffix.lower() in (".png", ".svg", ".pdf") else ""
        raise ResultsError(f"got {str(target)!r} as the result file; expected a name ending in {', '.join(SUFFIXES)}, for example {target.stem}.h5{hint}")


@contextmanager
def reading(path: str) -> Iterator[Any]:
    """The results in a file; what is missing in a damaged one becomes one error wherever it is noticed."""
    from .results import open_results

    results = open_results(path)
    try:
        yield results
    except (LookupError, AttributeError, ValueError, TypeError, AssertionError) as error:
        what = f"no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
        raise ResultsError(f"{path!r} is damaged or was changed ({what}); restore it from a copy or repeat the run") from error
