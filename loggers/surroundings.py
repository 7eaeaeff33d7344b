"""What a run knows about itself: where it was started, from which code, with which packages, on what machine.

Gathered once, by the helper thread, soon after the run began: nothing of it happens in the caller's thread. The environment is
an allow-list, secrets are masked (`secrets`), and each part can be turned off (`system`).

Sources: git-status(1) --porcelain=v2, proc(5), nvidia-ml-py. No lock of the repository is taken (GIT_OPTIONAL_LOCKS=0).
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..store.records import Blob, Surroundings
from .gpus import gpus
from .secrets import masked, masked_arguments

MOST_DIFF: Final = 1 << 20
GIT_LIMIT_S: Final = 10.0
ENVIRONMENT: Final = re.compile(
    r"CUDA_VISIBLE_DEVICES|CUDA_LAUNCH_BLOCKING|NVIDIA_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|HIP_VISIBLE_DEVICES|OMP_NUM_THREADS|MKL_NUM_THREADS"
    r"|PYTORCH_(CUDA_)?ALLOC_CONF|TORCH_[A-Z_]*|TORCHELASTIC_[A-Z_]*|TF_(CONFIG|CPP_[A-Z_]*|CUDNN_[A-Z_]*|DETERMINISTIC_OPS|ENABLE_[A-Z_]*|FORCE_[A-Z_]*|GPU_[A-Z_]*|NUM_[A-Z_]*|USE_[A-Z_]*|XLA_FLAGS)|XLA_FLAGS|JAX_PLATFORMS|KERAS_BACKEND|NCCL_[A-Z_]*|GLOO_[A-Z_]*"
    r"|RANK|LOCAL_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|GROUP_RANK|MASTER_ADDR|MASTER_PORT"
    r"|SLURM_(JOB_ID|JOB_NAME|ARRAY_JOB_ID|ARRAY_TASK_ID|STEP_ID|NODEID|PROCID|LOCALID|NTASKS|NNODES|NODELIST|JOB_PARTITION|CPUS_PER_TASK|GPUS)"
    r"|OMPI_COMM_WORLD_(RANK|SIZE)|PBS_JOBID|LSB_JOBID|PYTHONHASHSEED|CONDA_DEFAULT_ENV|VIRTUAL_ENV|CROSSBOARD_[A-Z_]*"
)
"""Names of the variables that are written down; no other one is."""


def gather(wanted: frozenset[str], *, directory: str, keep: Callable[[bytes], Blob]) -> Surroundings:
    """Look around. directory: of the program; keep: stores the text of the uncommitted differences."""
    git, diff = _git(directory, differences="diff" in wanted) if "git" in wanted else ({}, b"")
    return Surroundings(
        wall_time=time.time(),
        arguments=masked_arguments(_command_line()) if "arguments" in wanted else [],
        git=git,
        diff=keep(diff) if diff else None,
        packages=zlib.compress("\n".join(_packages()).encode()) if "packages" in wanted else b"",
        host=_host(directory) if "host" in wanted else {},
        environment=_environment(os.environ) if "environment" in wanted else {},
    )


def _command_line() -> list[str]:
    original = getattr(sys, "orig_argv", None)
    return [str(word) for word in (original or [sys.executable, *sys.argv])][:1000]


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: masked(value)[:2000] for name, value in sorted(environment.items()) if ENVIRONMENT.fullmatch(name)}


def _packages() -> list[str]:
    """``name==version`` of what can be imported, by the names of the directories that pip leaves."""
    found: dict[str, str] = {}
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        for name in names:
            stem, dot, kind = name.rpartition(".")
            if dot and kind in ("dist-info", "egg-info") and "-" in stem:
                package, version = stem.split("-")[:2]
                found.setdefault(package.replace("_", "-").lower(), version)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _git(directory: str, *, differences: bool) -> tuple[dict[str, Any], bytes]:
    said = _ask(directory, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if said is None:
        return {}, b""
    made: dict[str, Any] = {"changed": 0}
    for line in said.decode(errors="replace").splitlines():
        if line.startswith("# branch.oid "):
            made["commit"] = line.split(" ", 2)[2]
        elif line.startswith("# branch.head "):
            made["branch"] = line.split(" ", 2)[2]
        elif not line.startswith("#"):
            made["changed"] += 1
    remote = _ask(directory, "config", "--get", "remote.origin.url")
    if remote:
        made["remote"] = masked(remote.decode(errors="replace").strip())
    if not made["changed"] or not differences or made.get("commit") == "(initial)":
        return made, b""
    text = (_ask(directory, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv") or b"").decode(errors="replace")
    hidden = masked(text[:MOST_DIFF])
    if len(text) > MOST_DIFF:
        hidden += f"\n... cut at {MOST_DIFF} of {len(text)} characters\n"
    return made, hidden.encode()


def _ask(directory: str, *words: str) -> bytes | None:
    """What git answers, None when it is not there, takes too long, or says no."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", directory, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_LIMIT_S,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout if done.returncode == 0 else None


def _host(directory: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": sys.version.split()[0],
        "executable": sys.executable,
        "cpus": os.cpu_count() or 0,
    }
    if hasattr(os, "sched_getaffinity"):
        made["cpus_allowed"] = len(os.sched_getaffinity(0))
    model = _first_of("/proc/cpuinfo", "model name")
    if model:
        made["cpu"] = model
    memory = _first_of("/proc/meminfo", "MemTotal")
    if memory:
        made["memory_bytes"] = int(memory.split()[0]) * 1024
    try:
        disk = os.statvfs(directory)
        made["disk_bytes"], made["disk_free_bytes"] = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
    except (OSError, AttributeError):
        pass
    devices = [{"name": gpu.name, "memory_bytes": gpu.memory_bytes} for gpu in gpus()]
    if devices:
        made["gpus"] = devices
    return made


def _first_of(path: str, name: str) -> str:
    """The value of the first line ``name : value`` of a file under /proc, or ''."""
    try:
        with open(path) as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith(name)), "")
    except OSError:
        return ""
