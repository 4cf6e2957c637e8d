"""The configurations we ship, each read once and run once for all tests that only look at them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nkcell_sim import run
from nkcell_sim.analysis.tables import with_tables
from nkcell_sim.config import Config, load_config
from nkcell_sim.results import Results

FOLDER = Path(__file__).parent.parent / "configs"


@cache
def loaded(name: str) -> Config:
    """A configuration."""
    return load_config(FOLDER / name)


@cache
def finished(name: str) -> Results:
    """The results of a configuration with every table that it asks for."""
    config = loaded(name)
    results, problems = with_tables(run(config.study, config=config.resolved), config.study, config.asked)
    assert not problems
    return results
