"""The page's scripts where they need no page: ticks, numbers, binary columns, the URL, and what the drawing joins.

The scripts run in Node.js as they are; `run_js` gives them an expression and gets its value back as JSON.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
import struct
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ASSETS = Path(__file__).resolve().parents[1] / "dashboard" / "assets"
PURE = ("10-core.js", "12-numbers.js", "14-columns.js", "16-state.js", "30-plot.js")
NODE = shutil.which("node")

# a canvas that writes down what it is asked to draw, and a page without style
STAGE = """
globalThis.document = {documentElement: {}};
globalThis.getComputedStyle = () => ({getPropertyValue: name => name});
function recorder() {
  const calls = [];
  return new Proxy({calls}, {get: (target, name) => name === 'calls' ? calls : name === 'measureText' ? () => ({width: 20})
    : target[name] !== undefined ? target[name] : (...args) => { calls.push([name, ...args]); }, set: () => true});
}
const out = value => JSON.stringify(value, (_, v) => typeof v === 'number' && !Number.isFinite(v) ? String(v)
  : v instanceof Set || v instanceof Map || ArrayBuffer.isView(v) ? [...v] : v);
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed; it runs the page's scripts without a browser")


def run_js(expression: str, **values: Any) -> Any:
    """Evaluate `expression` beside the scripts; `values` are its variables."""
    assert NODE is not None
    loads = "".join(f"require({json.dumps(str(ASSETS / name))});" for name in PURE)
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    source = f"{STAGE}{loads}const cb = globalThis.crossboard;{names}process.stdout.write(out({expression}));"
    done = subprocess.run([NODE, "-e", source], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_script_is_loaded_as_it_is_without_eval_or_inline_code() -> None:
    for script in sorted(ASSETS.glob("*.js")):
        text = script.read_text(encoding="utf-8")
        assert text.startswith("/*"), f"{script.name} does not begin with what it is"
        for forbidden in ("eval(", "new Function", "document.write", "http://", "https://"):
            assert forbidden not in text, f"{script.name} holds {forbidden!r}"


def test_only_the_tokens_write_colours_and_nothing_is_fetched_from_elsewhere() -> None:
    for sheet in sorted(ASSETS.glob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        assert "@import" not in text
        assert "url(" not in text
        if sheet.name != "00-tokens.css":
            assert "#" not in text.replace("#fff", ""), f"{sheet.name} writes a colour of its own"


def test_linear_ticks_are_round_and_inside_the_range() -> None:
    assert run_js("cb.numbers.linearTicks(0, 20000, 4)") == [0, 5000, 10000, 15000, 20000]
    assert run_js("cb.numbers.linearTicks(0.03, 0.11, 4)") == [0.04, 0.06, 0.08, 0.1]
    assert run_js("cb.numbers.linearTicks(0, 3, 8, true)") == [0, 1, 2, 3]
    assert run_js("cb.numbers.linearTicks(-3, 2, 4)") == [-3, -2, -1, 0, 1, 2]


def test_ticks_of_degenerate_ranges_end() -> None:
    assert run_js("cb.numbers.linearTicks(5, 5, 4)") == [5]
    assert run_js("cb.numbers.linearTicks(-Infinity, Infinity, 4)") == []
    assert run_js("cb.numbers.logTicks(0, 1, 4)") == []
    assert len(run_js("cb.numbers.linearTicks(-1.7e308, 1.7e308, 4)")) <= 100


@given(low=st.floats(-1e12, 1e12), width=st.floats(1e-3, 1e12), count=st.integers(2, 9))
@settings(max_examples=12, deadline=None)
def test_ticks_ascend_and_stay_inside(low: float, width: float, count: int) -> None:
    ticks = run_js("cb.numbers.linearTicks(low, high, count)", low=low, high=low + width, count=count)
    assert ticks == sorted(set(ticks))
    slack = max(abs(low), width) * 1e-9
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)
    assert len(ticks) <= 3 * count


def test_log_ticks_label_one_two_five_or_whole_decades() -> None:
    assert run_js("cb.numbers.logTicks(0.03, 4, 4)") == [0.05, 0.1, 0.2, 0.5, 1, 2]
    decades = run_js("cb.numbers.logTicks(1e-8, 1e4, 5)")
    assert all(math.log10(tick) == pytest.approx(round(math.log10(tick))) for tick in decades)
    assert 3 <= len(decades) <= 7


def test_labels_of_one_axis_tell_its_ticks_apart() -> None:
    for ticks in (
        [1.00001, 1.00002, 1.00003],
        [0, 0.005, 0.01],
        [5600, 6000, 6400],
        [0, 5000, 10000],
        [1e-5, 2e-5],
        [-0.5, 0, 0.5],
    ):
        labels = run_js("ticks.map(cb.numbers.axisLabels(ticks))", ticks=ticks)
        assert len(set(labels)) == len(ticks), labels
    assert run_js("[0, 5000, 10000].map(cb.numbers.axisLabels([0, 5000, 10000]))") == ["0", "5k", "10k"]


def test_values_are_said_as_they_are() -> None:
    cases = {
        "0.67123456": "0.6712",
        "12600": "12,600",
        "NaN": "NaN",
        "-Infinity": "−inf",
        "0": "0",
        "1e-9": "1.000e-9",
        "-0.25": "−0.2500",
    }
    said = run_js(f"[{', '.join(cases)}].map(cb.numbers.value)")
    assert said == [text if "e-" not in text else "1.000e−9" for text in cases.values()]


def test_durations_and_ages_use_the_unit_that_fits() -> None:
    assert run_js("[0.35, 42, 1551, 11100, 200000].map(cb.numbers.duration)") == [
        "350 ms",
        "42 s",
        "25 m 51 s",
        "3 h 5 m",
        "2 d 7 h",
    ]
    assert run_js("[5, 2460, 10800, 518400].map(cb.numbers.age)") == ["5s", "41m", "3h", "6d"]


def body(curves: Sequence[tuple[dict[str, Any], list[float], list[float]]]) -> str:
    """A body as docs/data-routes.md describes it, in base64."""
    heads, floats = [], b""
    for more, x, y in curves:
        heads.append({"run": "a", "tag": "t", "rank": 0, "keep": 0, **more, "at": len(floats) // 8, "n": len(x)})
        floats += struct.pack(f"<{2 * len(x)}d", *x, *y)
    head = json.dumps({"version": 7, "x": "step", "complete": True, "curves": heads}).encode()
    head += b" " * (-len(head) % 8)
    return b64encode(struct.pack("<II", len(head), 0) + head + floats).decode()


READ = "(b => cb.columns.parse(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)))(Buffer.from(data, 'base64'))"


def test_columns_are_read_as_written() -> None:
    data = body([({}, [1.0, 2.0, 3.0], [0.5, math.nan, -math.inf]), ({"run": "b"}, [1e9 + 0.25], [2.0])])
    head = run_js(READ, data=data)
    assert head["version"] == 7
    assert head["curves"][0]["x"] == [1, 2, 3]
    assert head["curves"][0]["y"] == [0.5, "NaN", "-Infinity"]
    assert head["curves"][1]["x"] == [1e9 + 0.25]
    assert (head["curves"][0]["y0"], head["curves"][0]["y1"], head["curves"][0]["finite"]) == (0.5, 0.5, 1)


def test_a_body_that_ends_early_is_refused_with_where() -> None:
    data = b64encode(struct.pack("<II", 8000, 0) + b"{}").decode()
    said = run_js("(() => { try { return " + READ + " } catch (error) { return error.message } })()", data=data)
    assert "8000" in said


def test_a_live_answer_keeps_the_leading_points_and_replaces_the_rest() -> None:
    old, fresh = body([({}, [1, 2, 3, 4], [10, 20, 30, 40])]), body([({"keep": 3}, [5.0, 6.0], [50.0, 60.0])])
    merged = run_js("(read => cb.columns.merge(read(old).curves[0], read(fresh).curves[0]))(data => " + READ + ")", old=old, fresh=fresh)
    assert merged["x"] == [1, 2, 3, 5, 6]
    assert merged["y"] == [10, 20, 30, 50, 60]
    assert (merged["x1"], merged["y1"]) == (6, 60)


def test_a_live_answer_that_does_not_fit_is_not_patched_together() -> None:
    old, fresh = body([({}, [1], [10])]), body([({"keep": 3}, [5.0], [50.0])])
    assert (
        run_js("(read => cb.columns.merge(read(old).curves[0], read(fresh).curves[0]))(data => " + READ + ")", old=old, fresh=fresh) is None
    )


def test_the_nearest_point_is_found_in_sorted_and_unsorted_curves() -> None:
    for x, at, want in (([0, 10, 20], 14, 1), ([0, 10, 20], 16, 2), ([0, 10, 20], -5, 0), ([30, 0, 20], 1, 1), ([], 1, -1)):
        assert run_js("cb.columns.nearest(cb.columns.bound({x, y: x}), at)", x=x, at=at) == want


def test_a_view_survives_its_own_link() -> None:
    search = "?x=wall&tags=loss&runs=seed+1&theme=dark&hide=abc123.zzz999"
    search += "&log=train/loss&log=a%26b&closed=val&zoom=5600~7400~train/loss"
    once = run_js("cb.view.format(cb.view.parse(search))", search=search)
    assert run_js("cb.view.format(cb.view.parse(search))", search=once) == once
    view = run_js("cb.view.parse(search)", search=once)
    assert view["x"] == "wall"
    assert view["zoom"] == [["train/loss", [5600, 7400]]]
    assert sorted(view["log"]) == ["a&b", "train/loss"]
    assert sorted(view["hide"]) == ["abc123", "zzz999"]


def test_a_damaged_link_opens_the_default_view() -> None:
    assert run_js("cb.view.format(cb.view.parse('?x=sideways&zoom=9~1~t&zoom=a~b~c&theme=pink&sort=?'))") == ""


def test_a_filter_wants_every_word_and_none_with_a_minus() -> None:
    names = ["train/loss", "val/loss", "val/accuracy"]
    assert run_js("names.map(name => cb.view.matches('LOSS val', name))", names=names) == [False, True, False]
    assert run_js("names.map(name => cb.view.matches('val -loss', name))", names=names) == [False, False, True]


def drawn(y: list[float | str], *, log: bool = False, raw: bool = False) -> list[list[Any]]:
    """What the canvas is asked to do for one curve with these values at x = 0, 1, 2 ..., without the frame."""
    values = "[" + ", ".join(str(v) for v in y) + "]"
    return list(
        run_js(
            f"""(() => {{
              const y = Float64Array.from({values}), x = Float64Array.from(y, (_, i) => i);
              const curve = cb.columns.bound({{x, y, raw, nan: y.filter(Number.isNaN).length,
                pos_inf: y.filter(v => v === Infinity).length, neg_inf: y.filter(v => v === -Infinity).length}});
              const range = cb.plot.roomy(cb.plot.extent([curve], null, log), log);
              const at = cb.plot.geometry({{width: 300, height: 120, x: [0, y.length - 1], y: range, log, axis: 'step'}});
              const one = {{curve, colour: 'red', dash: [], older: false}};
              const g = recorder();
              cb.plot.draw(g, {{...at, xTicks: [], yTicks: []}}, [one], cb.plot.style(1, false));
              return g.calls;
            }})()""",
            log=log,
            raw=raw,
        )
    )


def joined(calls: list[list[Any]]) -> int:
    """How many pieces of line were drawn before the first stroke."""
    names = [call[0] for call in calls]
    return names[: names.index("stroke")].count("lineTo")


def test_nothing_is_joined_across_nan() -> None:
    assert joined(drawn([1, 2, 3, 4])) == 3
    assert joined(drawn([1, 2, "NaN", 3, 4])) == 2


def test_nothing_is_joined_across_infinity_and_each_edge_gets_its_mark() -> None:
    calls = drawn([1, 2, "Infinity", 3, "-Infinity", 4])
    assert joined(calls) == 1
    assert sum(call[0] == "closePath" for call in calls) == 2


def test_a_point_between_two_nan_is_a_dot() -> None:
    calls = drawn([1, 1, 1, "NaN", 5, "NaN", 1, 1, 1])
    assert joined(calls) == 4
    assert sum(call[0] == "arc" for call in calls) == 1


def test_a_nan_block_is_one_hatched_stretch_with_one_mark() -> None:
    calls = drawn([1, 1, "NaN", "NaN", "NaN", 1, 1])
    assert sum(call[0] == "closePath" for call in calls) == 1
    assert sum(call[0] == "clip" for call in calls) == 2  # the plot, and the stretch


def test_a_log_axis_breaks_the_line_where_there_is_no_place_for_the_value() -> None:
    assert joined(drawn([1, 10, 0, 100, 1000], log=True)) == 2


@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, math.nan, math.inf, -math.inf]), min_size=2, max_size=30).filter(
        lambda y: any(map(math.isfinite, y))
    )
)
@settings(max_examples=15, deadline=None)
def test_a_line_joins_exactly_the_neighbours_that_are_both_finite(y: list[float]) -> None:
    finite = [math.isfinite(v) for v in y]
    alone = sum(
        f and not (finite[i - 1] if i else False) and not (finite[i + 1] if i + 1 < len(y) else False) for i, f in enumerate(finite)
    )
    names = {math.inf: "Infinity", -math.inf: "-Infinity"}
    calls = drawn(["NaN" if math.isnan(v) else names.get(v, v) for v in y])
    assert joined(calls) == sum(a and b for a, b in itertools.pairwise(finite))
    assert sum(call[0] == "arc" for call in calls) == alone


def test_colours_repeat_only_with_another_dash() -> None:
    looks = run_js("Array.from({length: 36}, (_, i) => cb.plot.look(i)).map(one => `${one.colour} ${one.dash}`)")
    assert len(set(looks)) == 36
    assert len(set(looks[:12])) == 12
