"""Race this engine against others on the same cell, protocol and draws, at equal error reached.

    python benchmarks/peers.py                      # table; engines that are missing say how to install them
    python benchmarks/peers.py --publish            # also the stored result, the picture and the page of the documentation
    python benchmarks/peers.py --engines nkcell-avx2,numbalsoda --draws 16
    python benchmarks/peers.py --quick              # two cheap engines, two draws: does it work?
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from race.course import ROUNDS, race
from race.engines import DEFAULT, engines
from race.page import write_page
from race.plot import plot
from race.table import plain

ROOT = Path(__file__).parents[1]
PUBLISHED = {"json": ROOT / "benchmarks/results/peers.json", "plot": ROOT / "docs/img/peers.svg", "page": ROOT / "docs/explanation/peers.md"}
QUICK = ("nkcell-portable", "scipy-lsoda")


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", help=f"comma-separated, of: {', '.join(engines())} (default: all but {', '.join(sorted(set(engines()) - set(DEFAULT)))})")
    parser.add_argument("--draws", type=int, default=64, help="random cells that every engine integrates (default 64)")
    parser.add_argument("--many", type=int, default=4096, help="random cells of this engine's timed passes (default 4096)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"timed passes (default {ROUNDS})")
    parser.add_argument("--seed", type=int, default=20261124, help="seed of the draws")
    parser.add_argument("--quick", action="store_true", help=f"only {' and '.join(QUICK)}, 2 draws, 3 tolerances, 1 pass")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole result")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw work against precision (.svg or .png)")
    parser.add_argument("--publish", action="store_true", help="write the stored result, the picture and the page of the documentation")
    parser.add_argument("--from-json", type=Path, metavar="FILE", help="measure nothing; use a stored result")
    return parser.parse_args(given)


def chosen(options: argparse.Namespace) -> list[str]:
    """Names of the engines to race."""
    names = options.engines.split(",") if options.engines else list(QUICK if options.quick else DEFAULT)
    unknown = [n for n in names if n not in engines()]
    if unknown:
        raise SystemExit(f"got engine {unknown[0]!r}; expected one of {', '.join(engines())}")
    return names


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the race."""
    size = {"draws": options.draws, "many": options.many, "rounds": options.rounds, "tolerances": None}
    if options.quick:
        size = {"draws": 2, "many": 2, "rounds": 1, "tolerances": 3}
    return race(chosen(options), seed=options.seed, say=lambda text: print(text, file=sys.stderr, flush=True), **size)


def main(given: list[str]) -> None:
    """Measure or read, then show and write."""
    options = arguments(given)
    result = json.loads(options.from_json.read_text(encoding="utf-8")) if options.from_json else measure(options)
    print(plain(result))
    wanted = {k: getattr(options, k) or (PUBLISHED[k] if options.publish else None) for k in ("json", "plot")}
    if wanted["json"] and wanted["json"] != options.from_json:
        wanted["json"].parent.mkdir(parents=True, exist_ok=True)
        wanted["json"].write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if wanted["plot"]:
        plot(result, wanted["plot"])
    if options.publish:
        write_page(result, PUBLISHED["page"], "../img/peers.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
