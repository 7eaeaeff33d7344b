"""The Images page in real Chromium: the matrix, the comparison with its exact numbers, videos under one clock, reading ahead.

One root for all: three runs whose images are made of known numbers, so that what the page says can be compared with NumPy.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import crossboard as cb
from browser import READY, Board, Open, below, faults, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

GAPS = {"one": 10, "two": 10, "late-" + "long" * 49: 40}
SHAPE = (24, 32)


def sample(run: int, step: int, number: int = 0) -> np.ndarray[Any, Any]:
    """The picture `number` of run `run` at `step`: known, and different in every channel."""
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    made: np.ndarray[Any, Any] = np.stack([x * 5 + step, y * 7 + 11 * run, x + y + 40 * number], -1).clip(0, 255).astype(np.uint8)
    return made


def deep(run: int) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    made: np.ndarray[Any, Any] = (30000 + 3 * x + y + 500 * run).astype(np.uint16)
    return made


def film(run: int) -> bytes:
    """A GIF of ten frames of one grey each: 20 * frame + 5 * run."""
    frames = [Image.fromarray(np.full((16, 20), 20 * i + 5 * run, np.uint8)) for i in range(10)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100, optimize=False)
    return out.getvalue()


def make(directory: Path) -> Path:
    """Log the runs; returns the file of a picture, to be damaged."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    for number, (name, gap) in enumerate(GAPS.items()):
        run = cb.init(dir=directory, project="faces", name=name)
        for step in range(0, 81, gap):
            run.log({"val/samples": [cb.Image(sample(number, step, i), caption=f"sample {i}") for i in range(3)]}, step=step)
        boxes = [{"box": [2, 2, 12, 12], "label": "cat", "score": 0.9}, {"box": [15, 5, 30, 20], "label": "dog"}]
        mask = np.zeros(SHAPE, np.uint8)
        mask[14:22, 2:10] = 1
        run.log({"odd/marked": cb.Image(sample(number, 0), boxes=boxes, masks=mask, labels={1: "grass"})}, step=80)
        run.log({"odd/deep": cb.Image(deep(number))}, step=80)
        run.log({"odd/size": cb.Image(sample(number, 0)[: 24 - 6 * number, : 32 - 8 * number])}, step=80)
        run.log({"odd/moving": cb.Image(film(number))}, step=80)
        alpha = np.dstack([sample(number, 0), np.full(SHAPE, 100 + number, np.uint8)])
        run.log({"odd/alpha": cb.Image(alpha)}, step=80)
        run.log({"clip": cb.Video(film(number))}, step=80)
        if not number:
            run.log({"odd/broken": [cb.Image(noise), cb.Image(sample(0, 0))]}, step=80)
        run.finish()
    return max(directory.rglob("media/*.png"), key=lambda path: path.stat().st_size)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    directory = tmp_path_factory.mktemp("runs")
    broken = make(directory)
    broken.write_bytes(broken.read_bytes()[:500])
    with Board(directory, tmp_path_factory.mktemp("cache"), runs=3) as board:
        yield board


@pytest.fixture
def open_page(open_page: Open, board: Board) -> Open:
    return below(open_page, board.url + "?page=images", expected=("422",))  # the damaged picture


def picture(page: Page, run: str, number: int = 0) -> Any:
    """The button of a picture in the tile of a run."""
    return page.locator(f'.pn[aria-label^="{run}, "] .pic').nth(number)


def compared(page: Page) -> str:
    """What the foot of the difference says."""
    until(page, "crossboard.compared.settled() && document.querySelector('.stage [role=status]').textContent")
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )  # what is told is drawn in the next frame
    return str(page.locator(".stage article", has_text="Difference").locator("footer").inner_text()).replace("\n", " ")


def numbers(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], *, above: int = 16, peak: int = 255) -> str:
    """What it should say."""
    d = np.abs(a.astype(float) - b.astype(float))
    most = d.max(-1) if d.ndim == 3 else d
    mean = f"{d.mean():.4g}"
    psnr = 10 * math.log10(peak**2 / (d**2).mean())
    return f"mean {mean} max {d.max():.0f} over {above} {100 * (most > above).mean():.1f} % PSNR {psnr:.2f} dB"


def test_the_matrix_has_a_row_for_each_run_and_a_column_for_each_tag_and_says_where_the_nearest_is_shown(open_page: Open) -> None:
    page = open_page("&find=val/samples&step=30")
    page.keyboard.press("m")
    until(page, "document.querySelector('.kmx') && crossboard.kinds.settled()")
    assert page.locator(".kmx [role=columnheader] b").all_inner_texts() == ["samples"]
    assert page.locator(".kmx [role=rowheader]").count() == 3
    assert page.locator(".kmx .pic").count() == 9
    drawn = "[...document.querySelectorAll('.kmx canvas.px')].map(c => [...c.getContext('2d').getImageData(0, 0, 1, 1).data].slice(0, 3))"
    assert page.evaluate(drawn)[0] == sample(0, 30)[0, 0].tolist()
    away = page.locator(".kmx .pn.away footer")
    assert away.all_inner_texts()[0].startswith("step 40, nearest to 30")
    page.keyboard.press("]")
    until(page, "crossboard.state.step === '40' && crossboard.kinds.settled() && !document.querySelector('.kmx .pn.away')")
    assert page.evaluate(drawn)[0] == sample(0, 40)[0, 0].tolist()
    until(page, "location.search.includes('set=mode:grid')")
    page.reload()
    until(page, f"({READY}) && document.querySelectorAll('.kmx .pic').length === 9")


def test_two_pictures_are_compared_by_exact_numbers_and_a_link_reopens_the_comparison_as_it_is(open_page: Open) -> None:
    page = open_page("&find=val/samples&step=80")
    picture(page, "one").click()
    picture(page, "two").focus()
    page.keyboard.press("c")
    until(page, "crossboard.compared.items.length === 2")
    assert compared(page).startswith(numbers(sample(0, 80), sample(1, 80)))
    page.get_by_label("threshold of the difference").fill("10")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.stage footer') && crossboard.state.own.get('above') === '10'")
    until(page, "[...document.querySelectorAll('.stage footer')].some(one => one.textContent.includes('over 10'))")
    assert compared(page).startswith(numbers(sample(0, 80), sample(1, 80), above=10))
    # another picture of the points, for both; true pixels; the values under the pointer
    page.locator(".stage .im").first.focus()
    page.keyboard.press(".")
    until(page, "crossboard.shots.list().every(shot => shot.number === 1)")
    page.keyboard.press("1")
    until(page, "crossboard.stage.lens.zoom === 1 && crossboard.compared.settled()")
    box = page.locator(".stage .im").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2 - 3)
    until(page, "crossboard.stage.probe && crossboard.stage.probe.values.length === 2 && crossboard.stage.probe.values[1]")
    probe = page.evaluate("crossboard.stage.probe")
    x, y = probe["x"], probe["y"]
    assert abs(x - 21) <= 1
    assert abs(y - 9) <= 1
    assert probe["values"] == [sample(0, 80, 1)[y, x].tolist(), sample(1, 80, 1)[y, x].tolist()]
    until(page, "[...document.querySelectorAll('.rd')].every(one => one.textContent)")
    a, b = (values.astype(int) for values in (sample(0, 80, 1)[y, x], sample(1, 80, 1)[y, x]))
    assert page.locator(".rd").all_inner_texts() == [
        f"x {x} y {y} · {' '.join(map(str, a))}",
        " ".join(map(str, b)),
        f"x {x} y {y} · {' '.join(map(str, a - b))}",
    ]
    # zoomed in, a pixel of the picture is a square of one colour on the screen
    page.keyboard.press("d")
    page.keyboard.press("v")
    page.keyboard.press("w")
    until(page, "crossboard.compared.choices().view === 'swipe' && crossboard.compared.choices().diff === 'signed'")
    until(page, "location.search.includes('zoom') && location.search.includes('view') && location.search.includes('diff')")
    search = page.evaluate("location.search")
    page.reload()
    until(page, f"({READY}) && crossboard.compared.items.length === 2")
    page.wait_for_timeout(300)
    assert page.evaluate("location.search") == search
    assert page.evaluate("[crossboard.stage.lens.zoom, ...crossboard.compared.items.map(one => one.run.name)]") == [1, "two", "one"]
    page.keyboard.press("q")
    until(page, "!document.querySelector('.stage')")


def test_a_step_that_is_held_is_compared_with_that_of_the_slider(open_page: Open) -> None:
    page = open_page("&find=val/samples&step=20")
    picture(page, "two").click()
    page.get_by_role("button", name="Another step").click()
    until(page, "crossboard.compared.items.length === 2 && crossboard.compared.settled()")
    assert "no difference" in compared(page)
    page.keyboard.press("]")
    until(page, "crossboard.compared.settled() && crossboard.compared.items[1].step === 30")
    assert page.evaluate("crossboard.compared.items.map(one => one.step)") == [20, 30]
    assert compared(page).startswith(numbers(sample(1, 20), sample(1, 30)))
    assert page.locator(".stage article footer").first.inner_text().startswith("step 20, held")


def test_sixteen_bits_alpha_and_other_sizes_are_compared_as_they_are_stored_and_it_is_said_how(open_page: Open) -> None:
    page = open_page("&find=odd")
    for tag, a, b in (
        ("odd/deep", deep(0), deep(1)),
        ("odd/alpha", np.dstack([sample(0, 0), np.full(SHAPE, 100)]), np.dstack([sample(1, 0), np.full(SHAPE, 101)])),
        ("odd/size", sample(0, 0)[:18, :24], sample(1, 0)[:18, :24]),
    ):
        page.evaluate(
            "crossboard.shots.put(['one', 'two'].map(name => crossboard.kinds.tiles().find(t => "
            f"t.series.tag === '{tag}' && t.run.name === name))"
            ".map(t => ({mark: t.run.mark, rank: 0, number: 0, step: '', kind: 'image', tag: t.series.tag})))"
        )
        until(
            page,
            f"crossboard.compared.items.length === 2 && crossboard.compared.items[1].shot.tag === '{tag}' && crossboard.compared.settled()",
        )
        assert compared(page).startswith(numbers(a, b, peak=65535 if tag == "odd/deep" else 255)), tag
    assert "the 24 × 18 that both have, from the upper left" in compared(page)
    page.get_by_label("pictures of different sizes").select_option("scale")
    until(page, "[...document.querySelectorAll('.stage footer')].some(one => one.textContent.includes('bilinear'))")
    assert "B scaled to the size of A" in compared(page)


def test_a_damaged_picture_says_its_file_and_hides_no_other_and_a_gif_moves(open_page: Open) -> None:
    page = open_page("&find=odd/")
    page.locator(".pn", has_text="2 images").first.scroll_into_view_if_needed()
    until(page, "document.querySelector('.pn .tile .none')")
    words = page.locator(".pn .tile .none").first.inner_text()
    assert ".png" in words
    assert "restore" in words
    cells = page.evaluate(
        "crossboard.kinds.tiles().find(t => t.series.tag === 'odd/broken').view.cells().map(c => [c.error !== '', c.drawn !== ''])"
    )
    assert cells == [[True, False], [False, True]]
    page.locator("#kind-filter").fill("odd/moving")
    until(
        page,
        "document.querySelector('.pic img') && document.querySelector('.pic img').complete"
        " && document.querySelector('.pic img').naturalWidth === 20",
    )


def test_a_class_is_switched_off_over_all_pictures_and_in_the_link(open_page: Open) -> None:
    page = open_page("&tag=odd/marked")
    until(page, "document.querySelectorAll('#kind-classes [data-class]').length === 5 && document.querySelector('canvas.ov')")
    inked = (
        "[...document.querySelectorAll('.pn canvas.ov')].map(c => {"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })"
    )
    until(page, f"{inked}.length === 3 && crossboard.bitmaps.busy === 0")
    before = page.evaluate(inked)
    page.get_by_role("button", name="grass").click()
    until(page, f"crossboard.bitmaps.busy === 0 && {inked}.every(n => n < {min(before)})")
    without = page.evaluate(inked)
    page.get_by_role("button", name="Boxes").click()
    until(page, f"{inked}.every(n => n === 0)")
    until(page, "location.search.includes('grass') && location.search.includes('boxes')")
    page.reload()
    until(page, f"({READY}) && document.querySelectorAll('#kind-classes [aria-pressed=false]').length === 2")
    page.get_by_role("button", name="Boxes").click()
    until(page, f"{inked}.length === 3 && {inked}.every(n => n === {without[0]})")


def test_videos_of_all_runs_play_stop_and_step_together_and_their_frames_are_compared(open_page: Open) -> None:
    page = open_page("&tag=clip")
    shown = "[...document.querySelectorAll('.vvideo canvas')].map(c => c.getContext('2d').getImageData(3, 3, 1, 1).data[0]).join()"

    def all_at(frame: int) -> str:
        return f"{shown} === crossboard.kinds.tiles().map(t => {20 * frame} + 5 * {list(GAPS)}.indexOf(t.run.name)).join()"

    until(page, all_at(0))
    for _ in range(3):
        page.keyboard.press(".")
    until(page, all_at(3))
    assert page.locator("#films .at").inner_text().startswith("frame 4 of 10")
    until(page, "location.search.includes('frame:3')")
    picture(page, "one").click()
    picture(page, "two").click()
    until(page, "crossboard.compared.items.length === 2 && crossboard.compared.settled()")
    assert compared(page).startswith("mean 5 max 5 ")
    page.keyboard.press("y")
    until(page, "crossboard.films.playing && crossboard.films.frame() !== 3")
    page.keyboard.press("y")
    until(page, "!crossboard.films.playing && crossboard.compared.settled()")
    until(page, all_at(page.evaluate("crossboard.films.frame()")))


def test_steps_ahead_are_decoded_before_they_are_asked_for(open_page: Open) -> None:
    page = open_page("&find=val/samples&step=0")
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)  # those of workers too
    page.keyboard.press("]")
    until(
        page,
        "crossboard.bitmaps.queued === 0 && crossboard.bitmaps.busy === 0 && crossboard.bitmaps.count >= 63 && crossboard.kinds.settled()",
    )
    assert len([url for url in asked if "/api/blob/" in url]) > 20
    asked.clear()
    page.evaluate(
        "(async () => { for (let i = 0; i < 6; i++) { crossboard.steps.move(1); await new Promise(done => setTimeout(done)); } })()"
    )
    until(page, "crossboard.state.step === '70' && crossboard.kinds.settled()")
    pixel = page.evaluate(
        "[...crossboard.kinds.tiles().find(t => t.run.name === 'one').view.cells()[0]"
        ".canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    assert pixel[:3] == sample(0, 70)[0, 0].tolist()
    assert asked == []


def test_the_comparison_is_saved_as_it_is_shown_and_a_picture_as_it_was_logged(open_page: Open) -> None:
    page = open_page("&find=val/samples&step=80")
    picture(page, "one").click()
    picture(page, "two").click()
    until(page, "crossboard.compared.items.length === 2")
    compared(page)
    with page.expect_download() as saved:
        page.locator("#stage-save").click()
    whole = np.asarray(Image.open(saved.value.path()).convert("RGB"))
    panes = page.evaluate("crossboard.stage.holders.map(one => [one.px.width, one.px.height])")
    assert whole.shape[1] > sum(width for width, _ in panes)
    corner = sample(0, 80)[0, 0]
    assert (np.abs(whole.astype(int) - corner).max(-1) == 0).sum() > 50  # its first pixel, enlarged
    assert "one-80-two-80" in saved.value.suggested_filename
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the file of B").click()
    assert (np.asarray(Image.open(saved.value.path())) == sample(1, 80)).all()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_serious_is_found_and_nothing_hangs_over_the_edge(width: int, scheme: str, open_page: Open) -> None:
    page = open_page("&set=mode:grid", width=width, scheme=scheme)
    page.evaluate("crossboard.kinds.tiles().filter(t => t.series.tag === 'val/samples').forEach(t => crossboard.shots.toggle(t, 0))")
    until(page, "crossboard.compared.items.length === 3 && crossboard.compared.settled()")
    assert faults(page) == []
    assert page.evaluate("document.querySelector('#kinds-body').scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth")
    page.keyboard.press("?")
    assert page.locator("#keys dt", has_text="C").count() >= 1
