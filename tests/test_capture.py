"""`cb.capture()`: what other writers are told lands in the run, too, and they notice nothing."""

from __future__ import annotations

import gc
import importlib
import inspect
import io
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.capture import SPLITS, Prefixes
from crossboard.loggers.lateimports import LateImports
from crossboard.loggers.panes import Panes
from crossboard.store.blobs import read_blob
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import (
    AudioPoint,
    FigurePoint,
    HistogramPoint,
    ImagePoint,
    MetricDefined,
    Record,
    TensorPoint,
    TextPoint,
)

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parents[1]
Numbers = dict[str, list[tuple[int, float]]]


@pytest.fixture(autouse=True)
def said_anew() -> Iterator[None]:
    harmless.forget_said()
    yield
    cb.capture().stop()
    cb.finish()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def read(root: Path, name: str | None = None) -> tuple[Numbers, list[Record]]:
    """Tag -> (step, value), and the records, of the only run under `root`, or of the one called `name`."""
    source = NativeSource(root)
    (found,) = (one for one in source.scan() if name in (None, one.name))
    points: Numbers = {}
    records: list[Record] = []
    cursor, more = None, True
    while more:
        batch = source.read(found, cursor)
        cursor, more = batch.cursor, batch.more
        records += [placed.record for placed in batch.records]
        for strand in batch.strands:
            points.setdefault(strand.tag, []).extend(zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True))
    return points, records


def the(kind: type, records: list[Record], tag: str) -> Any:
    (found,) = (one for one in records if isinstance(one, kind) and getattr(one, "tag", "") == tag)
    return found


def within(seconds: float, ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not ready():
        time.sleep(0.05)
    return ready()


def program(code: str, *arguments: object, root: Path) -> str:
    """Run `code` in a process of its own, with CROSSBOARD_DIR at `root`; return what it printed."""
    environment = {**os.environ, "CROSSBOARD_DIR": str(root), "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
    command = [sys.executable, "-W", "error::crossboard.store.errors.CrossboardWarning", "-c", code, *map(str, arguments)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=root.parent)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


# ------------------------------------------------------------------------------------------------- the handle


def test_a_second_capture_is_the_same_one_and_stop_ends_it(root: Path) -> None:
    first = cb.capture()
    assert first.active
    assert cb.capture() is first
    assert sum(isinstance(finder, LateImports) for finder in sys.meta_path) == 1
    first.stop()
    first.stop()
    assert not first.active
    assert not any(isinstance(finder, LateImports) for finder in sys.meta_path)
    with cb.capture() as second:
        assert second is not first
        assert second.active
    assert not second.active


def test_capture_imports_nothing(root: Path) -> None:
    root.mkdir()
    code = "import sys, crossboard as cb; cb.capture(); print(*({'torch', 'tensorflow', 'tensorboardX', 'visdom'} & set(sys.modules)))"
    assert program(code, root=root).strip() == ""
    assert not list(root.iterdir())


def test_prefixes_tell_places_apart_and_stay() -> None:
    prefixes = Prefixes(SPLITS)
    assert prefixes.of("/logs/a/train") == "train/"
    assert prefixes.of("/logs/a/validation") == "validation/"
    assert prefixes.of("/logs/a") == ""
    assert prefixes.of("/logs/b/train") == "b/train/"
    assert prefixes.of("/logs/b") == "b/"
    assert prefixes.of("/other/b") == "b-2/"
    assert prefixes.of("/logs/a/train") == "train/"


# ----------------------------------------------------------------------------------------------- late imports


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_module_is_met_when_it_is_imported_and_not_before(modules: Path) -> None:
    (modules / "late_one.py").write_text("value = 1\n")
    met: list[Any] = []
    late = LateImports({"late_one": met.append})
    late.start()
    try:
        assert "late_one" not in sys.modules
        module = importlib.import_module("late_one")
        assert met == [module]
        assert module.value == 1
        assert module.__spec__ is not None
        assert type(module.__loader__).__name__ == type(module.__spec__.loader).__name__ == "SourceFileLoader"
        assert inspect.getsource(module) == "value = 1\n"
    finally:
        late.stop()
        sys.modules.pop("late_one", None)


def test_a_module_that_is_there_is_met_at_once() -> None:
    met: list[Any] = []
    late = LateImports({"json": met.append})
    late.start()
    late.stop()
    assert met == [json]


def test_an_import_that_fails_fails_as_it_would(modules: Path) -> None:
    (modules / "late_bad.py").write_text("raise RuntimeError('its own')\n")
    met: list[Any] = []
    late = LateImports({"late_bad": met.append, "late_missing": met.append})
    late.start()
    try:
        with pytest.raises(RuntimeError, match="its own"):
            importlib.import_module("late_bad")
        with pytest.raises(ModuleNotFoundError, match="late_missing"):
            importlib.import_module("late_missing")
    finally:
        late.stop()
    assert met == []


def test_a_module_that_is_not_as_it_was_known_is_left_alone(modules: Path) -> None:
    (modules / "late_other.py").write_text("value = 1\n")
    late = LateImports({"late_other": lambda module: module.Visdom})
    late.start()
    try:
        with pytest.warns(CrossboardWarning, match="late_other is not what it was known as"):
            assert importlib.import_module("late_other").value == 1
    finally:
        late.stop()
        sys.modules.pop("late_other", None)


# -------------------------------------------------------------------------------------------------- tf.summary


@pytest.mark.tensorflow
def test_summaries_of_compiled_functions_land_in_the_run_and_in_their_file(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    cb.capture()
    cb.init(dir=root)
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))

    @tf.function  # type: ignore[untyped-decorator]
    def train(step: Any) -> None:
        with writer.as_default(step=step):
            tf.summary.scalar("loss", tf.cast(step, tf.float32) / 2)

    for step in range(3):
        train(tf.constant(step, tf.int64))
    with writer.as_default(step=3):
        tf.summary.text("note", "hello")
    writer.close()
    cb.finish()
    points, records = read(root)
    assert points["loss"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert the(TextPoint, records, "note").texts == ["hello"]
    (file,) = (tmp_path / "logs").iterdir()
    theirs = [(event.step, one.tag) for event in EventFileLoader(str(file)).Load() for one in event.summary.value]
    assert theirs == [(0, "loss"), (1, "loss"), (2, "loss"), (3, "note")]


@pytest.mark.tensorflow
def test_keras_tensorboard_callback_is_captured_with_train_and_validation_apart(root: Path, tmp_path: Path) -> None:
    import keras

    x, y = np.zeros((8, 2), np.float32), np.zeros((8, 1), np.float32)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    with cb.init(dir=root), cb.capture():
        board = keras.callbacks.TensorBoard(str(tmp_path / "logs"), histogram_freq=1)
        history = model.fit(x, y, validation_data=(x, y), epochs=2, verbose=0, callbacks=[board]).history
    points, records = read(root)
    for tag, name in [("train/epoch_loss", "loss"), ("validation/epoch_loss", "val_loss")]:
        assert points[tag] == [(epoch, float(np.float32(value))) for epoch, value in enumerate(history[name])]
    assert the(TensorPoint, records, "train/keras").plugin == "graph_keras_model"
    assert {one.tag for one in records if isinstance(one, HistogramPoint)} == {f"train/{weight.path}/histogram" for weight in model.weights}


@pytest.mark.tensorflow
@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed under /proc")
def test_a_writer_that_stood_before_is_followed_from_then_on(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    with writer.as_default():
        tf.summary.scalar("a", 1.0, step=0)
        cb.init(dir=root)
        cb.capture()
        tf.summary.scalar("a", 2.0, step=1)
        cb.finish()
    writer.close()
    assert read(root)[0] == {"a": [(1, 2.0)]}


@pytest.mark.tensorflow
@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed under /proc")
def test_a_closed_writer_that_is_still_held_hides_no_other(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    held = [tf.summary.create_file_writer(str(tmp_path / f"closed{number}")) for number in range(3)]
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    held += [tf.summary.create_file_writer(str(tmp_path / f"closed{number}")) for number in range(3, 6)]
    for one in held:
        one.close()
    with writer.as_default():
        cb.init(dir=root)
        cb.capture()
        tf.summary.scalar("a", 2.0, step=1)
        cb.finish()
    writer.close()
    assert read(root)[0] == {"a": [(1, 2.0)]}
    del held


@pytest.mark.tensorflow
@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed under /proc")
def test_a_writer_that_was_forgotten_takes_no_place_among_those_that_write(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    forgotten, older = (tf.summary.create_file_writer(str(tmp_path / name)) for name in ("a", "b"))
    cb.init(dir=root)
    cb.capture()
    with older.as_default(step=0):
        tf.summary.scalar("loss", 1.0)
    newer = tf.summary.create_file_writer(str(tmp_path / "c"))
    with newer.as_default(step=0):
        tf.summary.scalar("loss", 2.0)
    with forgotten.as_default(step=0):
        tf.summary.scalar("loss", 3.0)
    cb.finish()
    assert read(root)[0] == {"loss": [(0, 1.0)], "c/loss": [(0, 2.0)], "a/loss": [(0, 3.0)]}
    for writer in (forgotten, older, newer):
        writer.close()


@pytest.mark.tensorflow
def test_what_was_written_before_a_run_ended_is_in_that_run(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    cb.capture()
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    for name in ("first", "second"):
        cb.init(dir=root, name=name)
        with writer.as_default(step=0):
            tf.summary.scalar(name, 1.0)
    cb.finish()
    assert set(read(root, "first")[0]) == {"first"}
    assert set(read(root, "second")[0]) == {"second"}


@pytest.mark.tensorflow
def test_our_own_writer_is_not_captured_twice(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    cb.capture()
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=1):
        tf.summary.scalar("a", 1.0)
    writer.close()
    cb.finish()
    assert read(root)[0] == {"a": [(1, 1.0)]}


@pytest.mark.tensorflow
def test_nobody_follows_a_writer_that_is_closed_or_gone(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    cb.init(dir=root)
    handle = cb.capture()
    closed, gone = (tf.summary.create_file_writer(str(tmp_path / name)) for name in ("a", "b"))
    for writer in (closed, gone):
        with writer.as_default(step=1):
            tf.summary.scalar("x", 1.0)
    first, second = handle._tails
    closed.close()
    assert not first.reading
    assert second.reading
    del gone, writer
    gc.collect()
    assert within(5, lambda: not second.reading)
    assert read(root)[0] == {"x": [(1, 1.0)], "b/x": [(1, 1.0)]}


@pytest.mark.tensorflow
def test_stop_leaves_tensorflow_as_it_was(root: Path, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.ops import gen_summary_ops as ops

    before = ops.create_summary_file_writer, ops.close_summary_writer
    cb.init(dir=root)
    handle = cb.capture()
    assert ops.create_summary_file_writer is not before[0]
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    with writer.as_default(step=1):
        tf.summary.scalar("a", 1.0)
        handle.stop()
        tf.summary.scalar("a", 2.0, step=2)
    writer.close()
    assert (ops.create_summary_file_writer, ops.close_summary_writer) == before
    assert read(root)[0] == {"a": [(1, 1.0)]}


LAZY = """
import sys
import crossboard as cb
cb.capture()
import tensorflow as tf
writer = tf.summary.create_file_writer(sys.argv[1])
writer.set_as_default()
for step in range(5):
    tf.summary.scalar("a", float(step), step=step)
"""


@pytest.mark.tensorflow
def test_a_program_that_knows_no_run_and_imports_tensorflow_later_gets_one(root: Path, tmp_path: Path) -> None:
    program(LAZY, tmp_path / "logs", root=root)
    assert read(root)[0] == {"a": [(step, float(step)) for step in range(5)]}
    (run,) = cb.open(str(root))
    assert run.status == "finished"


# --------------------------------------------------------------------------------------------- SummaryWriter


def writer_class(package: str) -> Any:
    pytest.importorskip("torch")
    if package == "torch":
        return importlib.import_module("torch.utils.tensorboard").SummaryWriter
    return pytest.importorskip(package, reason=f"{package} is not installed").SummaryWriter


PACKAGES = [pytest.param("torch", marks=pytest.mark.torch), pytest.param("tensorboardX", marks=pytest.mark.torch)]


def use(writer: Any) -> None:
    """Calls with wall times of their own, so that what is written can be compared."""
    for step in range(3):
        writer.add_scalar("loss", 1.0 / (step + 1), step, walltime=100.0 + step)
    writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 1, walltime=103.0)
    writer.add_text("note", "hello", 2, walltime=104.0)
    writer.add_histogram("weights", np.array([0.0, 0.5, 1.0]), 2, walltime=105.0)
    writer.add_image("picture", np.zeros((3, 4, 5), np.uint8), 2, walltime=106.0)
    writer.close()


def events_under(directory: Path) -> dict[str, list[Any]]:
    """Directory -> its events, without the first one, which holds the time at which the file was made."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    found: dict[str, list[Any]] = {}
    for file in sorted(directory.rglob("*tfevents*")):
        found.setdefault(str(file.parent.relative_to(directory)), []).extend(list(RawEventFileLoader(str(file)).Load())[1:])
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_summary_writers_calls_land_in_the_run_and_its_files_are_the_same(root: Path, tmp_path: Path, package: str) -> None:
    kind = writer_class(package)
    use(kind(str(tmp_path / "plain" / "x")))
    run = cb.init(dir=root)
    with cb.capture():
        use(kind(str(tmp_path / "captured" / "x")))
    cb.finish()
    plain, captured = events_under(tmp_path / "plain"), events_under(tmp_path / "captured")
    assert plain == captured
    assert len(plain["x"]) == 6
    points, records = read(root)
    assert points["loss"] == [(0, 1.0), (1, 0.5), (2, 1.0 / 3)]
    assert (points["both/a"], points["both/b"]) == ([(1, 1.0)], [(1, 2.0)])
    assert the(TextPoint, records, "note").texts == ["hello"]
    assert sum(the(HistogramPoint, records, "weights").counts) == 3
    (picture,) = the(ImagePoint, records, "picture").images
    assert (picture.width, picture.height) == (5, 4)
    assert run.dropped == 0


@pytest.mark.parametrize("package", PACKAGES)
def test_its_exceptions_are_its_own_and_then_nothing_is_kept(root: Path, tmp_path: Path, package: str) -> None:
    kind = writer_class(package)
    writer = kind(str(tmp_path / "x"))
    cb.init(dir=root)

    def said() -> str:
        with pytest.raises((AssertionError, TypeError, ValueError)) as caught:
            writer.add_image("picture", np.zeros((3, 4, 5, 6, 7), np.uint8), 0)
        return repr(caught.value)

    without = said()
    cb.capture()
    assert said() == without
    with pytest.raises(TypeError, match="add_scalar"):
        writer.add_scalar()
    assert writer.add_scalar("a", 1.0, 3) is None
    cb.finish()
    assert read(root)[0] == {"a": [(3, 1.0)]}
    assert not any(isinstance(one, ImagePoint) for one in read(root)[1])


@pytest.mark.torch
def test_a_call_that_makes_others_is_captured_once(root: Path, tmp_path: Path) -> None:
    kind = writer_class("torch")
    run = cb.init(dir=root)
    with cb.capture(), kind(str(tmp_path / "x")) as writer:
        writer.add_hparams({"lr": 0.5}, {"score": 2.0})
    cb.finish()
    points, _ = read(root)
    assert [value for tag, found in points.items() if tag.endswith("score") for _, value in found] == [2.0]
    assert run.config["lr"] == 0.5


@pytest.mark.torch
def test_writers_of_train_and_test_are_kept_apart_and_stop_gives_the_class_back(root: Path, tmp_path: Path) -> None:
    kind = writer_class("torch")
    before = dict(vars(kind))
    cb.init(dir=root)
    handle = cb.capture()
    assert inspect.signature(kind.add_scalar) == inspect.signature(before["add_scalar"])
    train, test = kind(str(tmp_path / "train")), kind(str(tmp_path / "test"))
    train.add_scalar("loss", 1.0, 0)
    test.add_scalar(tag="loss", scalar_value=2.0, global_step=0)
    handle.stop()
    train.add_scalar("loss", 3.0, 1)
    train.close()
    test.close()
    assert dict(vars(kind)) == before
    cb.finish()
    assert read(root)[0] == {"train/loss": [(0, 1.0)], "test/loss": [(0, 2.0)]}


ORDER = """
import sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")  # TensorBoard then leaves TensorFlow alone, which takes seconds
import crossboard as cb
handle = cb.capture()
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1])
writer.add_scalar("a", 1.0, 0)
handle.stop()
writer.add_scalar("a", 2.0, 1)
cb.capture()
writer.add_scalar("a", 3.0, 2)
writer.close()
"""


@pytest.mark.torch
def test_the_order_of_imports_does_not_matter_and_a_writer_may_be_older(root: Path, tmp_path: Path) -> None:
    program(ORDER, tmp_path / "logs", root=root)
    assert read(root)[0] == {"a": [(0, 1.0), (2, 3.0)]}
    (run,) = cb.open(str(root))
    assert run.status == "finished"


# ------------------------------------------------------------------------------------------------------ Visdom


def test_messages_are_kept_without_a_client(root: Path) -> None:
    """What Visdom's clients (0.2.4 and 0.3.0) send, by hand."""
    run = cb.init(dir=root)
    panes = Panes(lambda: run, Prefixes(frozenset()).of)
    line = {"type": "scatter", "mode": "lines", "name": "1"}
    start = {"eid": "main", "win": "w", "opts": {"title": "loss"}, "layout": {"title": "loss"}}
    panes.sent({**start, "data": [{**line, "x": [0, 1], "y": [1.0, None]}]}, "events")
    panes.sent({"eid": "main", "win": "w", "append": True, "opts": {}, "data": [{**line, "x": [5.0], "y": [0.5]}]}, "update")
    panes.sent({"eid": "main", "win": "w", "append": True, "opts": {}, "data": [{**line, "x": [6.0], "y": [None]}]}, "update")
    panes.sent({"eid": "main", "win": "w", "data": [], "name": "1", "delete": True}, "update")
    panes.sent({"eid": "main", "win": "pie", "opts": {}, "data": [{"type": "pie", "values": [1, 2]}], "layout": {}}, "events")
    panes.sent({"eid": "main", "win": "text", "opts": {}, "data": [{"type": "text", "content": "<i>x</i>"}]}, "events")
    panes.sent({"eid": "main", "action": "log", "params": {"lr": 0.5}, "name": None}, "experiments/log")
    panes.sent({"eid": "main", "action": "metrics", "metrics": {"acc": 0.25}, "step": 9}, "experiments/log")
    panes.sent({"eid": "main", "win": None}, "close")
    panes.sent({"eid": "main"}, "env/main")
    cb.finish()
    points, records = read(root)
    assert repr(points["loss"]) == repr([(0, 1.0), (1, math.nan), (5, 0.5)])
    assert points["acc"] == [(9, 0.25)]
    assert set(points) == {"loss", "acc"}
    assert run.config == {"lr": 0.5}
    assert json.loads(read_blob(run.dir, the(FigurePoint, records, "pie").blob))["data"][0]["values"] == [1, 2]
    assert the(TextPoint, records, "text").format == "html"


@pytest.fixture
def visdom() -> Any:
    return pytest.importorskip("visdom", reason="visdom is not installed")


def offline(visdom: Any, tmp_path: Path, name: str = "log") -> Any:
    return visdom.Visdom(offline=True, log_to_filename=str(tmp_path / name))


def draw(viz: Any) -> list[Any]:
    """Every sort of pane, with windows of given names; what the calls returned."""
    answers = [viz.line(Y=[0.5], X=[0], win="loss", opts={"title": "train loss"})]
    answers += [viz.line(Y=[0.5 / step], X=[step], win="loss", update="append") for step in (1, 2, 4)]
    answers.append(viz.line(Y=np.array([[1.0, 2.0], [3.0, 4.0]]), X=np.arange(2), win="two", opts={"legend": ["a", "b"]}))
    answers.append(viz.line(Y=[math.nan], X=[2], win="loss", update="append"))
    answers.append(viz.scatter(np.array([[0.5, 1.0], [0.25, 2.0]]), win="cloud"))
    answers.append(viz.text("<b>hello</b>", win="note"))
    answers.append(viz.image(np.zeros((3, 4, 5), np.uint8), win="picture", opts={"caption": "black"}))
    answers.append(viz.images(np.zeros((2, 1, 4, 5), np.float32), win="pictures"))
    answers.append(viz.histogram(np.array([0.0, 1.0, 1.0]), win="histogram", opts={"numbins": 2}))
    answers.append(viz.heatmap(np.eye(2), win="heat"))
    answers.append(viz.audio(np.array([0.0, 0.5, -0.5]), win="sound", opts={"sample_frequency": 8000}))
    answers.append(viz.properties([{"type": "text", "name": "a", "value": "b"}], win="form"))
    return answers


def test_every_pane_is_kept_as_what_it_shows(root: Path, tmp_path: Path, visdom: Any) -> None:
    import PIL.Image

    run = cb.init(dir=root)
    with cb.capture():
        draw(offline(visdom, tmp_path))
    cb.finish()
    points, records = read(root)
    assert points == {
        "train loss": [(0, 0.5), (1, 0.5), (2, 0.25), (4, 0.125)],
        "two/a": [(0, 1.0), (1, 3.0)],
        "two/b": [(0, 2.0), (1, 4.0)],
    }
    cloud = json.loads(read_blob(run.dir, the(FigurePoint, records, "cloud").blob))
    assert (cloud["data"][0]["x"], cloud["data"][0]["y"]) == ([0.5, 0.25], [1.0, 2.0])
    assert json.loads(read_blob(run.dir, the(FigurePoint, records, "heat").blob))["data"][0]["z"] == [[1.0, 0.0], [0.0, 1.0]]
    note = the(TextPoint, records, "note")
    assert (note.texts, note.format, note.step) == (["<b>hello</b>"], "html", 4)
    (picture,) = the(ImagePoint, records, "picture").images
    assert (picture.width, picture.height, picture.caption) == (5, 4, "black")
    assert np.asarray(PIL.Image.open(io.BytesIO(read_blob(run.dir, picture.blob)))).shape == (4, 5, 3)
    assert [(one.width, one.height) for one in the(ImagePoint, records, "pictures").images] == [(5, 4), (5, 4)]
    histogram = the(HistogramPoint, records, "histogram")
    assert (histogram.counts, histogram.edges) == ([1, 2], [0.0, 0.5, 1.0])
    (clip,) = the(AudioPoint, records, "sound").clips
    assert (clip.sample_rate, clip.frames) == (8000.0, 3)
    assert json.loads(the(TextPoint, records, "form").texts[0]) == [{"type": "text", "name": "a", "value": "b"}]


def test_what_visdom_sends_and_returns_is_the_same(root: Path, tmp_path: Path, visdom: Any) -> None:
    plain = draw(offline(visdom, tmp_path, "plain"))
    cb.init(dir=root)
    with cb.capture():
        assert draw(offline(visdom, tmp_path, "captured")) == plain
    assert (tmp_path / "plain").read_text() == (tmp_path / "captured").read_text()


def test_visdoms_exceptions_are_its_own_and_stop_gives_the_class_back(root: Path, tmp_path: Path, visdom: Any) -> None:
    before = dict(vars(visdom.Visdom))
    cb.init(dir=root)
    handle = cb.capture()
    viz = offline(visdom, tmp_path)
    with pytest.raises(AssertionError, match="X and Y should be the same shape"):
        viz.line(Y=np.zeros(3), X=np.zeros(2))
    with pytest.raises(TypeError):
        viz.histogram()
    handle.stop()
    viz.line(Y=[1.0], X=[0], win="a")
    assert dict(vars(visdom.Visdom)) == before
    cb.finish()
    assert read(root)[0] == {}


def test_a_line_drawn_anew_adds_what_is_new_and_a_fraction_as_x_is_kept_beside(root: Path, tmp_path: Path, visdom: Any) -> None:
    cb.init(dir=root)
    cb.capture()
    viz = offline(visdom, tmp_path)
    for end in (2, 3, 5):
        viz.line(Y=np.arange(end) * 10.0, X=np.arange(end), win="history", update="replace" if end > 2 else None)
    for x in (0.25, 0.5):
        viz.line(Y=[x * 2], X=[x], win="epochs", name="train", update="append")
    cb.finish()
    points, records = read(root)
    assert points["history"] == [(step, step * 10.0) for step in range(5)]
    assert points["epochs/train"] == [(0, 0.5), (1, 1.0)]
    assert points["epochs/train x"] == [(0, 0.25), (1, 0.5)]
    assert the(MetricDefined, records, "epochs/train").x == "epochs/train x"


def test_windows_without_a_name_are_numbered_and_environments_told_apart(root: Path, tmp_path: Path, visdom: Any) -> None:
    cb.init(dir=root)
    cb.capture()
    viz = offline(visdom, tmp_path)
    first = viz.line(Y=[1.0], X=[0])
    viz.line(Y=[2.0], X=[1], win=first, update="append")
    viz.line(Y=[3.0], X=[0], win="a", env="second")
    cb.finish()
    assert read(root)[0] == {"pane-1": [(0, 1.0), (1, 2.0)], "second/a": [(0, 3.0)]}
