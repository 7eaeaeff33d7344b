"""`crossboard demo`: the board at work on real training, from an environment that has crossboard alone.

In this order: the board opens on the runs folder; a NumPy network starts to train in this process and streams at once; behind
it the frameworks are installed (CPU builds) unless they are there; then a small CNN is trained on scikit-learn's handwritten
digits in PyTorch and in Keras, side by side, a few seeds each. The training scripts are those of `examples/`, unchanged, each
run in a process of its own; all that connects them to the board is the folder they write to.

`--gallery` trains one small classifier in each framework that logs one thing of every kind (`examples/gallery_*.py`), and writes
those runs once more as TensorBoard event files and as Visdom environments, below the same folder.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from crossboard.frameworks import MODULES, Installer

LANES = {"torch": "digits_torch.py", "keras": "digits_keras.py"}
GALLERY = {"torch": "gallery_torch.py", "keras": "gallery_keras.py"}
FOREIGN = {"tensorboard": "torch", "visdom": "keras"}
"""Format -> the framework whose first gallery run is written in it; also the names of the folders."""
NEEDS = {"torch": ("scikit-learn", "torch"), "keras": ("scikit-learn", "tensorflow")}
PLAIN_STEPS = 1500
PLAIN_PAUSE_S = 0.01
EPOCHS = 30
URL = re.compile(r"https?://\S+")


def examples_folder() -> Path:
    """Return where the example scripts lie: inside the installed package, or at the root of a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "plain_python.py").is_file():
            return folder
    raise FileNotFoundError(f"the example scripts are not beside {package}; reinstall crossboard, or run from a checkout")


def load_example(name: str) -> ModuleType:
    """Load an example script as a module, without running it."""
    path = examples_folder() / name
    spec = importlib.util.spec_from_file_location(f"crossboard_example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_there(requirement: str) -> bool:
    """Return whether a framework, or scikit-learn, is installed in this environment."""
    importlib.invalidate_caches()
    return importlib.util.find_spec(MODULES[requirement]) is not None


def parser() -> argparse.ArgumentParser:
    """Return the command line of the demo."""
    made = argparse.ArgumentParser(
        prog="crossboard demo",
        description="Open the board and train in it: NumPy at once, then PyTorch and Keras on handwritten digits, "
        "installed first if they are missing (CPU builds).",
        epilog="examples:\n  crossboard demo\n  crossboard demo --gallery\n  crossboard demo --no-frameworks --exit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--dir", type=Path, help="where the runs are written (default: CROSSBOARD_DIR or ./runs)")
    made.add_argument("--port", type=int, help="port of the board (default: the board's own; a free one when it is taken)")
    made.add_argument("--gallery", action="store_true", help="runs that log one thing of every kind, also as TensorBoard and Visdom files")
    made.add_argument("--seeds", type=int, metavar="N", help="seeds per framework (default: 3; with --gallery 2)")
    made.add_argument("--epochs", type=int, metavar="N", help=f"epochs per seed (default: {EPOCHS}; with --gallery 8)")
    made.add_argument(
        "--steps", type=int, default=PLAIN_STEPS, metavar="N", help=f"steps of the NumPy network, at least (default: {PLAIN_STEPS})"
    )
    made.add_argument("--no-frameworks", action="store_true", help="only NumPy: install and train nothing else")
    made.add_argument("--no-browser", action="store_true", help="open no browser; the address is printed")
    made.add_argument("--exit", action="store_true", help="end when training ends (default: the board stays open until Ctrl-C)")
    return made


class Demo:
    """One demo: the board and the trainings as child processes, one worker thread that installs and starts them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.scripts = GALLERY if args.gallery else LANES
        self.seeds = args.seeds if args.seeds is not None else 2 if args.gallery else 3
        self.epochs = args.epochs if args.epochs is not None else 8 if args.gallery else EPOCHS
        self.root = Path(args.dir or os.environ.get("CROSSBOARD_DIR") or "runs").absolute()
        self.scratch = tempfile.TemporaryDirectory(prefix="crossboard-demo-")
        self.installer = Installer(sys.executable, Path(self.scratch.name) / "pip.log")
        self.messages: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.children: list[subprocess.Popen[Any]] = []
        self.board: subprocess.Popen[str] | None = None
        self.url = ""
        self.lanes: list[str] = []
        self.trained: list[str] = []
        self.failed: list[str] = []
        self.stopping = False
        self._lock = threading.Lock()

    def run(self) -> int:
        """Run the whole demo; return the exit status."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.open_board()
        worker = threading.Thread(target=self.frameworks, name="crossboard-demo", daemon=True)
        worker.start()
        self.stream(worker)
        while worker.is_alive():
            worker.join(0.1)
            self.pass_on(None)
        self.pass_on(None)
        self.report()
        if not self.args.exit and self.board is not None and self.board.poll() is None:
            print("The board stays open until Ctrl-C.", flush=True)
            try:
                self.board.wait()
            except KeyboardInterrupt:
                print(flush=True)
        return 1 if self.failed else 0

    # ---- the board ----

    def open_board(self) -> None:
        """Start the board as a process of its own and wait until it has said where it is."""
        command = [sys.executable, "-u", "-m", "crossboard", str(self.root), "--expecting"]
        command += ["--port", str(self.args.port)] if self.args.port is not None else []
        command += ["--no-browser"] if self.args.no_browser else []
        self.board = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        told = threading.Event()
        threading.Thread(target=self.relay, args=(told,), name="crossboard-demo-board", daemon=True).start()
        if not told.wait(30):
            print("The board has said nothing for 30 s; training goes on, its output follows when it comes.", flush=True)
        elif not self.url:
            print(f"The board did not open (status {self.board.wait()}); training goes on without it.", flush=True)

    def relay(self, told: threading.Event) -> None:
        """Print what the board prints; note the first address in it."""
        assert self.board is not None
        assert self.board.stdout is not None
        for line in self.board.stdout:
            print(line, end="", flush=True)
            found = URL.search(line)
            if found and not self.url:
                self.url = found.group()
                told.set()
        told.set()

    # ---- NumPy, in this process, in the main thread ----

    def stream(self, worker: threading.Thread) -> None:
        """Train the NumPy network step by step, at least `--steps` and for as long as something is being installed."""
        import crossboard

        seed, lr, batch = 0, 3e-3, 64
        config = {"seed": seed, "lr": lr, "batch": batch, "data": "two spirals, made by the run"}
        training = load_example("plain_python.py").training(seed, lr, batch)
        with crossboard.init(project="spirals", name="numpy seed 0", group="numpy", config=config, dir=str(self.root)) as run:
            step = 0
            while step < self.args.steps or (worker.is_alive() and not self.lanes):
                run.log(next(training), step=step)
                step += 1
                self.pass_on(run)
                time.sleep(PLAIN_PAUSE_S)
        self.trained.append(f"numpy, {step:,} steps")

    def pass_on(self, run: Any) -> None:
        """Print what the worker has said; while the NumPy run is open, note it there as alerts too."""
        while not self.messages.empty():
            level, text = self.messages.get()
            print(text, flush=True)
            if run is not None:
                title, _, rest = text.partition("\n")
                run.alert(title, rest, level=level)

    # ---- the frameworks, in the worker thread ----

    def frameworks(self) -> None:
        """Install what is missing, then train every framework that is there, side by side."""
        if self.args.no_frameworks:
            return
        for requirement in MODULES:
            if not is_there(requirement):
                self.install(requirement)
        lanes = [lane for lane, needs in NEEDS.items() if all(is_there(need) for need in needs)]
        threads = [threading.Thread(target=self.train, args=(lane,), daemon=True) for lane in lanes]
        self.lanes = lanes
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.args.gallery and not self.stopping:
            self.write_foreign(lanes)

    def write_foreign(self, lanes: list[str]) -> None:
        """Write the gallery's runs as other tools would have, with `crossboard export`."""
        for form, lane in FOREIGN.items():
            output = self.root / form
            if lane not in lanes or output.exists():
                continue
            query = f'project = gallery and name = "{lane} seed 0"'
            command = [
                sys.executable,
                "-m",
                "crossboard",
                "export",
                str(self.root),
                "--runs",
                query,
                "--format",
                form,
                "--output",
                str(output),
            ]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                self.trained.append(f"{lane} seed 0 as {form} files, in {output.name}/")
                self.messages.put(("info", self.trained[-1]))
            else:
                self.failed.append(f"{form} files")
                self.messages.put(("error", f"{form} files: {done.stderr.strip()}"))

    def install(self, requirement: str) -> None:
        """Install one requirement, without changing the NumPy that this process and the board run on, if that can be."""
        if self.stopping:
            return
        self.messages.put(("info", f"{requirement}: installing, a minute or two ..."))
        began = time.monotonic()
        outcome = self.installer.framework(requirement, keep=[f"numpy=={np.__version__}"])
        if not outcome.ok and not outcome.no_wheel:
            outcome = self.installer.framework(requirement)
        if self.stopping:
            return
        text = f"{outcome.said} in {time.monotonic() - began:.0f} s" if outcome.ok else outcome.said
        self.messages.put(("info" if outcome.ok else "warn", text))

    def train(self, lane: str) -> None:
        """Train the seeds of one framework one after the other, each in its own process on one core."""
        script = examples_folder() / self.scripts[lane]
        one_core = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
        for seed in range(self.seeds):
            log = Path(self.scratch.name) / f"{lane}-{seed}.log"
            options = ["--seed", str(seed), "--epochs", str(self.epochs), "--dir", str(self.root)]
            with log.open("wb") as sink:
                try:
                    process = self.start(
                        [sys.executable, str(script), *options],
                        stdout=sink,
                        stderr=subprocess.STDOUT,
                        env={**os.environ, **one_core},
                    )
                except InterruptedError:
                    return
                code = process.wait()
            if self.stopping:
                return
            lines = log.read_text(errors="replace").splitlines()
            if code == 0:
                self.trained.append(lines[-1] if lines else f"{lane} seed {seed}")
                self.messages.put(("info", self.trained[-1]))
            else:
                self.failed.append(f"{lane} seed {seed}")
                last = "\n".join(f"    {line}" for line in lines[-12:])
                self.messages.put(("error", f"{lane} seed {seed}: ended with status {code}; its last lines:\n{last}"))

    # ---- children ----

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a child process that a Ctrl-C in the terminal does not reach: this process ends it, in order."""
        with self._lock:
            if self.stopping:
                raise InterruptedError
            child: subprocess.Popen[Any] = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=os.name != "nt", **options)
            self.children.append(child)
        return child

    def stop(self) -> None:
        """End pip and every child, the trainings before the board."""
        with self._lock:
            self.stopping = True
        self.installer.stop()
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self.scratch.cleanup()

    def report(self) -> None:
        """Say what was made and where it lies."""
        count = len(self.trained)
        print(f"\n{count} run{'' if count == 1 else 's'} in {self.root}:", flush=True)
        for line in self.trained:
            print(f"  {line}")
        if self.failed:
            print(f"  failed: {', '.join(self.failed)}")
        if self.url:
            print(f"Board: {self.url.partition('?')[0]}")
        print(f"Open it again later:  crossboard {self.root}", flush=True)


def interrupt(_number: int, _frame: object) -> None:
    """Make SIGTERM and a closed terminal end the demo as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Run `crossboard demo`; return its exit status."""
    args = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, interrupt)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, interrupt)
    demo = Demo(args)
    try:
        return demo.run()
    except KeyboardInterrupt:
        print("\nEnding: trainings and the board.", flush=True)
        return 130
    finally:
        demo.stop()
