"""Imports follow the diagram: loggers -> store, adapters -> store, dashboard -> store; and logging imports next to nothing."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossboard

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "store": {"store"},
    "loggers": {"loggers", "store"},
    "adapters": {"adapters", "store"},
    "dashboard": {"dashboard", "store"},
}
OUTSIDE = ["src/crossboard", "examples", "tests", "benchmarks"]
LIGHT = {"crossboard", "numpy", "msgspec", "google_crc32c"}
LIGHT |= {"typing_extensions"}  # one file, which msgspec itself imports where it is installed
FRAMEWORKS = {"torch", "tensorflow", "keras", "tensorboard", "visdom", "lightning", "transformers", "jax"}
FRAMEWORKS |= {"accelerate", "fastai", "lightning_utilities", "pytorch_lightning", "sklearn"}


def modules(folder: str) -> list[Path]:
    links = {ROOT / "src" / "crossboard" / name for name in ALLOWED}
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if not links & set(path.parents)]


def imports(path: Path) -> Iterator[tuple[int, int, str]]:
    """Yield (line, level, dotted name) of each import; level 0 is absolute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name
        elif isinstance(node, ast.ImportFrom):
            inside = [node.module] if node.module else [alias.name for alias in node.names]
            for name in inside:
                yield node.lineno, node.level, name


def reached(path: Path, level: int, name: str) -> str:
    """Return the first folder below `crossboard` that a relative import from `path` reaches."""
    package = path.relative_to(ROOT).parts[:-1]
    target = (*package[: len(package) - level + 1], *name.split("."))
    return target[0]


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_follow_the_diagram(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        for line, level, name in imports(path):
            where = f"{path.relative_to(ROOT)}:{line}"
            if level == 0 and name.split(".")[0] == "crossboard":
                wrong.append(f"{where} imports {name}: inside {folder}/ import relatively")
            elif level and reached(path, level, name) not in ALLOWED[folder]:
                wrong.append(f"{where} reaches {reached(path, level, name)}: {folder} may use {sorted(ALLOWED[folder])}")
    assert wrong == []


def test_the_walk_sees_a_forbidden_arrow() -> None:
    assert reached(ROOT / "store" / "fold.py", 2, "loggers.run") == "loggers"
    assert reached(ROOT / "dashboard" / "pages" / "runs.py", 3, "store.kinds") == "store"
    assert reached(ROOT / "dashboard" / "pages" / "runs.py", 1, "charts") == "dashboard"


@pytest.mark.parametrize("place", OUTSIDE)
def test_outside_the_folders_imports_are_absolute(place: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {'.' * level}{name}"
        for path in modules(place)
        for line, level, name in imports(path)
        if level or name.split(".")[0] in {*ALLOWED, "src", "tests"}
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["store", "dashboard"])
def test_the_reader_side_imports_no_framework(folder: str) -> None:
    """`reducer` is a program of its own, which the board starts and never imports: it may name what t-SNE and UMAP need."""
    apart = ROOT / "dashboard" / "reducer.py"
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(folder)
        for line, level, name in imports(path)
        if (not level and name.split(".")[0] in FRAMEWORKS and path != apart) or (level and name.split(".")[-1] == "reducer")
    ]
    assert wrong == []


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules outside the standard library that `code` loads in a fresh interpreter."""
    report = "import sys; before = set(sys.modules); " + code + "; print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    answer = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name for name in answer.stdout.split() if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_import_crossboard_loads_next_to_nothing() -> None:
    assert loaded_by("import crossboard") <= LIGHT


def test_logging_loads_numpy_msgspec_and_crc32c_alone(tmp_path: Path) -> None:
    code = f"import crossboard as cb; r = cb.init(project='p', dir={str(tmp_path)!r}); r.log({{'a': 1.0}}); r.finish()"
    assert loaded_by(code) <= LIGHT


def test_a_board_loads_no_scipy_before_a_band_is_asked_for() -> None:
    code = "from crossboard.dashboard.app import create_app; from crossboard.store.embedded import EmbeddedStore; "
    code += "import crossboard.store.statistics; create_app(EmbeddedStore(memory=True))"
    assert "scipy" not in loaded_by(code)


def test_a_sealed_run_is_resumed_and_read_without_pandas(tmp_path: Path) -> None:
    """pyarrow imports it at the least occasion: half a second, and memory that nobody asked for."""
    code = (
        f"import crossboard as cb; from crossboard.store.sealing import seal_run; r = cb.init(project='p', dir={str(tmp_path)!r}); "
        "r.log({'a': 1.0}, step=7); r.finish(); seal_run(r.dir); "
        f"again = cb.init(project='p', dir={str(tmp_path)!r}, resume=True); again.log({{'a': 2.0}}); again.finish(); "
        f"assert cb.open({str(tmp_path)!r})[0]['a'].step.tolist() == [7, 8]"
    )
    assert loaded_by(code) & {"pandas", "pyarrow"} == {"pyarrow"}


def test_the_public_names_are_all_there_and_no_others() -> None:
    media = ["Audio", "ConfusionMatrix", "Embedding", "Figure", "Graph", "Histogram", "Image", "Images", "Mesh", "PRCurve"]
    media += ["PointCloud", "Table", "Tensor", "Text", "Video"]
    others = ["Run", "__version__", "alert", "capture", "define_metric", "finish", "init", "log", "open", "tensorflow"]
    assert crossboard.__all__ == sorted([*media, *others])
    for name in crossboard.__all__:
        if name == "tensorflow" and importlib.util.find_spec(name) is None:
            continue
        assert getattr(crossboard, name) is not None
    assert dir(crossboard) == sorted(crossboard.__all__)


def test_a_wrong_public_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'inti'; it has Audio, .*init"):
        _ = crossboard.inti


def test_every_module_of_the_package_can_be_imported() -> None:
    for folder in (*ALLOWED, "src/crossboard"):
        for path in modules(folder):
            parts = path.relative_to(ROOT / "src" if folder.startswith("src") else ROOT).with_suffix("").parts
            name = ".".join(parts if parts[0] == "crossboard" else ("crossboard", *parts)).removesuffix(".__init__")
            if name.endswith("__main__"):
                continue
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:  # a border to a framework that is not installed here
                missing = (error.name or "").partition(".")[0]
                assert missing in FRAMEWORKS, name
                assert importlib.util.find_spec(missing) is None, name
