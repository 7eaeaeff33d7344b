"""Tensors on a device: no logging call waits for them, and each value comes over as it was at its call."""

from __future__ import annotations

import importlib.util
import math
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers.helper import NotYet, helper
from crossboard.loggers.landing import Landing, landing_of, landings_of
from crossboard.loggers.later import Later
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import HistogramPoint

torch: Any = pytest.importorskip("torch")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.torch]


def load_far() -> Any:
    if "far_device" not in sys.modules:
        spec = importlib.util.spec_from_file_location("far_device", Path(__file__).with_name("far_device.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["far_device"] = module
        spec.loader.exec_module(module)
    return sys.modules["far_device"]


@pytest.fixture
def far() -> Iterator[Any]:
    """Puts a tensor on a device from which nothing may be read in this thread."""
    module = load_far()
    module.refused.clear()
    yield module.Far.of
    cb.finish()
    assert module.refused == []


def histograms_in(run: cb.Run) -> dict[tuple[str, int], HistogramPoint]:
    run.finish()
    (found,) = NativeSource(Path(run.dir).parent.parent).scan()
    records = [placed.record for placed in NativeSource(Path(run.dir).parent.parent).read(found, None).records]
    return {(one.tag, one.step): one for one in records if isinstance(one, HistogramPoint)}


def test_the_far_device_refuses_what_would_wait(far: Any) -> None:
    tensor = far(torch.ones(2))
    for read in ("item", "cpu", "tolist", "numpy", "__float__", "nonzero"):
        with pytest.raises((AssertionError, RuntimeError)):
            getattr(tensor if read in ("cpu", "nonzero") else tensor[0], read)()
    with pytest.raises(AssertionError):
        _ = tensor[tensor > 0]
    sys.modules["far_device"].refused.clear()


def test_scalars_come_over_as_they_were_with_their_own_step_and_time(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    value = torch.tensor(0.0)
    tensor = far(value)
    began = time.time()
    for step in range(100):
        value.fill_(step)
        run.log({"a": tensor, "host": step, "b": tensor * 2}, step=step * 3)
        value.fill_(-1.0)  # training goes on right behind the call
    ended = time.time()
    run.finish()
    points = run.own_points()
    for tag, factor in (("a", 1), ("b", 2), ("host", 1)):
        assert points[tag].step.tolist() == list(range(0, 300, 3))
        assert points[tag].value.tolist() == [float(step * factor) for step in range(100)]
        assert (points[tag].wall_time >= began).all()
        assert (points[tag].wall_time <= ended).all()


def test_scalars_of_many_dtypes_travel_together(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    values = {
        "half": torch.tensor(0.5, dtype=torch.float16),
        "brain": torch.tensor([1.5], dtype=torch.bfloat16),
        "wide": torch.tensor([[2.0**60 + 2.0**20]], dtype=torch.float64),
        "whole": torch.tensor(2**40 + 1),
        "flag": torch.tensor(True),
        "nan": torch.tensor(math.nan),
    }
    run.log({tag: far(value) for tag, value in values.items()}, step=1)
    run.finish()
    found = {tag: points.value[0] for tag, points in run.own_points().items()}
    assert math.isnan(found.pop("nan"))
    assert found == {"half": 0.5, "brain": 1.5, "wide": 2.0**60 + 2.0**20, "whole": 2.0**40 + 1, "flag": 1.0}


def test_a_tensor_with_a_gradient_is_taken_without_its_graph(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    weight = torch.nn.Parameter(far(torch.tensor(3.0)))
    run.log({"loss": weight * 2}, step=0)
    run.finish()
    assert run.own_points()["loss"].value.tolist() == [6.0]


def test_a_histogram_is_counted_there_and_only_the_numbers_come_over(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    values = torch.randn(5000)
    values[7], values[8] = math.nan, math.inf
    kept = values.clone()
    run.log({"h": cb.Histogram(far(values)), "i": cb.Histogram(far(values), bins=10, range=(-1, 1))}, step=4)
    values.zero_()
    found = histograms_in(run)
    finite = kept[torch.isfinite(kept)].double().numpy()
    for tag, bins in (("h", 64), ("i", 10)):
        point = found[tag, 4]
        assert point.counts == np.histogram(finite, bins=np.array(point.edges))[0].tolist()
        assert (len(point.counts), point.nan, point.pos_inf, point.count) == (bins, 1, 1, 5000)
        assert point.mean == pytest.approx(float(finite.mean()))


def test_media_of_a_far_tensor_come_over_as_they_were(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    values = torch.arange(6.0)
    run.log({"h": cb.Histogram(far(values), bins=[0.0, 2.0, 10.0])}, step=0)  # edges of one's own: counted by the helper
    values.zero_()
    assert histograms_in(run)["h", 0].counts == [2, 4]


def test_watching_a_far_model_waits_for_nothing(far: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path, strict=True)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2), torch.nn.Tanh())
    host = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for name, parameter in list(model.named_parameters()):
        layer, _, part = name.rpartition(".")
        setattr(model.get_submodule(layer), part, torch.nn.Parameter(far(parameter.detach())))
    run.watch(model, every=2, activations=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    for step in range(4):
        output = model(far(torch.ones(3, 4) * (math.nan if step == 3 else 1.0)))
        assert output.device.type == "privateuseone"
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.25)
        optimizer.step()
        run.log({"loss": output.sum()}, step=step)
    found = histograms_in(run)
    weight = host["0.weight"].double().numpy()
    point = found["weights/0.weight", 0]
    assert point.counts == np.histogram(weight, bins=np.array(point.edges))[0].tolist()
    assert found["activations/1", 2].count == 24
    points = run.own_points()
    assert points["gradient_norm/0.weight"].value.tolist() == [pytest.approx(0.25 * math.sqrt(32))] * 2
    assert points["update_ratio/0.weight"].value[0] == pytest.approx(0.5 * 0.25 * math.sqrt(32) / np.linalg.norm(weight), rel=1e-5)
    assert points["saturated_units/3"].step.tolist() == [0, 2]
    assert run.summary["first_nonfinite"] == {"step": 3, "update": 4, "pass": "forward", "what": "input", "name": "0"}


def test_a_device_that_fails_is_said_at_the_line_and_counted(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    run.log({"a": torch.empty((), device="meta"), "b": 1.0}, step=0)
    with pytest.warns(CrossboardWarning, match=r"log: 'a': could not be read from the device.*left out") as caught:
        run.finish()
    assert caught[0].filename == __file__
    assert run.dropped == 1
    assert run.own_points()["b"].value.tolist() == [1.0]


# ---------------------------------------------------------------------------------------------------- streams and events


class SlowDevice:
    """A device with streams and events as ``torch.cuda`` has them, on the host; its events are done when they are told so."""

    Stream = torch.cpu.Stream
    current_stream = staticmethod(torch.cpu.current_stream)
    stream = staticmethod(torch.cpu.stream)
    done = threading.Event()

    class Event(torch.cpu.Event):
        def query(self) -> bool:
            return SlowDevice.done.is_set()

        def synchronize(self) -> None:
            assert SlowDevice.done.wait(10)


@pytest.fixture
def slow() -> Iterator[Any]:
    SlowDevice.done.clear()
    yield SlowDevice
    SlowDevice.done.set()


def begun(tensor: Any) -> Landing:
    from crossboard.loggers.landing import by_stream

    return by_stream(SlowDevice, [tensor], [torch.empty_like(tensor)])


def test_a_copy_by_stream_has_landed_when_its_event_is_done(slow: Any) -> None:
    tensor = torch.arange(4.0)
    landing = begun(tensor)
    tensor.zero_()
    assert not landing.ready()
    slow.done.set()
    assert landing.ready()
    assert landing.land().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_outside_of_the_helper_landing_waits(slow: Any) -> None:
    landing = begun(torch.ones(2))
    threading.Timer(0.05, slow.done.set).start()
    assert landing.land().tolist() == [1.0, 1.0]


def test_a_job_that_waits_for_its_device_blocks_no_other(slow: Any, tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    later, order = Later(), []
    landings = [begun(torch.full((2,), float(number))) for number in range(40)]

    def land(landing: Landing) -> None:
        order.append(landing.land().tolist()[0])

    for landing in landings:
        assert later.add(partial(land, landing), size=8)
    assert later.add(lambda: order.append(-1.0))
    assert later.add(lambda: order.append(-2.0), size=8)
    deadline = time.monotonic() + 5
    while len(order) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert order == [-1.0, -2.0]
    assert later.items == 40
    slow.done.set()
    assert later.wait() == 0
    assert sorted(order[2:]) == [float(number) for number in range(40)]
    run.finish()


def test_a_job_that_is_not_ready_is_done_where_there_is_no_thread() -> None:
    tried = []

    def job() -> None:
        tried.append(1)
        if len(tried) < 3:
            raise NotYet

    fresh = type(helper)()
    fresh.do(job)
    for _ in range(3):
        fresh.help()
    assert len(tried) == 3


def test_landings_of_several_kinds_keep_their_order() -> None:
    values = [torch.tensor(1.0), np.array([5]), torch.tensor(2.0), torch.arange(3), torch.tensor(7), torch.tensor([True])]
    arrays = landings_of([torch.as_tensor(value) for value in values]).land_all()
    assert [array.reshape(-1).tolist() for array in arrays] == [[1.0], [5], [2.0], [0, 1, 2], [7], [True]]
    assert landings_of([]).land_all() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([1 + 2j, 3j]).conj(),
        lambda: torch.tensor([1 + 2j]).imag,
        lambda: torch.tensor([1.5], dtype=torch.float8_e5m2),
        lambda: torch.tensor([2.5], dtype=torch.bfloat16, requires_grad=True),
        lambda: torch.zeros(2, 0),
    ],
)
def test_odd_tensors_land(make: Any) -> None:
    tensor = make()
    wide = tensor.detach().to(torch.complex64 if tensor.is_complex() else torch.float32).resolve_conj().resolve_neg()
    assert landing_of(tensor).land().tolist() == wide.tolist()


@pytest.mark.tensorflow
def test_a_tensorflow_variable_lands_as_it_was() -> None:
    import tensorflow as tf

    variable = tf.Variable([1.0, 2.0])
    landing = landing_of(variable)
    variable.assign([3.0, 4.0])
    assert landing.land().tolist() == [1.0, 2.0]
