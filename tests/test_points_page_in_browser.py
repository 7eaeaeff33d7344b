"""The pages of embeddings, meshes and tensors in real Chromium: what is marked in one is marked in all, one camera, one slice.

Three native runs, two of them with as many vectors, and a projector's directory as TensorBoard reads it, with sprites.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import crossboard as cb
from browser import Board, Open, below, faults, until
from crossboard.adapters.tensorboard.writer import EventFileWriter

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

STANDS = "window.crossboard && crossboard.stats.started && crossboard.kinds && crossboard.kinds.settled()"
READY = f"{STANDS} && crossboard.stats.painted > 0"
ROWS, FEWER, DIMENSIONS = 90, 60, 6
NO_WEBGL = """
const kept = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith('webgl') ? null : kept.call(this, kind, ...more);
};
"""
RED = """
canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] > 250 && data[i + 1] < 5 && data[i + 2] < 5) n++;
  return n;
}
"""
SUM = """
canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let sum = 7;
  for (let i = 0; i < data.length; i += 40) sum = (sum * 31 + data[i] + data[i + 3]) | 0;
  return sum;
}
"""
CLOUDS = "[...crossboard.marked.views].filter(view => view.cloud)"


def vectors(run: int, rows: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(run)
    return (random.normal(0, 1, (rows, DIMENSIONS)) + 9 * np.eye(DIMENSIONS)[np.arange(rows) % 3]).astype("f4")


def torus() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 24), np.linspace(0, 2 * np.pi, 12), indexing="ij")
    points = np.stack([(1 + 0.4 * np.cos(v)) * np.cos(u), 0.4 * np.sin(v), (1 + 0.4 * np.cos(v)) * np.sin(u)], -1).reshape(-1, 3)
    corner = (np.arange(23)[:, None] * 12 + np.arange(11)).reshape(-1)
    faces = np.concatenate([np.stack([corner, corner + 1, corner + 12], 1), np.stack([corner + 1, corner + 13, corner + 12], 1)])
    return points.astype("f4"), faces.astype("i4")


def projector(directory: Path) -> None:
    """What torch's add_embedding leaves: a list, vectors, metadata and a sheet of sprites."""
    with EventFileWriter(directory) as writer:
        writer.scalar("loss", 0.5, 3, 1.7e9)
    (directory / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "digits:00003" tensor_path: "v.tsv" metadata_path: "m.tsv"'
        ' sprite { image_path: "s.png" single_image_dim: 8 single_image_dim: 8 } }'
    )
    values = vectors(9, 16)
    (directory / "v.tsv").write_text("\n".join("\t".join(str(float(cell)) for cell in row) for row in values))
    (directory / "m.tsv").write_text("\n".join(f"digit {row % 10}" for row in range(16)))
    sheet = np.zeros((32, 32, 3), np.uint8)
    sheet[:, :, 0] = 255  # red, a colour that no point has
    Image.fromarray(sheet).save(directory / "s.png")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("runs")
    points, faces = torus()
    for number, name in enumerate(("first", "second", "third " + "long name " * 19)):
        run = cb.init(dir=directory, project="space", name=name, id=f"r{number}")
        rows = FEWER if number == 2 else ROWS
        known = {
            "class": [f"class {row % 3}" for row in range(rows)],
            "score": np.arange(rows) / 4,
            "word": [f"item {row}" for row in range(rows)],
        }
        run.log({"features": cb.Embedding(vectors(number, rows), metadata=known)}, step=0)
        run.log({"shape": cb.Mesh(points * (number + 1), faces=faces)}, step=0)
        if number < 2:
            run.log({"weights": cb.Tensor((np.arange(2 * 3 * 200, dtype="f4").reshape(2, 3, 200) + 1) * (number + 1))}, step=0)
        else:
            run.log({"weights": cb.Tensor(np.array([[1.0, np.nan, np.inf, 0.0]]))}, step=0)
        run.finish()
    projector(directory / "tb")
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=4)
    board.start()
    yield board
    board.stop()


@pytest.fixture
def open_page(open_page: Open) -> Open:
    return below(open_page, "", ready=READY, height=1000, expected=("409",))  # "not computed yet" and "another shape" are answers


PLACE = """
([run, row]) => {
  const view = [...crossboard.marked.views].find(one => one.series.run.endsWith(run));
  const box = view.canvas.getBoundingClientRect(), {at} = view.screen();
  return [box.left + at[2 * row], box.top + at[2 * row + 1]];
}
"""


def place(page: Page, row: int, run: int = 0) -> tuple[float, float]:
    """Where a row stands on the screen."""
    x, y = page.evaluate(PLACE, [f"r{run}", row])
    return x, y


def test_what_is_searched_selected_and_isolated_is_so_in_every_embedding_of_as_many_rows_and_in_the_link(
    board: Any, open_page: Open
) -> None:
    page = open_page(board.url + "?page=points&tag=features", ready=f"{READY} && {CLOUDS}.length === 3")
    assert page.locator(".ktile footer").first.inner_text().count("variance") == 1
    page.locator("#points-search").fill("ITEM 1")
    until(
        page, "crossboard.state.own.get('search') && document.querySelector('#points-count').textContent === '33 found'"
    )  # 1, 10 to 19, thrice
    page.locator("[data-toggle=regex]").click()
    page.locator("#points-search").fill("^item [45]$")
    until(page, "document.querySelector('#points-count').textContent === '6 found'")
    page.locator("#points-take").click()
    until(page, "document.querySelectorAll('.ptable tbody tr').length === 2")
    dock = page.locator("#points-dock")
    assert "also marked in 1 other embedding of 90 rows, not in 1 with another number of rows" in dock.inner_text()
    assert dock.locator("tbody tr").nth(1).inner_text().split() == ["5", "class", "2", "1.25", "item", "5"]
    page.locator("#points-search").fill("")
    page.locator("#points-alone").click()
    counts = f"{CLOUDS}.map(view => view.flags.filter(Boolean).length)"
    until(page, f"crossboard.state.own.get('alone') && {counts}.sort((a, b) => a - b).join() === '2,2,60'")
    until(page, "location.search.includes('rows:90~4-5') && location.search.includes('alone:1') && !location.search.includes('search:')")
    with page.expect_download() as saved:
        page.locator("#points-csv").click()
    assert list(csv.reader(io.StringIO(Path(saved.value.path()).read_text()))) == [
        ["row", "class", "score", "word"],
        ["4", "class 1", "1", "item 4"],
        ["5", "class 2", "1.25", "item 5"],
    ]
    page.reload()
    until(page, f"{READY} && document.querySelectorAll('.ptable tbody tr').length === 2 && {CLOUDS}.length === 3", timeout_s=30)
    page.keyboard.press("c")
    until(page, f"document.querySelector('#points-dock').hidden && {CLOUDS}.every(view => view.flags.every(flag => flag === 2))")
    page.locator(".vemb .legend button").first.click()
    until(
        page, f"{CLOUDS}.every(view => view.flags.filter(Boolean).length === view.cloud.n * 2 / 3) && location.search.includes('off:class')"
    )


def test_a_picked_row_shows_its_metadata_and_the_neighbours_that_numpy_finds_in_each_run(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=points&tag=features&set=metric:euclidean", ready=f"{READY} && {CLOUDS}.length === 3", scheme="dark")
    page.mouse.click(*place(page, 7))
    until(page, "document.querySelectorAll('#points-dock .plists ol').length === 2")
    assert "item 7" in page.locator(".pmeta").inner_text()
    for run in (0, 1):
        values = vectors(run, ROWS).astype(np.float64)
        nearest = np.argsort(np.linalg.norm(values - values[7], axis=1))[1:11]
        told = page.locator(".plists > div").nth(run).locator("li button").all_inner_texts()
        assert [int(text.split()[0]) for text in told] == nearest.tolist()
    page.locator(".pnear input[type=range]").press("ArrowRight")
    until(page, "document.querySelectorAll('.plists ol')[0].children.length === 11")
    page.locator(".plists li button").first.click()
    first = int(np.argsort(np.linalg.norm(vectors(0, ROWS) - vectors(0, ROWS)[7], axis=1))[1])
    until(page, f"crossboard.state.own.get('row').startsWith('{first}~90~')")
    assert faults(page) == []


def test_a_box_and_a_lasso_select_what_lies_inside_and_the_view_turns_by_keys_and_drag(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=points&tag=features&set=dim:3", ready=f"{READY} && {CLOUDS}.length === 3")
    where = np.array([place(page, row) for row in range(0, ROWS, 3)])  # one class, which stands apart
    low, high = where.min(axis=0) - 3, where.max(axis=0) + 3
    page.keyboard.down("Shift")
    page.mouse.move(*low)
    page.mouse.down()
    page.mouse.move(*high, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    inside = "(() => { const s = crossboard.marked.selected(); return s && s.rows.filter(row => row % 3 === 0).length; })()"
    until(page, f"{inside} === 30")
    page.locator("[data-tool=lasso]").click()
    page.mouse.move(low[0], low[1])
    page.mouse.down()
    for x, y in ((high[0], low[1]), (high[0], high[1]), (low[0], high[1]), (low[0], low[1])):
        page.mouse.move(x, y, steps=2)
    page.mouse.up()
    until(page, f"{inside} === 30")
    page.locator("[data-tool=move]").click()
    own = f"{CLOUDS}.find(view => view.series.run.endsWith('r0')).camera()"
    before = page.evaluate(f"{own}.yaw")
    canvas = page.locator('.ktile[aria-label^="first"] .ec canvas')
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    until(page, f"{own}.yaw > {before} && {own}.zoom === 1.25")
    page.locator("[data-toggle=linked]").click()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 60, steps=3)
    page.mouse.up()
    until(page, f"new Set({CLOUDS}.map(view => view.camera())).size === 1 && location.search.includes('look:')")


SEEN = """
selector => {
  const canvas = document.querySelector(selector), {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const bits = new Uint8Array(data.length / 4);
  let sum = 7;
  for (let i = 0; i < bits.length; i++) { bits[i] = data[4 * i + 3] > 127; sum = (sum * 31 + data[4 * i] + data[4 * i + 3]) | 0; }
  const before = (window.kept = window.kept || {})[selector];
  window.kept[selector] = bits;
  return {sum, n: bits.reduce((n, one) => n + one, 0), both: before ? bits.reduce((n, one, i) => n + (one & before[i]), 0) : 0};
}
"""


def test_webgl_and_the_pages_own_drawing_show_the_same(board: Any, open_page: Open) -> None:
    """Where they differ it is by the smoothing of edges alone. Without WebGL the page's own is what is shown."""
    own: dict[str, dict[str, int]] = {}
    first: Page | None = None
    for script in ("", NO_WEBGL):
        if first is not None:
            first.context.add_init_script(script)
        ready = f"{READY} && {CLOUDS}.length === 1 && crossboard.meshes.all.size === 1"
        page = open_page(board.url + "?page=points&set=dim:3&runs=first", ready=ready, beside=first)
        first = page
        assert not page.evaluate("crossboard.scenes.byWebGL()")
        for kind in (".ec canvas", ".vmesh canvas"):
            until(page, f"({SEEN})('{kind}').n > 300")
            seen = page.evaluate(SEEN, kind)
            assert own.setdefault(kind, seen)["sum"] == seen["sum"], kind
        if script:
            continue
        drawn = page.evaluate("crossboard.stats.painted")
        page.evaluate("crossboard.scenes.force(true)")
        assert page.evaluate("crossboard.scenes.byWebGL()")
        until(page, f"crossboard.stats.painted >= {drawn} + 2")
        for kind in (".ec canvas", ".vmesh canvas"):
            webgl = page.evaluate(SEEN, kind)
            assert webgl["sum"] != own[kind]["sum"], kind
            assert webgl["both"] > 0.7 * max(webgl["n"], own[kind]["n"]), (kind, webgl, own[kind])


@pytest.mark.skipif(find_spec("sklearn") is None, reason="t-SNE is scikit-learn's")
def test_tsne_is_computed_when_it_is_chosen_and_umap_says_what_it_needs(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=points&tag=features&runs=third", ready=f"{READY} && {CLOUDS}.length === 1")
    page.locator("#points-method").select_option("tsne")
    until(page, f"document.querySelector('.cover progress, .cover button') || {CLOUDS}.length === 1")
    until(page, f"{CLOUDS}.length === 1 && {CLOUDS}[0].cloud.head.method === 'tsne'", timeout_s=90)
    assert page.locator(".cover").is_hidden()
    assert "t-SNE" in page.locator(".ktile footer").inner_text()
    if find_spec("umap") is None:
        page.locator("#points-method").select_option("umap")
        until(page, "document.querySelector('.cover').textContent.includes('pip install umap-learn')")
    page.locator("#points-method").select_option("pca")
    until(page, f"{CLOUDS}.length === 1 && {CLOUDS}[0].cloud.head.method === 'pca'")


def test_a_projector_of_tensorboard_shows_its_sprites_on_its_runs_page_too(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=points&tag=digits", ready=f"{READY} && {CLOUDS}.length === 1")
    red = f"({RED})(document.querySelector('.ec canvas'))"
    until(page, f"{red} > 500")
    page.locator("#points-label").select_option("label")
    page.locator("[data-toggle=sprites]").click()
    until(page, f"{red} === 0")
    page.evaluate("crossboard.kinds.tiles()[0].page.click()")
    ready = "crossboard.state.run && crossboard.run.settled() && document.querySelector('#points-tools')"
    until(page, f"{ready} && {CLOUDS}.length === 1", timeout_s=30)
    assert page.evaluate("crossboard.state.own.get('sprites')") == "off"  # what was chosen goes along
    until(page, "location.search.includes('set=sprites:off') && location.search.includes('run=')")
    page.keyboard.press("d")
    until(page, f"{CLOUDS}.length === 1 && {CLOUDS}[0].cloud.head.axes.length === 3")


def test_one_camera_turns_all_meshes_and_the_link_keeps_it(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=points&tag=shape", ready=f"{READY} && crossboard.stats.painted > 2")
    shots = f"[...document.querySelectorAll('.vmesh canvas')].map({SUM})"
    before = page.evaluate(shots)
    box = page.locator(".vmesh canvas").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 130, steps=3)
    page.mouse.up()
    until(page, f"location.search.includes('view:') && {shots}.every((one, i) => one !== {before}[i])")
    turned = page.evaluate("crossboard.marked.cameras.mesh.format()")
    page.keyboard.press("w")
    until(page, "crossboard.state.own.get('wire') && document.querySelector('[data-toggle=wire]').getAttribute('aria-pressed') === 'true'")
    page.locator("[data-toggle=scale]").click()
    until(page, "location.search.includes('scale:1') && location.search.includes('wire:1')")
    page.reload()
    until(page, READY, timeout_s=30)
    assert page.evaluate("crossboard.marked.cameras.mesh.format()") == turned
    reach = page.evaluate("[...crossboard.meshes.all].map(one => one.reach())")
    assert max(reach) > 2.5 * min(reach)
    page.locator("#points-reset").click()
    until(page, "!crossboard.marked.cameras.mesh.moved && !location.search.includes('view:')")


def test_tensors_are_cut_enlarged_and_pointed_at_together_and_told_as_difference_and_file(board: Any, open_page: Open) -> None:
    page = open_page(
        board.url + "?page=tensors",
        ready=f"{STANDS} && crossboard.tensors.views.size === 3",
    )
    told = "[...crossboard.tensors.views].map(view => view.told()).filter(told => told.shape.length === 3)"
    page.keyboard.press(".")
    until(page, f"{told}.every(one => one.slice.index.join() === '1') && location.search.includes('index:1')")
    canvas = page.locator('.ktile[aria-label^="first"] .tc canvas')
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + (box["height"] - 18) / 2)
    reads = "[...document.querySelectorAll('.tc .read')].map(one => one.textContent)"
    until(page, f"{reads}.filter(text => text.startsWith('[1, 1, 100]')).length === 2")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + (box["height"] - 18) / 2, steps=2)
    page.mouse.up()
    until(page, f"{told}.every(one => one.slice.window[2] === 100 && one.slice.rows === 1 && one.slice.block[1] === 1)")
    page.locator("#tensor-minus").select_option(label="first")
    until(page, f"{told}.every(one => one.statistics.max === 1200 && one.statistics.min === 1 && one.slice.cells[0][0] === 901)")
    assert "less first at step 0" in page.locator('.ktile[aria-label^="second"]').inner_text()
    with page.expect_download() as saved:
        page.locator('.ktile[aria-label^="first"] .tnotes a').click()
    loaded = np.load(saved.value.path())
    np.testing.assert_array_equal(loaded, np.arange(1, 1201, dtype="f4").reshape(2, 3, 200))
    odd = page.locator('.ktile[aria-label^="third"] .vten').inner_text()
    assert "one shape" in odd
    assert all(part in odd.replace("\n", " ") for part in ("NaN 1", "inf 1", "zeros 1"))
    assert faults(page) == []


@pytest.mark.parametrize(("name", "width"), [("points", 390), ("tensors", 390), ("points", 2560)])
def test_the_pages_stand_on_small_and_on_wide_screens(name: str, width: int, board: Any, open_page: Open) -> None:
    page = open_page(
        f"{board.url}?page={name}&set=rows:90~3-20&set=row:5~90~x~features",
        width=width,
        height=844,
        scheme="dark" if width == 390 else "light",
        ready=STANDS,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("(body => body.scrollWidth - body.clientWidth)(document.querySelector('#kinds-body'))") <= 0
    if name == "points":
        until(page, "document.querySelector('#points-dock:not([hidden])') && document.querySelectorAll('.ptable tr').length === 19")
    assert faults(page) == []
