"""The page's scripts where they need no page: ticks, numbers, binary columns, the URL, and what the drawing joins.

The scripts run in Node.js as they are; `run_js` gives them an expression and gets its value back as JSON.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import struct
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ASSETS = Path(__file__).resolve().parents[1] / "dashboard" / "assets"
PURE = (
    "10-core.js",
    "11-settings.js",
    "12-numbers.js",
    "13-pattern.js",
    "14-columns.js",
    "15-card-settings.js",
    "15-kind-pages.js",
    "15-places.js",
    "15-table.js",
    "16-state.js",
    "17-run-query.js",
    "27-band.js",
    "30-plot.js",
    "31-range.js",
    "45-picture.js",
    "50-matching.js",
)
PURE_OF_RUNS = ("20-rows.js", "30-groups.js")
PURE_OF_KINDS = ("20-gif.js", "21-pixels.js")
PURE_OF_RUN = (
    "33-parts.js",
    "43-ansi.js",
    "50-ramp.js",
    "52-markdown.js",
    "56-png.js",
    "57-camera.js",
    "57-files.js",
    "58-thresholds.js",
    "59-matrices.js",
    "59-raster.js",
    "67-cloud.js",
    "71-graphs.js",
)
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
    scripts = (
        *PURE,
        *(f"run/{name}" for name in PURE_OF_RUN),
        *(f"runs/{name}" for name in PURE_OF_RUNS),
        *(f"kinds/{name}" for name in PURE_OF_KINDS),
    )
    loads = "".join(f"require({json.dumps(str(ASSETS / name))});" for name in scripts)
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    say = f"(async () => process.stdout.write(out(await ({expression}))))();"
    source = f"{STAGE}{loads}const cb = globalThis.crossboard;{names}{say}"
    done = subprocess.run([NODE, "-e", source], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_script_is_loaded_as_it_is_without_eval_or_inline_code() -> None:
    for script in sorted(ASSETS.rglob("*.js")):
        text = script.read_text(encoding="utf-8")
        assert text.startswith("/*"), f"{script.name} does not begin with what it is"
        for forbidden in ("eval(", "new Function", "document.write", "http://", "https://"):
            assert forbidden not in text, f"{script.name} holds {forbidden!r}"


def test_only_the_tokens_write_colours_and_nothing_is_fetched_from_elsewhere() -> None:
    for sheet in sorted(ASSETS.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        assert "@import" not in text
        assert "url(" not in text
        if sheet.name != "00-tokens.css":
            own = [colour for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", text) if colour != "#fff"]  # white: paper of foreign pictures
            assert own == [], f"{sheet.name} writes colours of its own"


def test_linear_ticks_are_round_and_inside_the_range() -> None:
    assert run_js("cb.numbers.linearTicks(0, 20000, 4)") == [0, 5000, 10000, 15000, 20000]
    assert run_js("cb.numbers.linearTicks(0.03, 0.11, 4)") == [0.04, 0.06, 0.08, 0.1]
    assert run_js("cb.numbers.linearTicks(0, 3, 8, true)") == [0, 1, 2, 3]
    assert run_js("cb.numbers.linearTicks(-3, 2, 4)") == [-3, -2, -1, 0, 1, 2]


def test_ticks_of_degenerate_ranges_end() -> None:
    assert run_js("cb.numbers.linearTicks(5, 5, 4)") == [5]
    assert run_js("cb.numbers.linearTicks(1, 1 + Number.EPSILON, 4)")[0] == 1
    assert len(run_js("cb.numbers.linearTicks(1e300, 1e300 * (1 + Number.EPSILON), 4)")) <= 100
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


def test_values_have_as_many_significant_digits_as_are_set() -> None:
    values = "[0.0123456789, 0.67123456, 1234.56789, 12345.6789, 123456789.5, 7, 1e-9]"
    said = run_js(f"[3, 5, 9].map(n => {{ cb.settings.set('digits', n); return {values}.map(cb.numbers.value); }})")
    assert said == [
        ["0.012", "0.67", "1,235", "12,346", "1.2e8", "7", "1.0e−9"],
        ["0.01235", "0.6712", "1234.6", "12,345.7", "1.235e8", "7", "1.000e−9"],
        ["0.012345679", "0.67123456", "1234.56789", "12,345.6789", "1.2345679e8", "7", "1.0000000e−9"],
    ]


def test_clocks_show_utc_where_that_is_set() -> None:
    said = run_js("(cb.settings.set('zone', 'utc'), [cb.numbers.moment(1e9), cb.numbers.xAxis('wall', 1e9, 1e9 + 7200, 3).ticks])")
    assert said[0] == "2001-09-09 01:46:40"
    assert all(tick % 1800 == 0 for tick in said[1])


def test_settings_take_only_what_they_know_and_are_all_taken_back() -> None:
    kept = {
        "digits": 7,
        "zone": "moon",
        "refresh": 30,
        "colours": [0] * 12,
        "x": "metric:a",
        "smooth": "ema:0.6",
        "points": 1e9,
        "theirs": 1,
    }
    assert run_js("cb.settings.parse(JSON.stringify(kept))", kept=kept) == {"digits": 7, "refresh": 30, "smooth": "ema:0.6"}
    assert run_js("['', 'null', '[]', '7', '{', '\"a\"'].map(cb.settings.parse)") == [{}] * 6
    order = [*range(1, 12), 0]
    told = run_js(
        "[cb.settings.set('colours', order), cb.plot.nth(0), cb.plot.nth(13), cb.settings.set('digits', 2), cb.settings.isSet('colours'),"
        " (cb.settings.reset(), cb.settings.isSet('colours')), cb.plot.nth(0)]",
        order=order,
    )
    assert told[1:] == [1, 2, False, True, False, 0]


def test_an_address_that_says_nothing_of_the_charts_begins_as_the_settings_say() -> None:
    addresses = ["", "?page=runs&q=a", "?run=a&tab=charts", "?theme=dark", "?x=step", "?tags=loss", "?hide=abc"]
    said = run_js(
        "(cb.settings.set('x', 'relative'), cb.settings.set('smooth', 'ema:0.6'),"
        " addresses.map(cb.view.opened).map(view => [view.x, view.smooth]))",
        addresses=addresses,
    )
    assert said == [["relative", "ema:0.6"]] * 4 + [["step", ""]] * 3


def test_the_palette_finds_parts_first_letters_and_several_words_and_nothing_else() -> None:
    names = ["resnet20-sgd s0", "resnet20-adamw s1", "transformer base", "train/loss", "val/loss", "x axis: relative time"]
    found = (
        "q => cb.matching.best(cb.matching.wordsOf(q), names.map(title => ({title, low: title.toLowerCase()})), 9)"
        ".kept.map(one => one.entry.title)"
    )
    cases = {
        "sgd": ["resnet20-sgd s0"],
        "SGD resnet": ["resnet20-sgd s0"],
        "r20a": ["resnet20-adamw s1"],
        "loss": ["val/loss", "train/loss"],
        "loss val": ["val/loss"],
        "rel": ["x axis: relative time"],
        "zz": [],
        "sgd adamw": [],
        "eeee": [],
    }
    assert run_js(f"queries.map({found})", queries=list(cases), names=names) == list(cases.values())


@given(names=st.lists(st.text(st.sampled_from("ab12-/ "), max_size=12), max_size=8), words=st.text(st.sampled_from("ab1 "), max_size=5))
@settings(max_examples=10, deadline=None)
def test_whatever_holds_the_words_is_found_and_marked_where_they_are(names: list[str], words: str) -> None:
    told = run_js(
        "names.map(name => { const all = cb.matching.wordsOf(words), marked = [...cb.matching.marked(all, name)];"
        " return [all.every(word => name.includes(word)), cb.matching.score(all, name) > 0,"
        " all.every(word => marked.some(at => name[at] === word[0]))]; })",
        names=names,
        words=words,
    )
    for holds, found, marked in told:
        assert not (holds and words.split()) or (found and marked)


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
    assert view["run"] == ""
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


def test_a_run_page_survives_its_own_link() -> None:
    search = "?run=native:/x/ü b&tab=image&tag=samples/a%26b&step=-5"
    once = run_js("cb.view.format(cb.view.parse(search))", search=search)
    view = run_js("cb.view.parse(search)", search=once)
    assert [view[name] for name in ("run", "tab", "tag", "step")] == ["native:/x/ü b", "image", "samples/a&b", "-5"]
    kept = run_js("cb.view.format(cb.view.parse('?page=images&set=mode:swipe&set=a:1:2&tag=t/x&step=-3&find=w'))")
    assert kept == "?page=images&tag=t/x&step=-3&set=a:1:2&set=mode:swipe&find=w"
    assert run_js("cb.view.format(cb.view.parse('?page=nothing&tag=t&step=3&set=a:b'))") == ""
    assert run_js("cb.view.format(cb.view.parse('?tab=image&step=3'))") == ""  # without a run they mean nothing
    assert run_js("cb.view.parse('?run=a&step=1e9').step") == ""


# ---------------------------------------------------------------------------------------------- markdown, as a tree


def kinds(tree: Any) -> set[str]:
    """Every type in a tree of markdown."""
    if isinstance(tree, dict):
        return (
            {tree["type"]} | set().union(*(kinds(one) for one in tree.values()))
            if "type" in tree
            else set().union(*map(kinds, tree.values()))
        )
    return set().union(*map(kinds, tree)) if isinstance(tree, list) else set()


def test_markdown_blocks_and_marks_are_told_apart() -> None:
    text = "# Title\n\nsome **bold** and *soft* `code` ~~gone~~\n\n- a\n- b\n  1. c\n\n> said\n\n```py\nx = 1\n```\n\n"
    text += "| a | b |\n|---|--:|\n| 1 | 2 |\n\n---\n- [x] done"
    tree = run_js("cb.markdown.parse(text)", text=text)
    assert [one["type"] for one in tree] == ["heading", "p", "list", "quote", "code", "table", "hr", "list"]
    assert [one["type"] for one in tree[1]["children"]] == ["text", "strong", "text", "em", "text", "code", "text", "del"]
    assert tree[2]["items"][1]["children"][1]["ordered"] is True
    assert (tree[4]["text"], tree[4]["language"]) == ("x = 1", "py")
    assert tree[5]["align"] == ["", "right"]
    assert tree[7]["items"][0]["done"] is True


def test_tags_and_dangerous_links_in_markdown_stay_text() -> None:
    text = "<script>alert(1)</script> <b onclick=x>b</b> [go](javascript:alert(1)) ![pic](data:text/html,x) [ok](https://a.b/c)"
    children = run_js("cb.markdown.parse(text)[0].children", text=text)
    assert [one["type"] for one in children] == ["text", "a"]
    assert children[0]["text"] == "<script>alert(1)</script> <b onclick=x>b</b> go pic "
    assert children[1]["href"] == "https://a.b/c"


def test_names_with_underscores_and_lone_stars_are_left_alone() -> None:
    for text in ("snake_case_name and a_b", "2 * 3 * 4", "a ** b", "[x", "`", "**", "\\*kept\\*"):
        tree = run_js("cb.markdown.parse(text)", text=text)
        assert kinds(tree) == {"p", "text"}, (text, tree)


@given(st.text(alphabet="ab *_`~[]()!<>#|-\\n\n\t1.+\"'/:", max_size=120))
@settings(max_examples=25, deadline=None)
def test_any_text_is_parsed_and_no_word_is_lost(text: str) -> None:
    tree = run_js("cb.markdown.parse(text)", text=text)
    told = json.dumps(tree)
    assert kinds(tree) <= {"heading", "p", "list", "quote", "code", "table", "hr", "text", "strong", "em", "del", "a", "br"}
    links = "](" in text  # a link's address is not told
    assert links or sum(told.count(letter) for letter in "b") >= text.count("b")


def test_deep_nesting_ends_instead_of_overflowing() -> None:
    assert run_js("cb.markdown.parse('>'.repeat(5000) + ' x').length") == 1
    assert run_js("cb.markdown.parse('**a '.repeat(2000)).length") == 1


# --------------------------------------------------------------------------------- the rest of the run page's parts


@pytest.mark.parametrize("depth", [8, 16])
def test_class_maps_are_read_exactly(depth: int) -> None:
    import io

    import numpy as np
    from PIL import Image

    values = np.random.default_rng(1).integers(0, 2**depth, (13, 7)).astype(np.uint8 if depth == 8 else np.uint16)
    values[4:] = values[4]  # so that the encoder chooses several filters
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    read = run_js("cb.png.values(Uint8Array.from(Buffer.from(data, 'base64')).buffer)", data=b64encode(out.getvalue()).decode())
    assert (read["width"], read["height"], read["values"]) == (7, 13, values.reshape(-1).tolist())


def test_a_mask_in_colour_is_refused_by_name() -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG")
    said = run_js(
        "cb.png.values(Uint8Array.from(Buffer.from(data, 'base64')).buffer).catch(e => e.message)", data=b64encode(out.getvalue()).decode()
    )
    assert "colour type 2" in said


def test_precision_and_recall_are_those_of_scikit_learn() -> None:
    import numpy as np

    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth, scores = rng.random(200) < 0.4, rng.random(200).round(2)
    precision, recall, limits = metrics.precision_recall_curve(truth, scores)
    point = {
        "thresholds": limits.tolist(),
        "true_positives": [int((truth & (scores >= t)).sum()) for t in limits],
        "false_positives": [int((~truth & (scores >= t)).sum()) for t in limits],
        "true_negatives": [int((~truth & (scores < t)).sum()) for t in limits],
        "false_negatives": [int((truth & (scores < t)).sum()) for t in limits],
    }
    rates = run_js("cb.pr.rates(point)", point=point)
    assert [one["precision"] for one in rates] == pytest.approx(precision[:-1].tolist())
    assert [one["recall"] for one in rates] == pytest.approx(recall[:-1].tolist())
    assert run_js("cb.pr.averagePrecision(cb.pr.rates(point))", point=point) == pytest.approx(
        metrics.average_precision_score(truth, scores)
    )
    nothing = {name: [0] for name in point}
    assert run_js("cb.pr.rates(point)[0].precision", point=nothing) == "NaN"


def test_a_graph_becomes_a_tree_with_sums_and_in_the_order_of_running() -> None:
    graph = {
        "scopes": [
            {"path": "net", "type": "Net"},
            {"path": "net.late", "parent": "net", "parameters": 5, "trainable": 5},
            {"path": "net.early", "parent": "net", "parameters": 7, "trainable": 0},
        ],
        "operations": [
            {"name": "x", "kind": "input", "outputs": [{"shape": [None, 3], "dtype": "float32"}]},
            {"name": "net.early.mm", "scope": "net.early", "outputs": [{"shape": [2], "dtype": "f"}]},
            {"name": "net.late.mm", "scope": "net.late", "outputs": [{"shape": [], "dtype": "g"}]},
            {"name": "stray", "scope": "made.up", "flops": 4},
        ],
        "edges": [],
    }
    walk = "(function w(n) { return [n.name, n.parameters, n.children.map(w)]; })(cb.graphs.tree(graph))"
    leaf: list[Any] = []
    assert run_js(walk, graph=graph) == [
        "",
        12,
        [
            ["x", 0, leaf],
            ["net", 12, [["early", 7, [["mm", 0, leaf]]], ["late", 5, [["mm", 0, leaf]]]]],
            ["made", 0, [["up", 0, [["stray", 0, leaf]]]]],
        ],
    ]
    assert run_js("cb.graphs.shape(cb.graphs.tree(graph).children[1].flow)", graph=graph) == "scalar g"
    assert run_js("cb.graphs.shape({shape: [null, 3], dtype: 'float32'})") == "? × 3 float32"


# -------------------------------------------------------------------------------------------------------------- bands


def test_the_bands_survive_their_own_link_and_what_does_not_go_together_is_mended() -> None:
    search = "?bands=config:lr&interp=1&stat=iqm&band=minmax"
    assert run_js("cb.view.format(cb.view.parse(search))", search=search) == search
    for asked, want in (
        ("?bands=seed&band=t", "?bands=seed"),
        ("?bands=seed&stat=median&band=t", "?bands=seed&stat=median"),
        ("?bands=seed&stat=median&band=std", "?bands=seed&stat=median"),
        ("?bands=seed&band=std", "?bands=seed&band=std"),
        ("?bands=lr&stat=mode&band=sd&interp=yes", ""),
    ):
        assert run_js("cb.view.format(cb.view.parse(search))", search=asked) == want


def test_marks_are_the_same_on_the_page_and_at_the_server() -> None:
    from crossboard.dashboard.groups import mark

    keys = ["native:/runs/a", "", "ü 🙂", "tensorboard:/logs/run 12"]
    assert run_js("keys.map(cb.view.mark)", keys=keys) == [mark(key) for key in keys]


def groups_body(groups: Sequence[tuple[dict[str, Any], list[list[float]]]], **head: Any) -> str:
    """A body of /api/groups as docs/data-routes.md describes it, in base64; columns x, centre, low, high, n."""
    from crossboard.dashboard.columns import pack

    more = {
        "tag": "t",
        "label": "lr = 1",
        "members": 3,
        "raw": True,
        "every": 1,
        "n_low": 3,
        "n_high": 3,
        "values": 9,
        "interpolated": 0,
        "left_out": 0,
    }
    entries = [
        ({"key": "g", "n": len(columns[0]), "total": len(columns[0]), **more, **said}, [np.array(column, np.float64) for column in columns])
        for said, columns in groups
    ]
    names = ["x", "centre", "low", "high", "n"]
    whole = {"version": 1, "x": "step", "by": "seed", "statistic": "mean", "band": "t", "level": 0.95, "columns": names, **head}
    return b64encode(pack(whole, "groups", entries)).decode()


READ_GROUPS = "(b => cb.band.parse(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)))(Buffer.from(data, 'base64'))"


def test_a_band_is_read_as_written_and_its_fill_goes_up_one_edge_and_back_the_other() -> None:
    data = groups_body([({}, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [4, 5, math.nan, 7, 8], [6, 7, math.nan, 9, 10], [3, 3, 1, 3, 3]])])
    group = run_js(READ_GROUPS, data=data)["groups"][0]
    assert (group["curve"]["y0"], group["curve"]["y1"], group["low"]["y0"], group["high"]["y1"]) == (5, 9, 4, 10)
    assert group["counts"] == [3, 3, 1, 3, 3]
    calls = run_js(
        "(g => { cb.band.fill(g, {X: x => x, Y: y => y, log: false}, {band: "
        + READ_GROUPS
        + ".groups[0], colour: 'red'}); return g.calls; })(recorder())",
        data=data,
    )
    paths = [[call[0], *call[1:]] for call in calls if call[0] in ("moveTo", "lineTo")]
    assert paths == [  # nothing is joined across the step of one run
        ["moveTo", 0, 6],
        ["lineTo", 1, 7],
        ["lineTo", 1, 5],
        ["lineTo", 0, 4],
        ["moveTo", 3, 9],
        ["lineTo", 4, 10],
        ["lineTo", 4, 8],
        ["lineTo", 3, 7],
    ]


def test_a_band_says_its_kind_and_n_and_never_more_than_was_measured() -> None:
    columns = [[0.0], [1.0], [0.5], [1.5], [3.0]]
    said = "(head => [cb.band.words(head, head.groups), cb.band.cautions(head, head.groups).map(one => one.words)])(" + READ_GROUPS + ")"
    assert run_js(said, data=groups_body([({}, columns)])) == ["mean, t interval 95 %, n = 3", []]
    assert run_js(said, data=groups_body([({}, columns)], band="bca", statistic="iqm")) == [
        "IQM, BCa interval 95 %, n = 3",
        ["covers less than 95 %"],
    ]
    many = groups_body([({"n_low": 2, "n_high": 40, "left_out": 7, "interpolated": 3}, columns)], band="std")
    assert run_js(said, data=many) == ["mean ± std, n = 2 to 40", ["7 left out", "interpolated 3 of 9"]]
    assert run_js(said, data=groups_body([({"members": 1, "n_low": 1, "n_high": 1}, columns)], band="none"))[0] == "mean"
    assert (
        run_js("(head => cb.band.interval(head.groups[0], 0))(" + READ_GROUPS + ")", data=groups_body([({}, columns)]))
        == "0.5000 to 1.5000, n = 3"
    )


def test_what_a_band_leaves_of_a_run_begins_where_the_band_ends() -> None:
    curve = "cb.columns.bound({x: Float64Array.of(0, 1, 2, 3, 4), y: Float64Array.of(5, 5, 5, 5, 5)})"
    for begin, want in ((2, [2, 3, 4]), (2.5, [2, 3, 4]), (4, None)):
        assert run_js(f"(piece => piece && piece.x)(cb.band.part({curve}, begin, Infinity))", begin=begin) == want


# ------------------------------------------------------------------------------------ regular expressions over tags

PARTS = [
    "a",
    "b",
    "/",
    "_",
    ".",
    r"\d",
    r"\w",
    r"\s",
    r"\b",
    "[a-c]",
    "[^a]",
    "[^/]+",
    r"\W",
    "(a|b)",
    "(?:a|b1)",
    "^",
    "$",
    r"\.",
    "(a*b)",
    "(|a)",
    "-",
]
TIMES = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"]
EXPRESSIONS = st.lists(
    st.tuples(st.sampled_from(PARTS), st.sampled_from(TIMES), st.sampled_from(["", "", "", "|"])), min_size=1, max_size=6
)


@given(
    st.lists(
        st.tuples(EXPRESSIONS.map(lambda parts: "".join(map("".join, parts))), st.text("aAb_/1.- ", max_size=9)), min_size=60, max_size=60
    )
)
@settings(max_examples=8, deadline=None)
def test_an_expression_finds_what_the_browsers_own_engine_finds(cases: list[tuple[str, str]]) -> None:
    told = """cases.map(([text, tag]) => {
        let own = null, ours = null;
        try { own = new RegExp(text, 'i').test(tag); } catch { /* it refuses the expression, and so must we */ }
        try { ours = cb.pattern(text)(tag); } catch (error) { if (!(error instanceof cb.WrongPattern)) throw error; }
        return [own, ours];
    })"""
    for case, (own, ours) in zip(cases, run_js(told, cases=cases), strict=True):
        assert ours == own, case


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*a){12}", "(a?){30}a{30}", "((a{1,9}){1,9}){1,3}b"])
def test_no_expression_takes_longer_than_its_length_times_that_of_the_text(text: str) -> None:
    """The browser's own engine needs longer than the age of the universe for the first of these. The timeout of `run_js` is the test."""
    assert run_js("Array.from({length: 2000}, (_, i) => cb.pattern(text)('a'.repeat(60) + '!' + i)).length", text=text) == 2000


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("val/(los", 4, "the group is not closed by )"),
        ("lr[a", 2, "the class is not closed by ]"),
        ("a**", 2, "nothing to repeat"),
        ("a)", 1, "this ) closes nothing"),
        (r"(a)\1", 3, "a reference back is not taken"),
        ("a(?=b)", 1, "this kind of group is not taken; only ( ) and (?: ) are"),
        ("x{3,1}", 1, "{3,1} runs backwards"),
        ("(((a{100}){100}){100})", 4, "too much is repeated"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said_with_its_place(text: str, at: int, words: str) -> None:
    assert run_js("(() => { try { cb.pattern(text); } catch (error) { return [error.at, error.words]; } })()", text=text) == [at, words]


# --------------------------------------------------------------------------------------------- where cards stand


@given(st.lists(st.permutations(list("abcdefgh")), min_size=30, max_size=30))
@settings(max_examples=5, deadline=None)
def test_moves_bring_cards_into_any_order_and_a_link_keeps_them(orders: list[list[str]]) -> None:
    told = """orders.map(wanted => {
        const {movesFor, parseMoves, formatMoves} = cb.places, keys = [...wanted].sort();
        const moves = movesFor(keys, wanted), again = parseMoves(formatMoves(moves));
        return [cb.places.arranged(keys, again), moves.length];
    })"""
    for wanted, (got, moves) in zip(orders, run_js(told, orders=orders), strict=True):
        assert got == wanted
        rising = [1] * len(wanted)
        for i, card in enumerate(wanted):
            rising[i] += max((rising[j] for j in range(i) if wanted[j] < card), default=0)
        assert moves == len(wanted) - max(rising)  # what rises already stays where it is


def test_a_move_of_a_card_that_is_not_there_is_passed_over_and_a_new_one_finds_its_place() -> None:
    assert run_js("cb.places.arranged(['a', 'b', 'c'], [['gone', 'a'], ['c', 'a'], ['a', 'gone']])") == ["c", "a", "b"]
    assert run_js("cb.places.arranged(['a', 'aa', 'b', 'c'], [['c', 'a']])") == ["c", "a", "aa", "b"]


def test_joined_tags_are_one_chart_where_the_first_stood_and_a_family_keeps_the_rest() -> None:
    charts = """[{key: 'a/x', title: 'a/x', tags: ['a/x'], family: null},
        {key: 'join:loss', title: 'loss', tags: ['loss', 'val_loss', 'test_loss'],
         family: {title: 'loss', splits: {loss: 'train', val_loss: 'validation', test_loss: 'test'}}},
        {key: 'b', title: 'b', tags: ['b'], family: null}]"""
    joined = run_js(f"cb.places.withJoins({charts}, [['b', 'loss'], ['gone', 'a/x']]).map(c => [c.key, c.tags])")
    assert joined == [["a/x", ["a/x"]], ["join:loss", ["val_loss", "test_loss"]], ["with:b + loss", ["b", "loss"]]]
    rest = run_js(f"cb.places.withJoins({charts}, [['a/x', 'loss', 'test_loss']]).map(c => [c.key, c.tags, c.section ?? null])")
    assert rest == [
        ["with:a/x + loss + test_loss", ["a/x", "loss", "test_loss"], "a"],
        ["val_loss", ["val_loss"], None],
        ["b", ["b"], None],
    ]


def test_the_arrangement_of_cards_stands_in_the_address() -> None:
    chosen = "{moves: [['a&b', 'c/d'], ['e', '']], joined: [['x=1', 'y~z']], top: ['q', 'p'], marks: 'off', regex: '1'}"
    search = run_js(f"cb.view.format(Object.assign(cb.view.fresh(), {chosen}))")
    again = run_js("(v => [v.moves, v.joined, v.top, v.marks, v.regex])(cb.view.parse(search))", search=search)
    assert again == [[["a&b", "c/d"], ["e", ""]], [["x=1", "y~z"]], ["q", "p"], "off", "1"]


# ------------------------------------------------------------------------------------------------------- the run page


def test_colours_of_a_terminal_become_classes_and_nothing_else_of_it_is_kept() -> None:
    line = "\x1b[1;31mbad\x1b[0m ok \x1b[38;5;46mgreen\x1b[48;2;0;0;255mon blue\x1b[m\x1b[2Jgone\x1b]0;title\x07end\rfake\u202e"
    assert run_js("cb.ansi.parse(line)", line=line) == [
        {"text": "bad", "classes": "a-bold a-red"},
        {"text": " ok ", "classes": ""},
        {"text": "green", "classes": "a-green"},
        {"text": "on blue", "classes": "a-green a-on-blue"},
        {"text": "goneendfake", "classes": ""},
    ]


@given(st.lists(st.text(st.sampled_from("ab \x1b[]0123;:mKJ\x07\x9b\r\u202e<"), max_size=40), min_size=1, max_size=30))
@settings(max_examples=8)
def test_whatever_a_line_holds_no_control_character_is_shown_and_no_class_is_of_its_choice(lines: list[str]) -> None:
    for parts in run_js("lines.map(cb.ansi.parse)", lines=lines):
        for part in parts:
            assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]", part["text"])
            assert re.fullmatch(r"(a-(on-)?[a-z]+( |$))*", part["classes"])


CONFIGS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-(2.0**53), 2.0**53)
    | st.text(st.sampled_from("ab:#-{}[]\n\"' 1.eyn~"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from("ab.:1 "), min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text("abno1", min_size=1, max_size=3), CONFIGS, max_size=4), min_size=1, max_size=25))
@settings(max_examples=6)
def test_a_config_copied_as_yaml_reads_back(configs: list[dict[str, Any]]) -> None:
    yaml = pytest.importorskip("yaml")
    for config, text in zip(configs, run_js("configs.map(cb.parts.yaml)", configs=configs), strict=True):
        assert yaml.safe_load(text) == config


@given(CONFIGS, CONFIGS)
@settings(max_examples=6)
def test_differences_of_two_configs_name_each_leaf_once(here: Any, there: Any) -> None:
    here, there = {"a": here}, {"a": there}
    rows, mine, theirs = run_js(
        "[cb.parts.differences(here, there), cb.parts.leaves(here), cb.parts.leaves(there)]", here=here, there=there
    )
    assert [row["path"] for row in rows if row["what"] != "removed"] == [path for path, _ in mine]
    assert {tuple(row["path"]) for row in rows if row["what"] != "added"} == {tuple(path) for path, _ in theirs}
    assert all((row["what"] == "same") == (row.get("here", ...) == row.get("there", ...)) for row in rows)
