#!/usr/bin/env python3
"""Set up a local environment and run a job in it.

    python3 dev.py demo     see the board work: trains on handwritten digits with PyTorch and Keras, live
    python3 dev.py test     run the tests; what follows goes to pytest: python3 dev.py test -k journal
    python3 dev.py check    lint, types, and a wheel and an sdist that hold what they should
    python3 dev.py bench    list the benchmarks; bench NAME runs one

Needs only Python 3.10 or newer with venv and pip. Everything is installed into .venv/ (CROSSBOARD_VENV names another place);
a second call finds it done and starts the job at once. `test --all-pythons` (always so under CI=true) also runs the core and
the readers on each other supported Python that is found here.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

if sys.version_info < (3, 10):  # the syntax above and below still parses on Python 3.6, so that it can be told
    sys.exit("dev.py: crossboard needs Python 3.10 or newer, this is " + sys.version.split()[0] + "; try python3.11 dev.py")

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("CROSSBOARD_VENV") or ROOT / ".venv").absolute()
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
FRAMEWORK_PYTHON = "3.11"  # where the framework tests must run under CI
JOBS = ("demo", "test", "check", "bench")
EXTRAS = {"demo": "", "bench": "", "test": "[dev]", "check": "[dev]", "core": "[test-core]"}
COVERED_BY = {"": ("[test-core]", "[dev]"), "[test-core]": ("[dev]",)}
PEERS = ("torch", "tensorboard", "trackio", "wandb", "scikit-learn")  # what benchmarks measure beside crossboard
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CORE_MARKS = "not browser and not torch and not tensorflow and not slow"
SAME_ON_EVERY_PYTHON = ("test_assets.py", "test_demo.py", "test_dev.py", "test_docs.py", "test_layout.py")
LAST_FAILED = ("--last-failed", "--last-failed-no-failures=none")
SLOWEST = "--durations=30"
SCREENSHOTS = ROOT / "build" / "screenshots"  # tests/test_every_page_in_browser.py draws them
PYTEST_NO_TESTS = 5
CORE_LIMIT_S = 1800  # for one other Python; they run side by side


def under_ci() -> bool:
    """Return whether what cannot be had is a failure instead of a skip."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def say(text: str) -> None:
    """Print a line of this script's own."""
    print("dev.py: " + text, flush=True)


def stop(text: str) -> NoReturn:
    """End with `text` and exit status 2."""
    say(text)
    raise SystemExit(2)


def call(*argv: object, env: dict[str, str] | None = None, quiet: bool = False) -> int:
    """Run a command in the repository; return its exit status."""
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.call([str(a) for a in argv], cwd=ROOT, env=env, stdout=sink, stderr=sink)


def frameworks() -> ModuleType:
    """Load the package's own knowledge of how frameworks are installed, by its path: nothing is installed yet."""
    path = ROOT / "src" / "crossboard" / "frameworks.py"
    spec = importlib.util.spec_from_file_location("crossboard_frameworks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# ---- the environment ------------------------------------------------------------------------------------------


def python_in(venv: Path) -> Path:
    """Return the path of an environment's Python."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def version_of(venv: Path) -> str:
    """Return the version that an environment says it was made with, such as "3.11.7", or ""."""
    try:
        text = (venv / "pyvenv.cfg").read_text()
    except OSError:
        return ""
    found = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def make_venv(venv: Path, interpreter: str) -> None:
    """Create an environment unless there is a working one."""
    python = python_in(venv)
    if python.exists():
        major_minor = tuple(int(part) for part in version_of(venv).split(".")[:2])
        if major_minor and major_minor < (3, 10):
            stop(f"{venv} was made with Python {version_of(venv)}, crossboard needs 3.10 or newer; remove that folder")
        return
    if call(interpreter, "-c", "import venv, ensurepip", quiet=True):
        stop(
            f"{interpreter} comes without venv and ensurepip, so no environment can be made; on Debian and Ubuntu: "
            "apt install python3-venv; on Fedora: dnf install python3-pip; then run this again"
        )
    say(f"creating {venv}")
    if call(interpreter, "-m", "venv", "--clear", venv):
        stop(f"python -m venv failed for {venv} (see above); is the disk full or the folder read-only?")


def digest(venv: Path, what: str) -> str:
    """Return what the installation of `what` depends on, as one hash."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), (ROOT / "src/crossboard/frameworks.py").read_bytes()]
    parts += [version_of(venv).encode(), what.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def stamp(venv: Path, what: str) -> Path:
    """Return the file that says `what` is installed."""
    return venv / ("crossboard-installed-" + re.sub(r"\W+", "-", what or "core").strip("-"))


def is_done(venv: Path, what: str) -> bool:
    """Return whether `what`, or something that includes it, is installed as of now."""
    for name in (what, *COVERED_BY.get(what, ())):
        try:
            if stamp(venv, name).read_text() == digest(venv, name):
                return True
        except OSError:
            continue
    return False


def mark_done(venv: Path, what: str) -> None:
    """Note that `what` is installed as of now."""
    stamp(venv, what).write_text(digest(venv, what))


def install(venv: Path, what: str, installer: Any) -> None:
    """Install crossboard with an extra such as "[dev]", unless done; ends the script when pip fails."""
    if is_done(venv, what):
        return
    say(f"installing crossboard{what} into {venv} (the first time takes a minute or two)")
    began = time.monotonic()
    ok, tail = installer.pip("-e", "." + what)
    if not ok:
        stop(f"pip could not install crossboard{what}; its last lines (all of them: {installer.log}):\n{tail}")
    mark_done(venv, what)
    say(f"installed in {time.monotonic() - began:.0f} s")


def install_optional(venv: Path, names: Iterable[str], installer: Any) -> list[str]:
    """Install frameworks and peers; return those that cannot be had, each already told."""
    missing = []
    for name in names:
        if is_done(venv, name):
            continue
        say(f"installing {name}" + (" (CPU build)" if name in ("torch", "tensorflow") else ""))
        outcome = installer.framework(name)
        if outcome.ok:
            mark_done(venv, name)
        else:
            missing.append(name)
            say(outcome.said)
    return missing


def set_up(venv: Path, interpreter: str, what: str) -> Any:
    """Make the environment and install crossboard with an extra; return the installer for more."""
    make_venv(venv, interpreter)
    installer = frameworks().Installer(python_in(venv), venv / "pip.log")
    os.chdir(ROOT)
    install(venv, what, installer)
    return installer


# ---- the browser ----------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome for the browser tests, or None."""
    named = os.environ.get("CROSSBOARD_CHROMIUM")
    if named:
        return named
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    if mac.exists():
        return str(mac)
    caches = [Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright"]
    for cache in caches:
        for place in ("chromium-*/chrome-*/chrome", "chromium-*/chrome-*/*.app/Contents/MacOS/*"):
            newest = sorted(cache.glob(place), reverse=True)
            if newest:
                return str(newest[0])
    return None


def get_chromium(venv: Path) -> tuple[str | None, str]:
    """Find or install a browser; return (path or None, why not)."""
    found = find_chromium()
    if found:
        return found, ""
    tried = []
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        say("installing chromium with apt-get")
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        call("apt-get", "update", "-q", env=env, quiet=True)
        call("apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", env=env, quiet=True)
        tried.append("apt-get install chromium")
    elif shutil.which("apt-get"):
        tried.append("apt-get, which needs root (sudo apt-get install chromium)")
    if not find_chromium():
        say("installing chromium with playwright")
        call(python_in(venv), "-m", "playwright", "install", "chromium", quiet=True)
        tried.append("playwright install chromium")
    return find_chromium(), "no Chromium found and none could be installed; tried: " + "; ".join(tried)


# ---- the jobs -------------------------------------------------------------------------------------------------


def demo(rest: list[str]) -> int:
    """Install crossboard alone and hand over to `crossboard demo`, which installs the frameworks while the board is open."""
    set_up(VENV, sys.executable, EXTRAS["demo"])
    return call(python_in(VENV), "-m", "crossboard", "demo", *rest)


def test(rest: list[str]) -> int:
    """Install everything the tests want, then run them; with every Python asked for, lint, types and the others come first."""
    everywhere = "--all-pythons" in rest or (under_ci() and not rest)
    rest = [argument for argument in rest if argument != "--all-pythons"]
    installer = set_up(VENV, sys.executable, EXTRAS["test"])
    failed = []
    missing = install_optional(VENV, ("torch", "tensorflow", "tensorboard", *frameworks().INTEGRATIONS), installer)
    here = ".".join(version_of(VENV).split(".")[:2])
    if missing and under_ci() and here == FRAMEWORK_PYTHON:
        failed.append("frameworks that CI must have: " + ", ".join(missing))
    chromium, why_not = get_chromium(VENV)
    env = environment()
    if chromium:
        env["CROSSBOARD_CHROMIUM"] = chromium
    else:
        env["CROSSBOARD_NO_CHROMIUM"] = why_not
        say(why_not + "; browser tests are skipped")
        if under_ci():
            failed.append("a browser for the browser tests")
    if everywhere:
        failed += lint_and_types()
        failed += other_pythons(here)
    if failed:
        say("failed so far: " + "; ".join(failed) + "; going on with the tests, the exit status will be 1")
    say(f"running the tests on Python {version_of(VENV)}")
    code = call(python_in(VENV), "-m", "pytest", *(rest or side_by_side()), env=env)
    if code == 1 and not rest:
        say("what failed side by side runs once more, alone")
        code = call(python_in(VENV), "-m", "pytest", *LAST_FAILED, env=env)
    pictures = sorted(SCREENSHOTS.glob("*.png"))
    if pictures:
        say(f"{len(pictures)} pictures of the board's pages, at three widths, light and dark: {SCREENSHOTS}")
    return code or (1 if failed else 0)


def environment() -> dict[str, str]:
    """Return the environment of the tests: what Python compiled may be kept, or each of their many programs compiles it anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def side_by_side() -> list[str]:
    """Return the arguments that run whole files of tests side by side, one a processor, and tell the slowest."""
    processors = os.cpu_count() or 1
    return [SLOWEST, *(["-n", str(min(4, processors)), "--dist", "loadfile"] if processors > 1 else [])]


def other_interpreters(here: str) -> list[tuple[str, str | None]]:
    """Return [(version, interpreter or None)] for each supported Python other than `here`."""
    found = []
    for version in SUPPORTED:
        if version == here:
            continue
        candidates: list[str | Path | None] = [shutil.which("python" + version)]
        candidates += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
        working = None
        for candidate in candidates:
            probe = f"import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
            if candidate and call(candidate, "-c", probe, quiet=True) == 0:
                working = str(candidate)
                break
        found.append((version, working))
    return found


def other_pythons(here: str) -> list[str]:
    """Run the tests of the core and the readers on each other Python, side by side; return what failed.

    What fails side by side is run again alone, and counts only then: a slow machine is no fault of a Python.
    """
    ready = []
    for version, interpreter in other_interpreters(here):
        if interpreter is None:
            say(f"Python {version}: not found here, not tested")
            continue
        venv = VENV.with_name(VENV.name + "-" + version)
        set_up(venv, interpreter, EXTRAS["core"])
        ready.append((version, venv))
    if not ready:
        return []
    say(f"running the tests of the core and the readers on Python {', '.join(version for version, _ in ready)}")
    running = []
    for version, venv in ready:
        log = venv / "pytest.log"
        with log.open("wb") as sink:
            running.append((version, venv, log, subprocess.Popen(core_tests(venv), cwd=ROOT, env=environment(), stdout=sink, stderr=sink)))
    failed = []
    for version, venv, log, process in running:
        try:
            code = process.wait(CORE_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
            say(f"Python {version}: still running after {CORE_LIMIT_S} s, ended")
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        say(f"Python {version_of(venv)}: {lines[-1] if lines else 'no output'}")
        if code in (0, PYTEST_NO_TESTS):
            continue
        say(f"Python {version}: status {code}, whole output in {log}; what failed runs once more, alone")
        again = call(*core_tests(venv), *LAST_FAILED, env=environment()) if code == 1 else code
        if again not in (0, PYTEST_NO_TESTS):
            failed.append(f"tests on Python {version}")
    return failed


def core_tests(venv: Path) -> list[str]:
    """Return the command that runs the tests of the core and the readers in an environment."""
    quick = ["-q", "-r", "fE", SLOWEST, "-m", CORE_MARKS, "--hypothesis-profile", "elsewhere", "-o", f"cache_dir={venv / 'pytest-cache'}"]
    return [str(python_in(venv)), "-m", "pytest", *quick, *(f"--ignore=tests/{name}" for name in SAME_ON_EVERY_PYTHON)]


def lint_and_types() -> list[str]:
    """Run ruff and mypy; return what failed."""
    python = python_in(VENV)
    failed = []
    for step in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        say(" ".join(step))
        if call(python, "-m", *step):
            failed.append(" ".join(step))
    return failed


def check(rest: list[str]) -> int:
    """Lint, types, then build both archives, look into them, and import from the wheel in an empty environment."""
    if rest:
        stop("check takes no arguments, got: " + " ".join(rest))
    set_up(VENV, sys.executable, EXTRAS["check"])
    failed = lint_and_types()
    say("wheel and sdist (tests/test_packaging.py)")
    if call(python_in(VENV), "-m", "pytest", "-q", "tests/test_packaging.py", "tests/test_layout.py", "tests/test_imports.py"):
        failed.append("packaging tests")
    say("failed: " + "; ".join(failed) if failed else "all clean")
    return 1 if failed else 0


def benchmarks() -> dict[str, Path]:
    """Return {name: path} of the programs in benchmarks/ (other files there are what they share)."""
    paths = sorted((ROOT / "benchmarks").glob("*.py"))
    return {path.stem: path for path in paths if "__main__" in path.read_text(encoding="utf-8")}


def bench(rest: list[str]) -> int:
    """Run one benchmark with the peers that it measures beside crossboard; without a name list them."""
    known = benchmarks()
    if not rest or rest[0] not in known:
        if rest:
            say(f"no benchmark is called {rest[0]!r}; there are:")
        for name, path in known.items():
            words = path.read_text(encoding="utf-8").lstrip().lstrip('r"').splitlines()
            print(f"  {name:14s} {words[0] if words else ''}".rstrip('" '))
        return 2 if rest else 0
    installer = set_up(VENV, sys.executable, EXTRAS["bench"])
    install_optional(VENV, PEERS, installer)
    return call(python_in(VENV), known[rest[0]], *rest[1:])


def main(argv: list[str]) -> int:
    """Read the command line and run the job; return the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=JOBS, metavar="demo|test|check|bench")
    args, rest = parser.parse_known_args(argv[:1])
    rest += argv[1:]
    try:
        return {"demo": demo, "test": test, "check": check, "bench": bench}[args.job](rest)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
