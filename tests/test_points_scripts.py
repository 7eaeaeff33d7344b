"""The scripts of the pages of points where they need no page: cameras, frames, rows in a link, what is known of vectors, drawing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SCRIPTS = import_module("test_assets")
run_js = SCRIPTS.run_js
pytestmark = pytest.mark.skipif(SCRIPTS.NODE is None, reason="Node.js is not installed; it runs the page's scripts without a browser")


def test_a_picture_is_enlarged_about_the_pointer_and_turned_without_changing_lengths() -> None:
    """What lies under the pointer stays there; in parallel, lengths in the plane of the picture stay what they are."""
    rows = np.random.default_rng(0).normal(0, 0.4, (20, 3)).round(4).tolist()
    told = run_js(
        """(() => { const {Camera, projected} = cb.space, flat = Float32Array.from(rows.flat()), out = [];
        for (const kind of ['flat', 'parallel', 'deep']) {
          const camera = new Camera(kind === 'flat'); camera.parallel = kind === 'parallel';
          camera.turn(37, -12); camera.move(20, -8, 400, 300);
          const before = [...projected(camera.matrix(400, 300), 400, 300, flat, 20)];
          camera.enlarge(1.7, before[6] - 200, before[7] - 150, 400, 300);
          const after = [...projected(camera.matrix(400, 300), 400, 300, flat, 20)], again = new Camera(kind === 'flat');
          again.parallel = camera.parallel; again.parse(camera.format());
          out.push({kind, before, after, again: [...projected(again.matrix(400, 300), 400, 300, flat, 20)]});
        } return out; })()""",
        rows=rows,
    )
    for one in told:
        before, after, again = (np.array(one[name]).reshape(-1, 2) for name in ("before", "after", "again"))
        np.testing.assert_allclose(after[3], before[3], atol=0.02)  # the point under the pointer
        if one["kind"] != "deep":
            np.testing.assert_allclose(after - after[3], 1.7 * (before - before[3]), atol=0.05)
        np.testing.assert_allclose(again, after, atol=1.0)  # a link keeps three digits
    flat = np.array(told[0]["before"]).reshape(-1, 2)
    np.testing.assert_allclose((flat - flat[0])[:, 0], 0.92 * 150 * (np.array(rows)[:, 0] - rows[0][0]), atol=0.01)


@given(st.lists(st.sets(st.integers(0, 400), max_size=60), min_size=10, max_size=40))
@settings(max_examples=4, deadline=None)
def test_rows_come_back_from_a_link(lists: list[set[int]]) -> None:
    script = "[lists.map(rows => (t => [t, cb.ranges.parse(t, 401)])(cb.ranges.format(rows))), cb.ranges.parse('7-x.3.900..-1', 401)]"
    told, odd = run_js(script, lists=[sorted(rows) for rows in lists])
    assert odd == [3]
    for rows, (text, back) in zip(lists, told, strict=True):
        assert back == sorted(rows)
        assert len(text) <= sum(len(str(row)) + 1 for row in rows)


def test_a_path_holds_what_lies_inside_also_where_it_is_bent() -> None:
    bent = [[0, 0], [10, 0], [10, 10], [6, 10], [6, 4], [4, 4], [4, 10], [0, 10]]
    told = run_js("[[2, 8], [5, 8], [8, 8], [5, 2], [11, 5], [-1, 5]].map(([x, y]) => cb.space.inside(path, x, y))", path=bent)
    assert told == [True, False, True, True, False, False]


def cloud(body: str) -> Any:
    """Evaluate `body` beside a cloud of four rows, one of them not finite."""
    values = [0, 2, "NaN", 4, 1, 1, 1, 3, 0, 1, 0, "NaN", 1, 2, 3, 4.5, 0, 1, 2, 0]
    columns: list[dict[str, Any]] = [{"name": "x", "axis": True}, {"name": "y", "axis": True}, {"name": "class", "words": ["b10", "b9"]}]
    columns += [{"name": "score"}, {"name": "code", "words": ["1", "2.5", "7"]}]
    head = {"told": 4, "columns": [{"n": 4, "at": 4 * place, "words": None, **one} for place, one in enumerate(columns)]}
    return run_js(f"(cloud => {body})(new cb.Cloud({{head, floats: Float64Array.from(values, Number)}}))", head=head, values=values)


def test_what_is_known_of_vectors_is_coloured_searched_and_written_out() -> None:
    assert cloud("[cloud.shown, [...cloud.finite], [...cloud.positions].slice(6, 9), cloud.flat]") == [3, [1, 1, 0, 1], [0, 0, 0], True]
    paint = "cloud.paint(cloud.column('class'), {palette: [[1, 1, 1], [2, 2, 2]], ramp: () => [9, 9, 9], other: [5, 5, 5]})"
    told = cloud(f"(p => [p.kind, p.list, [...p.of], p.unknown, [...p.rgba].filter((_, i) => i % 4 === 0)])({paint})")
    assert told == ["classes", [{"word": "b9", "n": 1}, {"word": "b10", "n": 2}], [1, 0, 1, -1], 1, [2, 1, 2, 5]]
    assert cloud("[...cloud.column('code').numbers]") == [1, 2.5, 7, 1]
    assert cloud("(s => [[...s.hit], s.count])(cloud.search('B9', false))") == [[0, 1, 0, 0], 1]
    assert cloud("(s => [[...s.hit], s.count])(cloud.search('^4[.]5$', true))") == [[0, 0, 0, 1], 1]
    assert cloud("cloud.search('(', true).error.length > 0") is True
    assert cloud("cloud.csv([3, 1])") == "row,class,score,code\n3,,4.5,1\n1,b9,2,2.5\n"


NEARER = """
(() => {
  const camera = new cb.space.Camera(true), how = {matrix: camera.matrix(40, 40), turning: camera.axes(), size: 8, alpha: 1, deep: true};
  const rgba = (...list) => Uint8Array.from(list.flatMap(v => [v, v, v, 255]));
  const square = z => [-.8, -.8, z, .8, -.8, z, .8, .8, z, -.8, .8, z];
  const faces = ([a, b]) => ({
    n: 8, positions: Float32Array.from([...square(a), ...square(b)]), colours: rgba(50, 50, 50, 50, 200, 200, 200, 200),
    faces: Uint32Array.from([0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7]),
  });
  const points = ([a, b]) => ({
    n: 2, positions: Float32Array.from([0, 0, a, 0, 0, b]), colours: rgba(50, 200), flags: Uint8Array.from([2, 2]), there: [0, 0, 2, 0],
  });
  const middle = (scene, mode) => [...cb.raster.pixels(scene, 40, 40, {...how, mode}).data.slice(4 * 820, 4 * 820 + 4)];
  return [[.5, -.5], [-.5, .5]].flatMap(order => [middle(faces(order), 'faces'), middle(points(order), 'points')]);
})()
"""


def test_the_nearer_of_two_faces_and_of_two_points_is_seen() -> None:
    told = run_js(NEARER)
    light = 0.35 + 0.65 * 0.808
    assert [pixel[3] for pixel in told] == [255] * 4
    assert [pixel[0] for pixel in told] == [pytest.approx(50 * light, abs=1), 50, pytest.approx(200 * light, abs=1), 200]
