"""A Slurm cluster of two nodes on this machine: controller, two slurmd and munge, all of the test's own.

Here: ``Cluster``. Not here: what is promised (``test_farm_slurm.py``). Debian: ``apt-get install slurm-wlm``.
"""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
from daemon_harness import wait_until

NEEDED = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "scontrol")
_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])


def missing() -> list[str]:
    """Which of Slurm's programs this machine lacks."""
    return [name for name in NEEDED if shutil.which(name, path=_SEARCH) is None]


class Cluster:
    """Nodes n1 and n2, one processor each. ``folder`` must have a short path: it holds a socket."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.environ = {**environ, "SLURM_CONF": str(self.conf)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start everything and wait until both nodes are idle."""
        self._start_munge()
        self._configure()
        self._launch("slurmctld", "-D", "-f", str(self.conf))
        for node in ("n1", "n2"):
            self._launch("slurmd", "-D", "-N", node, "-f", str(self.conf), name=node)
        wait_until(lambda: self.node_states() == {"n1": "IDLE", "n2": "IDLE"}, self.said)

    def run(self, *command: str) -> str:
        """One of Slurm's commands, or one that uses them."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr + self.said()
        return done.stdout

    def node_states(self) -> dict[str, str]:
        told = subprocess.run(
            ["sinfo", "--noheader", "--Node", "--format=%N %T"], env=self.environ, capture_output=True, text=True
        ).stdout
        return {line.split()[0]: line.split()[1].rstrip("*").upper() for line in told.splitlines()}

    def tasks(self, name: str) -> list[dict[str, str]]:
        """Every task of the jobs of a name, as ``scontrol`` shows them."""
        shown = self.run("scontrol", "--oneliner", "show", "job")
        tasks = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in shown.splitlines()]
        return [task for task in tasks if task.get("JobName") == name]

    def lose(self, node: str) -> None:
        """What a power failure does to a node: slurmd and every process of its jobs die at once, nobody is told."""
        doomed = [psutil.Process(self._processes[node].pid), *self._processes_of(node)]
        for process in doomed:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._processes[node].wait()

    def stop(self) -> None:
        left = [process for node in ("n1", "n2") for process in self._processes_of(node)]
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait()
        for straggler in left:
            with contextlib.suppress(psutil.Error):
                straggler.kill()

    def said(self) -> str:
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(self.folder.glob("*.log"))
        )

    def _processes_of(self, node: str) -> Iterator[psutil.Process]:
        """A node's job processes and the slurmstepd above each."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environ = process.environ()
                if environ.get("SLURMD_NODENAME") == node and environ.get("SLURM_CONF") == str(self.conf):
                    parent = process.parent()
                    if parent is not None and parent.name().startswith("slurmstepd"):
                        yield parent
                    yield process

    def _start_munge(self) -> None:
        place = self.folder / "munge"
        place.mkdir(mode=0o755)
        self.run(str(shutil.which("mungekey", path=_SEARCH)), "--create", f"--keyfile={place / 'key'}")
        self._launch(
            "munged", "--foreground", "--force", f"--socket={place / 'socket'}", f"--key-file={place / 'key'}",
            f"--pid-file={place / 'pid'}", f"--log-file={place / 'log'}", f"--seed-file={place / 'seed'}",
        )  # fmt: skip
        wait_until(lambda: (place / "socket").exists(), self.said)

    def _configure(self) -> None:
        user = pwd.getpwuid(os.getuid()).pw_name
        ports = [_free_port() for _ in range(3)]
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir()
        self.conf.write_text(
            f"""
ClusterName=farm
SlurmctldHost={platform.node().split(".")[0]}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge/socket
CredType=cred/munge
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool-%n
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd-%n.pid
# no cgroups: a container may not have them
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=5
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=1000
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES State=UP
"""
        )

    def _launch(self, program: str, *arguments: str, name: str = "") -> None:
        path = shutil.which(program, path=_SEARCH)
        assert path is not None
        with (self.folder / f"{name or program}.log").open("wb") as log:
            self._processes[name or program] = subprocess.Popen(
                [path, *arguments], env=self.environ, stdout=log, stderr=log
            )


@contextlib.contextmanager
def cluster(folder: Path, environ: dict[str, str]) -> Iterator[Cluster]:
    """A running cluster; at its end nothing of it is left."""
    running = Cluster(folder, environ)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
