"""What is shipped is what is in the tree: the wheel and the sdist hold every folder, and the wheel works on its own."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["adapters", "dashboard", "examples", "loggers", "store"]
FACE = "src/crossboard"

pytest.importorskip("build", reason="`build` is not installed; run: python3 dev.py test")


def shipped(folder: str) -> list[str]:
    """Return the files of a folder that users need, as paths inside it."""
    root = ROOT / folder
    links = {ROOT / FACE / name for name in FOLDERS}
    found = [p for p in root.rglob("*") if p.is_file() and not links & set(p.parents)]
    return sorted(str(p.relative_to(root)) for p in found if "__pycache__" not in p.parts)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from that sdist, as `python -m build` does for a release."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_every_file_of_every_folder(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        names = set(wheel.namelist())
    for folder in FOLDERS:
        assert {f"crossboard/{folder}/{name}" for name in shipped(folder)} <= names, folder
    assert {f"crossboard/{name}" for name in shipped(FACE)} <= names
    assert {name.split("/")[0] for name in names} == {"crossboard", *(n.split("/")[0] for n in names if ".dist-info/" in n)}


def test_the_wheel_holds_each_file_once(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        names = wheel.namelist()
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("crossboard/src") or "/tests/" in name]


def test_the_sdist_holds_the_folders_the_tests_and_the_set_up(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for folder in (*FOLDERS, FACE):
        assert {f"{folder}/{name}" for name in shipped(folder)} <= names, folder
    assert {"dev.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "tests/conftest.py"} <= names


def test_the_wheel_imports_in_an_empty_environment_and_logs(archives: tuple[Path, Path], tmp_path: Path) -> None:
    """Without dependencies but the three that logging is promised to need: nothing else is there to be imported."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", str(archives[0])], check=True)
    subprocess.run([*pip, "numpy", "msgspec", "google-crc32c"], check=True)
    code = (
        "import crossboard as cb, pathlib\n"
        f"run = cb.init(project='wheel', name='first', dir={str(tmp_path / 'runs')!r})\n"
        "run.log({'loss': 0.5})\n"
        "run.finish()\n"
        "print(cb.__version__, pathlib.Path(cb.__file__).parent)\n"
    )
    answer = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert str(venv) in answer.stdout
    assert list((tmp_path / "runs" / "wheel").glob("*/points-*.cbj"))


def test_the_demo_of_a_wheel_finds_its_training_scripts(archives: tuple[Path, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        wheel.extractall(tmp_path)
    code = "from crossboard import demo; print(demo.examples_folder()); demo.load_example('plain_python.py')"
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert answer.stdout.strip() == str(tmp_path / "crossboard" / "examples")
