"""Installing CPU builds of the frameworks that the demo and the tests train with.

Used by `crossboard demo` and, loaded by its path before anything is installed, by `dev.py`: so this module needs the standard
library alone. Crossboard itself needs none of the frameworks.

Each framework has a list of attempts, tried in order; the first that pip carries out counts. The rule behind the list of torch:
on Linux, PyPI's plain `torch` is the CUDA build with gigabytes of libraries, so only `torch==X+cpu` is ever asked for there, a
label that the CUDA build can never match; first wherever pip already looks (a local folder, a mirror), then on PyTorch's own
index of CPU builds. PyPI's torch for macOS and Windows is the small one. What stands on torch is asked for together with that
same torch, so that it never brings another one.

fastai asks for torchvision, whose PyPI build does not load beside a CPU build of torch and takes Lightning and transformers down with
it: fastai is installed without its requirements, after those that its basics and its tabular part need.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TORCH = "2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
FRAMEWORKS = ("torch", "tensorflow")
INTEGRATIONS = {
    "lightning": ["lightning>=2.2"],
    "accelerate": ["accelerate>=1.0"],
    "transformers": ["transformers>=4.46", "accelerate>=1.0"],
    "fastai": ["fastcore>=1.8", "fastprogress>=1.0", "fastdownload<2", "fasttransform", "plum-dispatch<2.10", "cloudpickle", "matplotlib"],
    "tensorboardX": ["tensorboardX>=2.6"],
    "visdom": ["setuptools<81", "wheel", "tornado", "six", "jsonpatch", "jsonpointer", "websocket-client", "networkx", "requests"],
}
"""Libraries that crossboard has a logger for, or stands beside -> what pip is asked for."""
ALONE = {"fastai": ["--no-deps", "fastai>=2.8"], "visdom": ["--no-deps", "--no-build-isolation", "visdom==0.2.4"]}
"""What is then installed without its requirements; visdom builds only with an older setuptools, in the environment itself."""
MODULES = {"torch": "torch", "tensorflow": "tensorflow", "scikit-learn": "sklearn"}
"""Name -> the module whose presence says that it is installed."""

NOT_FOUND = ("No matching distribution found", "Could not find a version that satisfies")
UNREACHED = ("Retrying (", "Connection", "connection")
LAST_LINES = 12


def attempts(name: str, *, system: str = sys.platform, machine: str = platform.machine()) -> list[list[str]]:
    """Return the pip arguments to try for `name`, in order.

    system is a `sys.platform`, machine a `platform.machine()`. Anything that is no framework is asked for as it stands.
    """
    if name == "torch":
        if system != "linux":
            return [[f"torch=={TORCH}"]]
        pin = f"torch=={TORCH}+cpu"
        return [[pin], [pin, "--index-url", TORCH_CPU_INDEX, "--retries=2", "--timeout=30"]]
    if name in INTEGRATIONS:
        return [[*INTEGRATIONS[name], f"torch=={TORCH}+cpu" if system == "linux" else "torch"]]
    if name == "tensorflow":
        cpu_build = system in ("linux", "win32") and machine.lower() in ("x86_64", "amd64")
        return [["tensorflow-cpu>=2.16" if cpu_build else "tensorflow>=2.16"]]
    return [[name]]


@dataclass(frozen=True)
class Outcome:
    """What came of one installation.

    ok       it is installed
    no_wheel pip found no build for this Python and machine (as opposed to failing in some other way)
    said     one line for people; with pip's last lines below it when pip failed
    """

    name: str
    ok: bool
    no_wheel: bool
    said: str


class Installer:
    """Installs with the pip of `python`, one thing at a time, all output going to the file `log`.

    `stop` may be called from another thread: it ends a running pip and makes every later call fail at once.
    """

    def __init__(self, python: str | Path, log: Path) -> None:
        self.python = str(python)
        self.log = log
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def framework(self, name: str, *, keep: Sequence[str] = ()) -> Outcome:
        """Install a framework, or any other requirement by its name. `keep` are requirements that must stay as they are."""
        tail = ""
        for arguments in attempts(name):
            ok, tail = self.pip(*arguments, *keep)
            if ok and name in ALONE:
                ok, tail = self.pip(*ALONE[name])
            if ok:
                return Outcome(name, ok=True, no_wheel=False, said=f"{name}: installed")
        if any(sign in tail for sign in NOT_FOUND) and not any(sign in tail for sign in UNREACHED):
            return Outcome(name, ok=False, no_wheel=True, said=f"{name}: no CPU build for {this_python()}; going on without it")
        return Outcome(name, ok=False, no_wheel=False, said=f"{name}: pip could not install it; its last lines:\n{tail}")

    def pip(self, *arguments: str) -> tuple[bool, str]:
        """Run `pip install ARGUMENTS`; return whether it succeeded and the last lines that it printed."""
        command = [
            self.python,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar=off",
            *arguments,
        ]
        with self.log.open("ab") as sink:
            sink.write(f"\n$ pip install {' '.join(arguments)}\n".encode())
            sink.flush()
            start = sink.tell()
            with self._lock:
                if self._stopped:
                    return False, "stopped"
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
                self._running = process
            code = process.wait()
        with self.log.open("rb") as source:
            source.seek(start)
            lines = source.read().decode(errors="replace").splitlines()
        return code == 0, "\n".join(f"    {line}" for line in lines[-LAST_LINES:])

    def stop(self) -> None:
        """End a running pip."""
        with self._lock:
            self._stopped = True
            process = self._running
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait()


def this_python() -> str:
    """Name the running interpreter and machine, as in "Python 3.13 on linux x86_64"."""
    return f"Python {sys.version_info.major}.{sys.version_info.minor} on {sys.platform} {platform.machine()}"
