"""Where panes stand, which of them are joined, and what a filter means: the page's pure scripts, run in Node.js as they are."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ASSETS = Path(__file__).resolve().parents[1] / "dashboard" / "assets" / "panes"
PURE = ("10-layout.js", "12-compare.js")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed; it runs the page's scripts without a browser")


def run_js(expression: str, **values: Any) -> Any:
    """Evaluate `expression` beside the scripts; `values` are its variables."""
    assert NODE is not None
    loads = "".join(f"require({json.dumps(str(ASSETS / name))});" for name in PURE)
    names = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    source = f"{loads}const cb = globalThis.crossboard;{names}process.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run([NODE, "-e", source], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def boxes(panes: list[dict[str, Any]], width: int) -> list[dict[str, float]]:
    found: list[dict[str, float]] = run_js("cb.paneLayout.boxes(panes, width).boxes", panes=panes, width=width)
    return found


def test_panes_have_visdoms_default_sizes_and_go_row_by_row_in_their_order() -> None:
    """Three plots of 30 of 100 columns, 24 rows of 5 px with gaps of 10, and 3 rows for our head and foot; the fourth goes below."""
    found = boxes([{"type": "plot"}] * 4, 1410)
    assert [round(one["left"]) for one in found] == [10, 430, 850, 10]
    assert [one["top"] for one in found] == [10, 10, 10, 10 + 27 * 15]
    assert {one["width"] for one in found} == {410}
    assert {one["height"] for one in found} == {27 * 15 - 10}


def test_a_pane_that_was_dragged_is_as_large_as_it_was_left_and_one_with_a_size_as_large_as_it_says() -> None:
    given_ = [
        {"type": "plot", "place": {"w": 60, "h": 30}, "width": 100, "height": 100},
        {"type": "text", "width": 400, "height": 300},
    ]
    dragged, sized = boxes(given_, 1410)
    assert dragged["width"] == 60 * 14 - 10
    assert dragged["height"] == (30 + 3) * 15 - 10
    assert sized["width"] == 400
    assert 300 <= sized["height"] - 52 <= 300 + 15  # what is left between head and foot


def test_where_every_pane_was_placed_rows_and_columns_decide_the_order_else_the_order_of_making() -> None:
    panes = [{"window": name, "place": {"x": x, "y": y}} for name, x, y in (("a", 50, 0), ("b", 0, 20), ("c", 0, 0))]
    assert run_js("cb.paneLayout.ordered(panes).map(one => one.window)", panes=panes) == ["c", "a", "b"]
    some = [*panes, {"window": "d", "place": {}}]
    assert run_js("cb.paneLayout.ordered(panes).map(one => one.window)", panes=some) == ["a", "b", "c", "d"]


def test_a_narrow_screen_has_one_column() -> None:
    found = boxes([{"type": "plot", "width": 3000}, {"type": "text"}], 390)
    assert [(one["left"], one["width"]) for one in found] == [(10, 370)] * 2
    assert found[1]["top"] == found[0]["top"] + found[0]["height"] + 10


panes = st.fixed_dictionaries(
    {"type": st.sampled_from(["plot", "text", "image", "image_history", "network", "hologram"])},
    optional={
        "width": st.none() | st.floats(-5, 3000),
        "height": st.none() | st.floats(-5, 3000),
        "place": st.dictionaries(st.sampled_from("whxy"), st.none() | st.floats(-10, 300), max_size=4),
    },
)


@given(st.lists(panes, min_size=1, max_size=14), st.integers(320, 2600))
@settings(max_examples=25, deadline=None)
def test_no_pane_covers_another_leaves_the_page_or_moves_when_one_comes_behind(made: list[dict[str, Any]], width: int) -> None:
    found = boxes(made, width)
    for i, one in enumerate(found):
        assert one["left"] >= 0
        assert one["left"] + one["width"] <= width
        assert min(one["width"], one["height"]) > 0
        for other in found[:i]:
            beside = one["left"] >= other["left"] + other["width"] or other["left"] >= one["left"] + one["width"]
            below = one["top"] >= other["top"] + other["height"] or other["top"] >= one["top"] + one["height"]
            assert beside or below
    assert boxes(made[:-1], width) == found[:-1]


# ---------------------------------------------------------------------------------------------- comparing, searching


def environment(key: str, *titles: str, type_: str = "plot") -> dict[str, Any]:
    return {"key": key, "panes": [{"window": f"{key}{i}", "title": title, "type": type_} for i, title in enumerate(titles)]}


def test_panes_of_equal_title_and_type_become_one_and_what_only_one_environment_has_stays() -> None:
    given_ = [environment("a", "loss", "", "acc"), environment("b", "acc", "loss", "", "extra"), environment("c", "loss", type_="text")]
    joined = run_js("cb.paneCompare.join(given)", given=given_)
    assert [[(one["env"], one["pane"]["window"]) for one in pane["members"]] for pane in joined] == [
        [(0, "a0"), (1, "b1")],
        [(0, "a1")],
        [(0, "a2"), (1, "b0")],
        [(1, "b2")],
        [(1, "b3")],
        [(2, "c0")],
    ]
    assert len({pane["key"] for pane in joined}) == len(joined)


def test_two_panes_of_one_environment_are_never_joined() -> None:
    joined = run_js("cb.paneCompare.join(given)", given=[environment("a", "loss", "loss"), environment("b", "loss")])
    assert [len(pane["members"]) for pane in joined] == [2, 1]
    alone = run_js("cb.paneCompare.join(given)", given=[environment("a", "loss", "loss")])
    assert [pane["key"] for pane in alone] == ["a\na0", "a\na1"]


def test_names_stand_for_environments_unless_they_are_long_or_equal() -> None:
    assert run_js("cb.paneCompare.labels(['a', 'b'])") == ["a", "b"]
    assert run_js("cb.paneCompare.labels(['a', 'x'.repeat(26)])") == ["0", "1"]
    assert run_js("cb.paneCompare.labels(['main', 'main'])") == ["0", "1"]


def test_environments_are_grouped_by_what_stands_before_the_first_underscore() -> None:
    named = [{"name": name} for name in ("main", "exp_10_b", "exp_2", "other_1", "exp", "_odd")]
    assert run_js("cb.paneCompare.tree(named).map(one => [one.name, one.members.map(member => member.name)])", named=named) == [
        ["", ["_odd"]],
        ["exp", ["exp", "exp_2", "exp_10_b"]],
        ["", ["main"]],
        ["", ["other_1"]],
    ]


@pytest.mark.parametrize(
    ("words", "title", "meets"),
    [
        ("", "anything", True),
        ("LOSS", "train loss", True),
        ("a.c", "abc", False),
        ("/a.c/", "ABC", True),
        ("/^loss$/", "loss of b", False),
        ("/unfinished", "an Unfinished one", True),
        ("/a/b", "a/b", True),
        ("/", "anything", True),
    ],
)
def test_a_filter_is_words_or_a_regular_expression_without_case(words: str, title: str, meets: bool) -> None:
    assert run_js("cb.paneCompare.filter(words).test(title)", words=words, title=title) is meets


def test_an_expression_that_is_none_lets_everything_through_and_says_why() -> None:
    assert run_js("(one => [one.test('x'), one.error.length > 0])(cb.paneCompare.filter('/(/'))") == [True, True]
