"""The command: exit codes, files, messages, and how fast it answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import pytest

import nkcell_sim
from nkcell_sim import cli
from nkcell_sim.results import open_results

from .small_config import SMALL

HEAVY = ("numpy", "scipy", "h5py", "pydantic", "pint", "sympy", "matplotlib", "xarray", "rich", "dask", "distributed")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(nkcell_sim.__file__).parents[1]))
    (tmp_path / "small.toml").write_text(SMALL)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_run_writes_a_complete_file_and_prints_the_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--no-figure"]) == 0
    said = capsys.readouterr().out
    assert "model output, not a laboratory result" in said
    assert "v_rest" in said
    assert "wrote small.h5" in said
    assert open_results("small.h5").title == "small"
    assert names(here) == {"small.toml", "small.h5"}


def test_run_of_a_result_file_repeats_it_bit_for_bit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "-o", "first.h5", "--no-figure", "--quiet"]) == 0
    assert cli.main(["run", "first.h5", "-o", "second.h5"]) == 0
    assert "values are equal, bit for bit" in capsys.readouterr().out
    assert open_results("second.h5").config == open_results("first.h5").config


def test_a_repeat_refuses_options_that_it_has_no_use_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "-o", "first.h5", "--no-figure", "--quiet"]) == 0
    for flags in (["--on", "slurm"], ["--workers", "3"], ["--scheduler", "tcp://x:1"], ["--fresh"], ["--retry-lost"], ["--virtual"]):
        assert cli.main(["run", "first.h5", *flags]) == 2
        assert f"got {flags[0]} with the result file" in capsys.readouterr().err


def test_submitting_what_is_complete_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--no-figure", "--quiet"]) == 0
    assert cli.main(["submit", "small.toml"]) == 0
    assert capsys.readouterr().out == "small.h5 is complete: it holds every run of this study, and nothing was submitted\n"
    assert names(here) == {"small.toml", "small.h5"}


def test_run_of_a_result_file_reports_a_difference(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--no-figure", "--quiet"]) == 0
    assert cli.main(["run", "small.h5", "--set", "condition.healthy.phenotype=me_cfs"]) == 1
    assert "variables differ" in capsys.readouterr().out


def test_a_repeat_with_other_equations_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--no-figure", "--quiet"]) == 0
    with h5py.File("small.h5", "a") as file:
        section = json.loads(file["provenance/parameters"].asstr()[()])
        section["models"]["primary_nk"] = "of another day"
        file["provenance/parameters"][...] = json.dumps(section)
    assert cli.main(["run", "small.h5"]) == 0
    assert "declarations of primary_nk have changed since (of another day, now " in capsys.readouterr().out


def test_set_changes_one_key_and_the_file_remembers_it(here: Path) -> None:
    assert cli.main(["run", "small.toml", "-o", "x.h5", "--set", "experiment.rest.duration=30 s", "--no-figure", "--quiet"]) == 0
    assert open_results("x.h5")["rest"].settings["duration"] == "30 s"
    assert 'duration = "30.0 s"' in open_results("x.h5").config


def test_quiet_says_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--quiet", "--no-figure"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ""


def test_a_failed_run_is_exit_code_1_and_its_file_is_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SMALL.replace('"rest"\n', '"calcium_imaging"\nntx_in_bath = "kept"\n').replace('duration = "20 s"\n', "")
    (here / "small.toml").write_text(text + "[solver]\nmax_steps = 5\n")
    assert cli.main(["run", "small.toml", "--no-figure"]) == 1
    said = capsys.readouterr().out
    assert "FAILED rest, run 0 (healthy): step_limit at " in said
    assert "the run ended as" not in said, "told once"
    assert open_results("small.h5").failed


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "missing.toml"],
        ["run", "small.toml", "--set", "experiment.rest.duration=30 mV"],
        ["run", "small.toml", "-o", "nowhere/x.h5"],
        ["run", "small.toml", "-o", "."],
        ["run", "missing.h5"],
        ["run", "small.toml", "-o", "small.toml"],
        ["run", "small.toml", "-o", "./small.toml", "--quiet"],
        ["run", "small.toml", "-o", "x.png"],
        ["run", "small.toml", "-o", "notes.txt"],
        ["run", "small.toml", "-o", "/dev/null"],
        ["show", "small.tom"],
        ["plot", "small.toml"],
        ["plot", "missing.h5"],
        ["bogus"],
        ["run", "--bogus"],
    ],
)
def test_bad_input_is_exit_code_2_one_message_and_no_file(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("nkcell: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    assert names(here) == {"small.toml"}


def test_an_interrupt_is_exit_code_130_and_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nkcell_sim.study.run", interrupted)
    assert cli.main(["run", "small.toml"]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert names(here) == {"small.toml"}


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "nkcell_sim.cli", *arguments], capture_output=True, text=True, check=False, **options)


def test_the_output_is_never_the_input_also_through_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "link.h5").symlink_to(here / "small.toml")
    assert cli.main(["run", "small.toml", "-o", "link.h5"]) == 2
    assert "is the file to read" in capsys.readouterr().err
    assert (here / "small.toml").read_text() == SMALL
    assert cli.main(["run", "small.toml", "-o", "x.h5", "--no-figure", "--quiet"]) == 0
    assert cli.main(["run", "x.h5", "-o", "x.h5"]) == 2


def test_a_pipe_is_no_result_file_and_a_link_is_followed(here: Path) -> None:
    os.mkfifo(here / "pipe.h5")
    assert cli.main(["run", "small.toml", "-o", "pipe.h5"]) == 2
    (here / "elsewhere").mkdir()
    (here / "link.h5").symlink_to(here / "elsewhere" / "real.h5")
    assert cli.main(["run", "small.toml", "-o", "link.h5", "--no-figure", "--quiet"]) == 0
    assert (here / "link.h5").is_symlink()
    assert names(here / "elsewhere") == {"real.h5"}
    assert open_results("link.h5").title == "small"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device", "small.toml"), MemoryError(), RecursionError(), "µ".encode])
def test_trouble_of_the_machine_is_one_line(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failure: Any) -> None:
    def broken(*_: object, **__: object) -> None:
        if callable(failure):
            failure("ascii")
        raise failure

    monkeypatch.setattr("nkcell_sim.study.run", broken)
    assert cli.main(["run", "small.toml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("nkcell: ")
    assert said.count("\n") == 1
    assert names(here) == {"small.toml"}


@pytest.mark.parametrize("content", [b"a = " + b"[" * 100_000, b"title = '\xff'"])
def test_a_configuration_that_cannot_be_read_is_one_message(here: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (here / "bad.toml").write_bytes(content)
    assert cli.main(["run", "bad.toml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("nkcell: ")
    assert len(said) < 1000


def test_a_full_disk_leaves_nothing(here: Path) -> None:
    code = "import resource, sys; from nkcell_sim import cli; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); sys.exit(cli.main(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", code, "run", "small.toml"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.strip() == "nkcell: cannot write into 'small.h5.runs', where the finished runs of the study are to be kept: File too large"
    assert names(here) == {"small.toml"}


def test_results_are_kept_when_the_figure_fails(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no font")

    monkeypatch.setattr("nkcell_sim.plots.make_figure", broken)
    assert cli.main(["run", "small.toml"]) == 2
    said = capsys.readouterr()
    assert "the results are kept in small.h5; the figure small.png was not drawn: ValueError: no font" in said.err
    assert "v_rest" in said.out
    assert names(here) == {"small.toml", "small.h5"}


def test_a_damaged_file_is_one_message_for_every_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "small.toml", "--no-figure", "--quiet"]) == 0
    with h5py.File("small.h5", "a") as file:
        del file["rest/status"]
    for name in ("show", "plot", "report", "run"):
        assert cli.main([name, "small.h5"]) == 2
        assert "it lacks rest/status" in capsys.readouterr().err


def test_a_closed_pipe_ends_quietly_with_every_file_written(here: Path) -> None:
    program = f"{sys.executable} -m nkcell_sim.cli"
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {program} run small.toml | true"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert names(here) == {"small.toml", "small.h5", "small.png"}
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {program} --help | true"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_output_that_cannot_encode_the_signs_still_gets_the_text(here: Path) -> None:
    ended = command("show", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 0
    assert "KCa31" in ended.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_output_is_one_line_and_the_results_are_kept(here: Path) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "nkcell_sim.cli", "run", "small.toml", "--no-figure"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.strip() == "nkcell: cannot read or write the output: No space left on device (small.h5 is complete)"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("where", ["nkcell_sim.study.run", "nkcell_sim.results.writer.write_group", "nkcell_sim.plots.make_figure"])
def test_a_signal_at_any_moment_is_its_exit_code_and_leaves_nothing_half_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str, number: int, code: int
) -> None:
    from importlib import import_module

    module, _, name = where.rpartition(".")
    original = getattr(import_module(module), name)

    def interrupted(*given: Any, **named: Any) -> Any:
        signal.raise_signal(number)
        return original(*given, **named)

    monkeypatch.setattr(where, interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["run", "small.toml"]) == code
    assert signal.getsignal(signal.SIGTERM) == before
    figure = "plots" in where
    assert ("small.h5 is complete" if figure else "nothing was written") in capsys.readouterr().err
    assert names(here) == {"small.toml"} | ({"small.h5"} if figure else set())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_tables_keeps_the_runs(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    monkeypatch.setattr("nkcell_sim.analysis.tables.with_tables", lambda *_: signal.raise_signal(number))
    assert cli.main(["run", "small.toml"]) == code
    assert "small.h5 (without its tables) is complete" in capsys.readouterr().err
    assert open_results("small.h5")["rest"].cases == ["healthy"]
    assert names(here) == {"small.toml", "small.h5"}


def test_a_table_that_fails_in_an_unforeseen_way_keeps_the_runs(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def singular(*_: object) -> None:
        raise ValueError("array is singular")

    monkeypatch.setattr("nkcell_sim.analysis.targets.target_table", singular)
    (here / "small.toml").write_text(SMALL + "[report]\ntargets = true\n")
    assert cli.main(["run", "small.toml"]) == 2
    assert "the results are kept in small.h5; not computed: targets: ValueError: array is singular" in capsys.readouterr().err
    assert names(here) == {"small.toml", "small.h5", "small.png"}


def test_show_draws_a_configuration_and_summarises_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show"]) == 0
    said = capsys.readouterr().out
    assert "KCa31" in said
    assert "ME/CFS + NTX 24 h" in said
    assert "████" in said
    assert "0 to 100 uM" in said
    assert cli.main(["run", "small.toml", "--quiet", "--no-figure"]) == 0
    assert cli.main(["show", "small.h5"]) == 0
    assert "v_rest" in capsys.readouterr().out


def test_a_grid_says_what_was_varied_in_which_unit_and_what_is_not_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = ", ".join(f'"{v} 1/pF"' for v in (0.7, 0.75, 0.8, 0.85, 0.9, 60, 1.0))
    (here / "small.toml").write_text(f'{SMALL}[[vary]]\nkey = "TRPM3.density"\nvalues = [{values}]\n')
    assert cli.main(["run", "small.toml", "--no-figure"]) == 1
    said = capsys.readouterr().out
    assert "more features in the file (nkcell show FILE.h5 --all)" in said
    assert "FAILED rest, run 5 (healthy, TRPM3.density 60 1/pF): not_run: " in said
    assert said.count("rest cannot be") == 1
    assert cli.main(["show", "small.h5", "--all"]) == 0
    everything = capsys.readouterr().out
    assert "more features" not in everything
    assert all(name in everything for name in open_results("small.h5")["rest"].features)


def test_info_names_versions_engine_and_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info"]) == 0
    said = capsys.readouterr().out
    assert nkcell_sim.__version__ in said
    assert "engine: " in said
    assert "primary_nk" in said


def test_schema_is_the_shipped_one(capsys: pytest.CaptureFixture[str]) -> None:
    from nkcell_sim.config import shipped_schema

    assert cli.main(["schema"]) == 0
    assert capsys.readouterr().out == shipped_schema()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"nkcell_sim {nkcell_sim.__version__}\n"
    for arguments in (["--help"], [], ["run", "--help"]):
        assert cli.main(arguments) == 0
        assert "Exit codes: 0 all runs ok" in " ".join(capsys.readouterr().out.split())


def loaded_by(code: str) -> set[str]:
    """Heavy packages that a fresh interpreter has loaded after running ``code``."""
    script = f"import sys\n{code}\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import nkcell_sim") == set()


def test_help_loads_nothing_heavy_and_answers_in_under_0_3_s() -> None:
    assert loaded_by("from nkcell_sim import cli; cli.main(['--help'])") == set()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "nkcell_sim.cli", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3  # the best of five: the machine may be busy


def test_a_module_does_not_take_the_name_of_a_public_function() -> None:
    code = "import nkcell_sim.simulate, nkcell_sim.steady_state, nkcell_sim as nk\nassert callable(nk.simulate) and callable(nk.steady_state)"
    loaded_by(code)


def test_every_public_name_is_there_and_loads_no_plotting_or_symbolic_package() -> None:
    for name in nkcell_sim.__all__:
        assert getattr(nkcell_sim, name) is not None
    assert set(nkcell_sim.__all__) <= set(dir(nkcell_sim))
    everything = "import nkcell_sim as nk\n[getattr(nk, n) for n in nk.__all__]"
    assert loaded_by(everything) & {"sympy", "matplotlib", "xarray", "dask", "distributed", "rich"} == set()
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        nkcell_sim.nonsense  # noqa: B018
