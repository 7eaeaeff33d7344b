"""Which run, attempt and rank this process is, from what its launcher says in the environment.

    rank      CROSSBOARD_RANK, RANK (torchrun), SLURM_PROCID, OMPI_COMM_WORLD_RANK, PMI_RANK; else 0
    launch    names one start by a launcher: equal in all its processes, another one after a restart
    run id    CROSSBOARD_RUN_ID; else made from the launch, so that all ranks meet in one directory without talking
    attempt   CROSSBOARD_ATTEMPT; else `rundir.claim_attempt`

A launcher that started a single process is none: the programs of a batch script, or of a container with RANK=0, run one after
the other under the same words, and each is a run of its own. torchrun alone is believed also then, since it restarts.

Sources: torch.distributed.run (TORCHELASTIC_RUN_ID, TORCHELASTIC_RESTART_COUNT, MASTER_ADDR, MASTER_PORT), sbatch(1)
(SLURM_JOB_ID, SLURM_RESTART_COUNT, SLURM_STEP_ID), mpirun(1).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from ..store.process import host_name, start_ticks_of

RANKS = ("CROSSBOARD_RANK", "RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


class Launch(NamedTuple):
    """What a launcher says. job: the same after its restarts, "" without a launcher; key: another one at each start."""

    rank: int
    job: str
    key: str
    run_id: str
    attempt: int | None


def _int(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None


def launch_of(environment: Mapping[str, str] = os.environ) -> Launch:
    """Read the launcher's words."""
    rank = next((number for name in RANKS if (number := _int(environment.get(name))) is not None), 0)
    job, restart = _job(environment)
    key = f"{job}#{restart}" if job else f"{host_name()}:{os.getpid()}:{time.time_ns():x}:{os.urandom(4).hex()}"
    return Launch(rank, job, key, environment.get("CROSSBOARD_RUN_ID", ""), _int(environment.get("CROSSBOARD_ATTEMPT")))


def scattered(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun started processes on several machines without an id that they share: each machine is a run of its own.

    The address and port of the master do not tell one training from the next, so they cannot serve as the id.
    """
    here, everywhere = _int(environment.get("LOCAL_WORLD_SIZE")), _int(environment.get("WORLD_SIZE"))
    nameless = environment.get("TORCHELASTIC_RUN_ID", "") == "none" and not environment.get("CROSSBOARD_RUN_ID")
    return nameless and here is not None and everywhere is not None and here < everywhere


def _alone(environment: Mapping[str, str], *names: str) -> bool:
    """Whether the launcher says that it started one process only."""
    return next((number for name in names if (number := _int(environment.get(name))) is not None), 2) <= 1


def _job(environment: Mapping[str, str]) -> tuple[str, str]:
    elastic = environment.get("TORCHELASTIC_RUN_ID", "")
    restart = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
    if elastic and elastic != "none":
        return f"torchelastic:{elastic}", restart
    slurm = environment.get("SLURM_JOB_ID", "")
    step = environment.get("SLURM_STEP_ID", "")
    if slurm and step and "SLURM_PROCID" in environment and not _alone(environment, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"):
        return f"slurm:{slurm}.{step}", f"{environment.get('SLURM_RESTART_COUNT', '0')}.{restart}"
    others = [name for name in RANKS[1:] if name in environment and name != "SLURM_PROCID"]
    if elastic or (others and not _alone(environment, "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")):
        parent = os.getppid()
        return f"{host_name()}:{parent}:{start_ticks_of(parent)}", restart
    return "", ""


def new_run_id(job: str, *, project: str, name: str) -> str:
    """A run id: it begins with the time, so that names sort by age; the same in all ranks of `job`."""
    if job:
        import hashlib

        return "launch-" + hashlib.sha256(f"{job}\0{project}\0{name}".encode()).hexdigest()[:12]
    return time.strftime("%Y%m%d-%H%M%S") + "-" + os.urandom(3).hex()


def new_writer_id(attempt: int, rank: int) -> str:
    """At most 16 ASCII characters: attempt, rank, and something unique."""
    head = f"a{attempt}r{rank}-"
    room = 16 - len(head)
    return head + os.urandom(8).hex()[:room] if room >= 6 else os.urandom(8).hex()
