"""A real Slurm with one node on loopback: own folder, free ports and its own munge, so that several can run side by side and none touches the machine's."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Self

from .engines import EngineError, kill_pids, killed, missing, need_programs, pids_with, search_path, started, tail, wait_until

PREFIX = "nkslurm-"
PACKAGES = "slurm-wlm munge"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
CONF = """\
ClusterName=nk
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Sockets=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=short Nodes=ALL Default=NO MaxTime=10 State=UP OverSubscribe=NO
"""
# quick to schedule, quick to notice a lost node; a test may change any of them
SETTINGS = {"SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0", "SlurmdTimeout": "10", "KillWait": "5",
    "DefMemPerCPU": "100", "MinJobAge": "300", "MaxArraySize": "1001"}


class Slurm:
    """A Slurm of one node, run as root: ``with Slurm() as slurm: slurm.run("sbatch", ...)``.

    ``cpus`` is what the node claims to have, ``settings`` are further lines of slurm.conf. Everything lives in ``folder`` and is removed at the end.
    """

    def __init__(self, cpus: int = 2, settings: Mapping[str, str] | None = None) -> None:
        self.cpus = cpus
        self.settings = {**SETTINGS, **(settings or {})}
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self.folder = Path()
        self._lock: IO[str] | None = None

    @property
    def conf(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which Slurm's commands speak to this Slurm."""
        kept = {k: v for k, v in os.environ.items() if k not in self.foreign()}
        return kept | {"SLURM_CONF": str(self.conf), "PATH": search_path()}

    @staticmethod
    def foreign() -> list[str]:
        """Variables of the environment that would lead Slurm's commands astray."""
        return [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SINFO_"))]

    def __enter__(self) -> Self:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))  # short: the socket's path has at most 107 characters
        self._lock = (self.folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        with ExitStack() as failed:
            failed.callback(self.stop)
            self._start()
            failed.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        for name in ("state", "spool", "log", "munge"):
            (self.folder / name).mkdir(mode=0o755)
        self.folder.chmod(0o755)
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 * 3 // 4
        host = socket.gethostname().split(".")[0]
        controller_port, node_port = _free_ports(2)
        conf = CONF.format(host=host, folder=self.folder, controller_port=controller_port, node_port=node_port, cpus=self.cpus, memory=memory)
        self.conf.write_text(conf + "".join(f"{k}={v}\n" for k, v in self.settings.items()), encoding="utf-8")
        self._start_munge()
        self.start_controller()
        self.start_node()

    def _start_munge(self) -> None:
        home = self.folder / "munge"
        key = home / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
        options = [f"--{option}={home / name}" for option, name in files.items()]
        self._daemon("munged", ["munged", "--foreground", "--force", "--num-threads=2", *options])
        self._wait(lambda: (home / "socket").exists(), "munged to listen")

    def start_controller(self) -> None:
        """Start slurmctld, for the first time or after :meth:`kill`, and wait until it answers."""
        self._daemon("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])
        self._wait(lambda: " is UP" in self.run("scontrol", "ping", check=False), "slurmctld to answer")

    def start_node(self) -> None:
        """Start slurmd, for the first time or after :meth:`kill`, and wait until the node can take jobs."""
        before = self._node_started()
        self._daemon("slurmd", ["slurmd", "-D", "-f", str(self.conf)])
        self._wait(lambda: self._node_started() != before and self.node_state() in ("idle", "mixed", "allocated", "completing"), "the node to register", 90)

    def kill(self, name: str) -> None:
        """kill -9 of a daemon: "slurmctld" or "slurmd"; jobs go on."""
        killed(self.processes.pop(name))

    def lose_node(self) -> None:
        """End slurmd, its helpers and the jobs at once, as a power cut of the node does."""
        self.kill("slurmd")
        kept = {p.pid for p in self.processes.values()}
        kill_pids([pid for pid in pids_with("SLURM_CONF", str(self.conf)) if pid not in kept])

    def ensure(self) -> None:
        """Cancel all jobs, start again what a test has killed, and wait for an idle node."""
        for name, start in (("slurmctld", self.start_controller), ("slurmd", self.start_node)):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                start()
        self.run("scancel", "--user=root", check=False)
        self.wait_idle()

    def wait_idle(self, timeout: float = 60.0) -> None:
        """Wait until no job is left and the node is free."""
        self._wait(lambda: not self.run("squeue", "-h").strip() and self.node_state() == "idle", "an idle node", timeout)

    def node_state(self) -> str:
        """State of the node in sinfo's words, without its flags."""
        return self.run("sinfo", "-h", "-p", "debug", "-o", "%T", check=False).strip().rstrip("*~#!%$@^-").strip()

    def _node_started(self) -> str:
        found = re.search(r"SlurmdStartTime=(\S+)", self.run("scontrol", "show", "node", check=False))
        return found.group(1) if found else ""

    def run(self, *command: str, check: bool = True, timeout: float = 120.0, cwd: Path | None = None) -> str:
        """Run one of Slurm's commands and give its output; one that fails raises with its logs."""
        done = subprocess.run(command, env=self.environment, cwd=cwd or self.folder, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise EngineError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}\n{self.logs()}")
        return done.stdout

    def pid(self, name: str) -> int:
        """Process number of "munged", "slurmctld" or "slurmd"."""
        return self.processes[name].pid

    def logs(self) -> str:
        """The ends of the daemons' logs."""
        return "\n".join(tail(self.folder / "log" / name) for name in ("slurmctld.log", "slurmd.log"))

    def stop(self) -> None:
        """End jobs and daemons, without waiting for their good-byes, and remove the folder."""
        for process in self.processes.values():
            killed(process)
        self.processes.clear()
        _remove(self.folder)
        if self._lock:
            self._lock.close()

    def _daemon(self, name: str, command: list[str]) -> None:
        old = self.processes.get(name)
        if old is not None and old.poll() is None:
            raise EngineError(f"{name} runs already (process {old.pid})")
        self.processes[name] = started(command, self.folder / "log" / f"{name}.out", self.environment, self.folder)

    def _wait(self, true: Any, what: str, timeout: float = 30.0) -> None:
        def alive() -> bool:
            dead = {name: p.returncode for name, p in self.processes.items() if p.poll() is not None}
            if dead:
                raise EngineError(f"waited for {what}, but {', '.join(f'{n} ended with {c}' for n, c in dead.items())}\n{self.logs()}")
            return bool(true())

        try:
            wait_until(alive, what, timeout)
        except EngineError as error:
            if "ended with" in str(error):
                raise
            raise EngineError(f"{error}\n{self.logs()}") from error


def sweep() -> None:
    """Remove what Slurms of test sessions that were killed have left: their processes by number, and their folders."""
    for folder in Path("/tmp").glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by a session that still runs: BlockingIOError
            _remove(folder)


def _remove(folder: Path) -> None:
    end = time.monotonic() + 10
    while (left := pids_with("SLURM_CONF", str(folder / "slurm.conf"))) and time.monotonic() < end:
        kill_pids(left)
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def need_slurm() -> None:
    """Skip the test unless this machine can start a Slurm."""
    need_programs("Slurm", PACKAGES, PROGRAMS)
    if os.geteuid() != 0:
        missing("a Slurm of one's own is started as root; this user is not")


def job_number(text: str) -> str:
    """The number in what ``sbatch`` prints, with or without ``--parsable``."""
    found = re.search(r"\d+", text)
    if not found:
        raise EngineError(f"no job number in {text!r}")
    return found.group()
