"""Every script in examples/ runs and says something; their figures of merit are those of the model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nkcell_sim

EXAMPLES = Path(__file__).parents[1] / "examples"
SOURCE = Path(nkcell_sim.__file__).parents[1]


def output_of(script: str, folder: Path) -> str:
    """What a script prints when it is run in an empty folder."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run([sys.executable, EXAMPLES / script], cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.\d+", text)]


def test_every_script_is_tested_here() -> None:
    tested = {"patch_clamp.py", "compare_groups.py", "own_protocol.py", "own_cell.py", "read_results.py", "naltrexone_readings.py"}
    assert {p.name for p in EXAMPLES.glob("*.py")} == tested


def test_the_map_of_readings_names_what_restores_and_draws_it(tmp_path: Path) -> None:
    text = output_of("naltrexone_readings.py", tmp_path)
    untreated = [numbers(line)[0] for line in text.splitlines() if "untreated" in line]
    assert untreated == pytest.approx([0.40, 0.40, 0.42], abs=0.011)  # TRPM3 brief 6.2: 0.40; channel number 0.40 of a healthy cell with tone
    assert (tmp_path / "ldn_map.png").stat().st_size > 10_000


def test_patch_clamp_prints_an_outwardly_rectifying_curve(tmp_path: Path) -> None:
    text = output_of("patch_clamp.py", tmp_path)
    assert "pA/pF" in text
    rows = [line.split() for line in text.splitlines() if re.match(r"\s+-?\d+\s", line)]
    evoked = [float(row[2]) - float(row[1]) for row in rows]
    assert evoked[-1] > 3.0 * abs(evoked[0]) > 0.0


def test_groups_differ_as_the_default_lesion_says(tmp_path: Path) -> None:
    healthy, patient, treated = (numbers(line) for line in output_of("compare_groups.py", tmp_path).splitlines())
    assert patient[0] < 0.5 * healthy[0] < treated[0]
    assert patient[1] < healthy[1]


def test_own_protocol_reads_the_ends_of_its_ramps(tmp_path: Path) -> None:
    text = output_of("own_protocol.py", tmp_path)
    assert "v_cmd ramps from -100 mV to 100 mV in 1 s" in text
    before, during, channel = numbers(text)[-3:]
    assert during - before == pytest.approx(channel, abs=1.5)  # the rest is basal TRPM3 at the first ramp and the series resistance


def test_own_cell_depolarises_with_its_leak(tmp_path: Path) -> None:
    rest = [numbers(line)[1] for line in output_of("own_cell.py", tmp_path).splitlines()]
    assert rest[2] < rest[0] < rest[1]


def test_a_result_file_is_read_three_ways(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    text = output_of("read_results.py", tmp_path)
    assert "3 of 3 runs ok" in text
    amplitudes = [numbers(line)[0] for line in text.splitlines() if "nM" in line]
    assert amplitudes == sorted(amplitudes)
