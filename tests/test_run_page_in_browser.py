"""The run page in real Chromium, over a root that holds every kind: what a person sees, and what a run cannot do to them.

Every page is watched: a console error or an uncaught exception fails the test that opened it, unless the test takes that away.
"""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from browser import READY, Board, Open, faults, settle, until
from crossboard.store.records import ConsoleLines, TextPoint

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

EVERY: Any = import_module("every_kind")


@dataclass
class Root:
    """The board, the key of each run by id, and the writer of a run that goes on."""

    board: Any
    keys: dict[str, str]
    live: Any

    def url(self, run: str, **place: str) -> str:
        return f"{self.board.url}?{urllib.parse.urlencode({'run': self.keys[run], **place})}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    made = EVERY.make(directory, images=300)
    EVERY.make_ranks(directory, lines=50_000)
    going = EVERY.Writer(made[2], "a2r0", attempt=2, wall=time.time(), command=["idle.py"], alive=True)
    for step in range(3):
        going.put(TextPoint(tag="diary", step=step, wall_time=time.time(), texts=[f"day {step}"]))
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=4)
    board.start()
    with urllib.request.urlopen(board.url + "api/runs") as answer:
        keys = {run["id"]: run["key"] for run in json.load(answer)["runs"]}
    yield Root(board, keys, going)
    board.stop()


def foots(page: Page) -> list[str]:
    return [str(one) for one in page.evaluate("[...document.querySelectorAll('.pn footer .n')].map(one => one.textContent)")]


def tab(page: Page, name: str) -> None:
    page.locator(f"#run-tab-{name}").click()
    until(page, f"crossboard.state.tab === '{name if name != 'overview' else ''}'")
    settle(page)


# --------------------------------------------------------------------------------------------------- there and back


def test_a_run_opens_from_the_list_by_pointer_and_by_key_and_back_leads_back(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url)
    row = page.locator(".rr", has_text="resnet20-sgd")
    row.hover()
    row.get_by_role("link").click()
    until(page, "crossboard.state.run && crossboard.run")
    settle(page)
    assert page.locator("h1:visible").inner_text() == "resnet20-sgd s0"
    assert page.locator("#rail").is_hidden()
    page.go_back()
    until(page, "!crossboard.state.run")
    assert page.locator("#rail").is_visible()
    assert page.evaluate("crossboard.board.visible.length") == 4
    page.locator(".rr", has_text="resnet20-sgd").hover()
    page.keyboard.press("e")
    until(page, f"crossboard.state.run === {root.keys['first']!r}")
    settle(page)
    page.keyboard.press("Escape")
    until(page, "!crossboard.state.run")


def test_a_link_holds_run_tab_tag_and_step(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="image", tag="samples/digits", step="700"))
    assert page.locator(".pn").count() == 1
    assert foots(page)[0].startswith("step 700 · image 8 of 20")
    page.keyboard.press("[")
    until(page, "location.search.includes('step=600')")
    again = open_page(page.url)
    assert foots(again)[0].startswith("step 600")
    again.keyboard.press("Escape")
    until(again, "!crossboard.state.tag && document.querySelectorAll('.pn').length === 3")


def test_the_header_says_who_the_run_is(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first"))
    words = page.locator("#run-head").inner_text()
    for part in ("Finished, 2 attempts", "lr-drop", "Best val/accuracy", "torch 2.13.0", "2 hosts", "digits", "resnet20-sgd"):
        assert part in words, part
    assert page.title().startswith("resnet20-sgd s0")


def test_the_overview_shows_config_summary_attempts_findings_and_notes(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first"))
    assert "momentum" in page.locator("#ov-config").inner_text()
    page.locator("#config-filter").fill("optimizer lr")
    assert page.locator("#ov-config .kv").all_inner_texts() == ["lr\n0.1"]
    assert page.locator("#ov-summary tbody tr").count() == 4
    assert "0.9412" in page.locator("#ov-summary").inner_text()
    assert page.locator("#ov-attempts .tail").count() == 1
    assert page.locator("#ov-findings .find1").count() == 3
    assert page.locator("#ov-notes strong").inner_text() == "paper"
    assert page.locator("#ov-curves .cc").count() == 4
    until(page, "[...document.querySelectorAll('#ov-curves .cc')].every(one => one.card.drawnOnce)")


def test_a_failed_run_shows_its_traceback_and_what_was_dropped(root: Root, open_page: Open) -> None:
    page = open_page(root.url("second"))
    assert "loss.backward()" in page.locator(".trace").inner_text()
    assert "12 points were dropped" in page.locator("#ov-findings").inner_text()
    assert page.locator("#run-head .tag.bad").inner_text() == "Failed"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1440


def test_the_charts_tab_holds_this_runs_cards_and_going_back_all_runs(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="charts"))
    assert (
        page.evaluate("[...document.querySelectorAll('#sections .cc')].map(one => one.card.tag).sort().join()")
        == "train/loss,train/lr,val/accuracy,val/loss"
    )
    assert page.evaluate("crossboard.board.visible.map(run => run.name).join()") == "resnet20-sgd s0"
    page.locator("#nav-charts").click()
    until(page, "!crossboard.state.run && crossboard.board.visible.length === 4")


def test_a_run_that_is_not_there_is_said_to_be_so(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url, broken=True)
    page.evaluate("crossboard.state.go({run: 'native:/no/such/run'})")
    until(page, "document.querySelector('#run-body .msg')")
    assert "This run is not on the board" in page.locator("#run-body").inner_text()
    page.get_by_role("button", name="To the charts").click()
    until(page, "!crossboard.state.run")


def test_a_run_with_nothing_has_no_tabs_of_kinds_it_lacks(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing"))
    names = page.locator(".runtabs button").all_inner_texts()
    own = ["Overview", "Charts", "Config", "Events", "Console", "System", "Files"]
    assert [name.split("\n")[0] for name in names] == [*own, "Text", "More kinds"]
    assert "No scalar was logged" in page.locator("#ov-summary").inner_text()
    tab(page, "console")
    until(page, "document.querySelector('#console-lines').innerText.includes('Nothing was captured')")
    tab(page, "more")
    assert page.locator(".kindcard").count() == 12
    page.evaluate("crossboard.state.go({run: crossboard.state.run, tab: 'audio'})")
    until(page, "document.querySelector('#run-body .msg') && document.querySelector('#run-body .msg').innerText.includes('cb.Audio(')")
    assert "No audio in this run" in page.locator("#run-body .msg").inner_text()


# ------------------------------------------------------------------------------------------------------- every kind


KINDS = {
    "image": ".tile img, .tile iframe",
    "histogram": ".hc canvas",
    "text": ".texts",
    "table": ".tablebox td",
    "figure": ".plotly .main-svg, .pic.alone img",
    "graph": ".gn",
    "audio": "audio",
    "video": ".vvideo img",
    "pr_curve": ".prc canvas",
    "confusion_matrix": ".cm td, .cmbox canvas",
    "embedding": ".ec canvas",
    "mesh": ".vmesh canvas",
    "tensor": ".tc canvas, .vten pre",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_shown_at_the_chosen_step_and_moves_with_the_slider(kind: str, root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab=kind))
    assert page.locator(KINDS[kind]).count() > 0
    assert page.locator("#run-body .msg").count() == 0
    if kind == "graph":
        assert page.locator("#run-steps").is_hidden()
        return
    assert all(one.startswith("step 1,900") for one in foots(page) if one)
    page.locator("#run-steps input").fill("3")
    until(page, "crossboard.state.step === '300'")
    settle(page)
    assert all(one.startswith("step 300") for one in foots(page) if one)
    assert page.locator("#run-body .msg").count() == 0


def test_pictures_carry_their_boxes_masks_and_captions(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="image", tag="samples/denoised"))
    until(page, "document.querySelectorAll('.legend span').length === 3")
    assert page.locator(".legend").inner_text().split() == ["meadow", "wood", "sky"]
    assert page.locator(".boxes text").all_text_contents() == ["sun 0.96", "hill"]
    assert page.locator("figcaption").inner_text() == "after 1900 steps"
    page.get_by_role("button", name="Masks").click()
    until(page, "!document.querySelector('.mask')")
    assert page.evaluate("document.querySelector('.pic img').naturalWidth") == 128


def test_several_points_at_one_step_and_older_attempts_can_all_be_reached(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="text", tag="resumed"))
    assert page.locator(".texts").inner_text().strip() == "said 4 times"
    page.get_by_role("button", name="Earlier point of this step").click()
    until(page, "document.querySelector('.texts').innerText.trim() === 'said 3 times'")
    assert "20 of 23" not in foots(page)[0]
    before = page.evaluate("crossboard.run.panels()[0].places.length")
    page.get_by_role("button", name="Older attempts too").click()
    until(page, f"crossboard.run.panels()[0].places.length === {before} + 3")
    page.evaluate("crossboard.steps.choose(1000)")
    settle(page)
    assert "2 of 2 here" in page.locator(".same").inner_text()


def test_a_graph_is_a_tree_that_opens_closes_and_is_searched_by_key(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="graph"))
    page.get_by_role("button", name="Close all").click()
    closed = page.locator(".gn").count()
    page.locator('.gn[data-path="model"]').focus()
    page.locator('.gn[data-path="model"]').click()
    until(page, f"document.querySelectorAll('.gn').length > {closed}")
    assert page.evaluate("document.activeElement.dataset.path") == "model"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.path") == "model.stage1"
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('[data-path=\"model.stage1.conv\"]')")
    assert "98.7 k" in page.locator('.gn[data-path="model"]').inner_text()
    page.locator(".vgraph .find").fill("stage3 batchnorm")
    until(page, "document.querySelectorAll('.gn').length === 4")
    page.locator('[data-path="op model.stage3.norm.batchnorm2d"]').click()
    assert "model.stage3.conv.conv2d" in page.locator(".node").inner_text()


def test_a_confusion_matrix_shows_counts_and_rates(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="confusion_matrix", tag="confusion/digits"))
    assert page.locator(".cm td").count() == 100
    sizes = page.evaluate("[...document.querySelectorAll('.cm td')].map(one => `${one.offsetWidth} x ${one.offsetHeight}`)")
    assert len(set(sizes)) == 1
    count = int(page.locator(".cm td").first.inner_text())
    assert count > 1
    page.get_by_label("numbers of the cells").select_option("row")
    until(page, "document.querySelector('.cm td').textContent.startsWith('.')")
    assert 0 < float(page.locator(".cm td").first.inner_text()) <= 1


def test_a_long_table_goes_on_by_pages(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="table", tag="long"))
    assert page.locator(".tablebox tbody tr").count() == 1000
    page.get_by_role("button", name="Later rows").click()
    until(page, "document.querySelector('.tablebox tbody td').innerText === '1,000'")
    page.get_by_role("button", name="Later rows").click()
    until(page, "document.querySelectorAll('.tablebox tbody tr').length === 500")
    assert page.get_by_role("button", name="Later rows").is_disabled()


# -------------------------------------------------------------------------------------- what a run cannot do to people


def test_html_svg_and_markdown_of_a_run_run_nothing_and_ask_nobody(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="text"))  # its fixture fails on any request to another place
    assert page.locator("iframe.sandbox").get_attribute("sandbox") == ""
    assert "Report at 1900" in page.frame_locator("iframe.sandbox").locator("h2").inner_text()
    assert "<script>window.stolen = true</script> stays text" in page.locator(".md blockquote").inner_text()
    assert page.locator('.md a[href^="javascript"]').count() == 0
    tab(page, "image")
    assert page.locator("iframe.sandbox").get_attribute("sandbox") == ""
    until(page, "document.querySelector('iframe.sandbox').srcdoc.includes('data:image/svg')")
    time.sleep(0.3)
    assert page.evaluate("window.stolen") is None


def test_a_figure_is_drawn_by_the_boards_own_plotly_without_addresses(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="figure"))
    until(page, "document.querySelector('.plotly .main-svg')")
    assert page.locator(".plotly .scatterlayer .trace").count() == 1
    assert page.locator(".plotly image[*|href*='example.org']").count() == 0
    assert "taken out" in page.locator(".pn footer").first.inner_text()


def test_a_damaged_figure_says_so_and_the_page_goes_on(root: Root, open_page: Open) -> None:
    page = open_page(root.url("second", tab="figure"), broken=True)
    assert "no JSON" in page.locator("#run-body .msg").inner_text()
    tab(page, "image")
    assert page.locator(".tile img").count() == 2


# --------------------------------------------------------------------------------------------------------- it is live


def test_a_new_point_appears_while_the_newest_is_followed_and_not_otherwise(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    step = page.evaluate("Math.max(...crossboard.run.panels()[0].series.step)")
    root.live.put(TextPoint(tag="diary", step=step + 1, wall_time=time.time(), texts=["a new day"]))
    until(page, "document.querySelector('.texts').innerText.includes('a new day')")
    page.keyboard.press("[")
    until(page, f"crossboard.state.step === '{step}'")
    settle(page)
    stays = page.locator(".texts").inner_text()
    root.live.put(TextPoint(tag="diary", step=step + 2, wall_time=time.time(), texts=["yet another"]))
    until(page, f"crossboard.run.panels()[0].series.step.includes({step + 2})")
    time.sleep(0.3)
    assert page.locator(".texts").inner_text() == stays
    page.get_by_role("button", name="Newest").click()
    until(page, "document.querySelector('.texts').innerText.includes('yet another')")


def put_and_wait(root: Root, page: Page, text: str) -> None:
    """Log one more text and wait until the board knows it."""
    before = page.evaluate("crossboard.run.panels()[0].series.version") if page.evaluate("Boolean(crossboard.run)") else 0
    root.live.put(TextPoint(tag="diary", step=int(1000 * time.time()), wall_time=time.time(), texts=[text]))
    query = urllib.parse.urlencode({"run": root.keys["nothing"], "kind": "text", "tag": "diary"})
    end = time.monotonic() + 15
    while json.load(urllib.request.urlopen(f"{root.board.url}api/points?{query}"))["version"] <= before:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_point_that_comes_while_the_points_are_read_is_read_too(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    until(page, "crossboard.live.heard")
    held: list[Any] = []

    def hold(route: Any) -> None:
        if held or "first=" in route.request.url:
            route.continue_()
            return
        answer = route.fetch()
        held.append(answer)
        put_and_wait(root, page, "written meanwhile")
        time.sleep(0.5)  # so that the news of it is there before the older answer
        route.fulfill(response=answer)

    page.route("**/api/points*", hold)
    page.evaluate("void crossboard.run.panels()[0].series.refresh()")
    until(page, "document.querySelector('.texts').innerText.includes('written meanwhile')")
    assert held


def test_a_point_that_comes_before_the_stream_is_open_is_read_too(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    page.add_init_script("delete window.SharedWorker")  # whose requests cannot be held back
    held: list[Any] = []
    page.route("**/api/events*", lambda route: held.append(route))
    page.reload()
    until(page, READY, timeout_s=30)
    assert not page.evaluate("crossboard.live.heard")
    put_and_wait(root, page, "before anybody listened")
    assert not page.evaluate("document.querySelector('.texts').innerText.includes('before anybody listened')")
    for route in held:
        route.continue_()
    until(page, "document.querySelector('.texts').innerText.includes('before anybody listened')")


def test_a_new_tag_of_a_new_kind_gets_its_tab(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing"))
    EVERY.every_point(root.live, 5, time.time())
    until(page, "document.querySelector('#run-tab-mesh')")
    tab(page, "mesh")
    assert page.locator(".vmesh canvas").count() == 2


# ------------------------------------------------------------------------------------------- large, narrow, accessible


def test_three_hundred_steps_are_read_in_ranges(root: Root, open_page: Open) -> None:
    asked: list[str] = []
    page = open_page(root.url("second"))
    page.on("request", lambda request: asked.append(request.url) if "api/points" in request.url and "many" in request.url else None)
    tab(page, "image")
    index = [url for url in asked if "first=" not in url]
    assert len(index) == 1
    assert len(asked) <= 4
    page.evaluate("crossboard.steps.choose(150)")
    settle(page)
    assert len(asked) <= 7


# ------------------------------------------------------------------------------------------------- edited in place


def told(root: Root, run: str) -> Any:
    with urllib.request.urlopen(root.board.url + "api/runs") as answer:
        return next(one for one in json.load(answer)["runs"] if one["key"] == root.keys[run])


def until_told(root: Root, run: str, field: str, wanted: Any) -> None:
    end = time.monotonic() + 20
    while told(root, run)[field] != wanted:
        assert time.monotonic() < end, told(root, run)[field]
        time.sleep(0.05)


def test_name_tags_group_and_notes_are_edited_in_place_and_taken_back(root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks"))
    page.keyboard.press("F2")
    page.locator("#edit-name").fill("vit-b16 renamed")
    page.keyboard.press("Escape")
    assert page.locator("h1:visible").inner_text() == "vit-b16 ddp"
    page.keyboard.press("F2")
    page.locator("#edit-name").fill("vit-b16 renamed")
    page.keyboard.press("Enter")
    until_told(root, "ranks", "name", "vit-b16 renamed")
    until(page, "document.title.startsWith('vit-b16 renamed')")
    page.locator("#run-undo").click()
    until_told(root, "ranks", "name", "vit-b16 ddp")
    page.locator("#add-tag").click()
    page.locator("#edit-tags").fill("paper, ddp")
    page.keyboard.press("Enter")
    until_told(root, "ranks", "tags", ["ddp", "paper"])
    page.get_by_role("button", name="Take tag ddp away").click()
    until_told(root, "ranks", "tags", ["paper"])
    page.locator("#regroup").click()
    page.locator("#edit-group").fill("vit")
    page.keyboard.press("Enter")
    until_told(root, "ranks", "group", "vit")
    page.locator("#edit-the-notes").click()
    page.locator("#edit-notes").fill("**amp** from <img src=x onerror=alert(1)> step 900")
    page.keyboard.press("Control+Enter")
    until(page, "document.querySelector('#ov-notes strong')")
    assert page.locator("#ov-notes .note").inner_text() == "amp from <img src=x onerror=alert(1)> step 900"
    until_told(root, "ranks", "notes", "**amp** from <img src=x onerror=alert(1)> step 900")


# ---------------------------------------------------------------------------------------- what tells about the run


def test_the_config_stands_beside_that_of_another_run_by_link(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="config", tag=root.keys["ranks"]))
    until(page, "document.querySelector('#config-count').textContent === '21 keys, 6 differ'")
    assert page.locator("#config-table mark.changed").all_inner_texts() == ["resnet20", "vit-b16"]
    page.locator("#config-only").click()
    assert page.locator("#config-table tbody td.ckey").all_inner_texts() == ["name", "depth", "width", "kind", "bias", "world_size"]
    page.locator("#config-find").fill("head bias")
    assert page.locator("#config-table tbody td.ckey").all_inner_texts() == ["bias"]
    page.locator("#config-other").select_option("")
    until(page, "!crossboard.state.tag && document.querySelectorAll('#config-table mark').length === 0")
    base = open_page(root.url("first", base=str(page.evaluate(f"crossboard.view.mark({root.keys['ranks']!r})"))))
    assert base.locator("#ov-config mark").count() == 5
    base.locator("#ov-config .differ").click()
    until(base, f"crossboard.state.tab === 'config' && crossboard.state.tag === {root.keys['ranks']!r}")


def test_attempts_and_ranks_are_a_timeline_over_steps_and_over_time(root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks"))
    assert page.locator("#ov-attempts .ab[role=img]").count() == 6
    assert page.locator("#ov-attempts .tail").count() == 4
    left = "[...document.querySelectorAll('#ov-attempts .ab[role=img] i:first-child')].map(one => parseFloat(one.style.left))"
    assert [round(one, 1) for one in page.evaluate(left)] == [0, 0, 20.1, 20.1, 45.1, 45.1]
    page.locator("#ov-attempts").get_by_role("button", name="Time").click()
    assert page.evaluate(left)[4] > 70
    page.locator("#older-on-charts").click()
    until(page, "crossboard.state.tab === 'charts' && crossboard.state.old.has('train/loss')")


def test_events_are_filtered_and_lead_to_their_step(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="events"))
    until(page, "document.querySelectorAll('.ev').length === 6")
    page.locator("#event-sorts").get_by_role("button", name="Status").click()
    assert page.locator(".ev .ft").all_inner_texts() == ["Attempt 2 finished", "Attempt 2 began", "Attempt 1 began"]
    page.locator("#event-sorts").get_by_role("button", name="All").click()
    page.locator("#event-find").fill("above 1")
    page.get_by_role("button", name="step 400").click()
    until(page, "crossboard.state.tab === 'charts' && crossboard.state.zoom.has('train/loss')")
    low, high = page.evaluate("crossboard.state.zoom.get('train/loss')")
    assert low < 400 < high
    assert high - low < 250


def test_files_are_listed_with_sizes_and_downloaded_as_they_are(root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks", tab="files"))
    until(page, "document.querySelectorAll('#file-list tbody tr').length > 5")
    rows = page.locator("#file-list tbody tr").all_inner_texts()
    assert any(row.startswith("checkpoint-1995.pt\tcheckpoint\t7.00 kB") for row in rows), rows
    page.locator("#file-find").fill("yaml")
    with page.expect_download() as download:
        page.locator("#file-list a").click()
    assert download.value.suggested_filename == "config.yaml"
    assert download.value.path().read_text() == "lr: 0.1\n"
    tab(page, "config")
    assert "checkpoint" in page.locator("#config-table").inner_text()


def test_a_hundred_thousand_lines_are_a_list_of_what_is_on_the_screen(root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks", tab="console"))
    last = "[...document.querySelectorAll('.clines .ln:not(.wait)')].pop()"
    until(page, f"{last} && {last}.innerText.includes('grad norm')")
    assert page.locator("#console-count").inner_text() == "100,002 lines"
    assert page.evaluate("document.querySelectorAll('.clines .ln').length") < 150
    assert page.locator(".clines .a-yellow").last.inner_text() == "WARNING"
    page.evaluate("document.querySelector('#console-lines').scrollTop = 60000 * 19")
    until(page, "[...document.querySelectorAll('.clines .no')].some(one => one.textContent === '60,001')")
    assert page.locator("#console-follow").get_attribute("aria-pressed") == "false"
    page.locator("#console-filter").fill("step  1234 ")
    until(page, "document.querySelector('#console-hits').textContent === '2 of 2 hits'")
    until(page, "document.querySelector('.clines .hit mark')")
    page.keyboard.press("Shift+Enter")
    until(page, "document.querySelector('#console-hits').textContent === '1 of 2 hits'")
    until(page, "document.querySelector('.clines .hit') && document.querySelector('.clines .hit').innerText.includes('rank 0')")
    page.locator("#console-only").click()
    until(page, "document.querySelector('#console-count').textContent === '2 of 100,002 lines'")
    page.locator("#console-rank").select_option("1")
    until(page, "document.querySelector('#console-count').textContent === '1 of 100,002 lines'")
    assert "rank=1" in str(page.locator("#console-save").get_attribute("href"))


def test_the_newest_line_is_followed_until_somebody_looks_back(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="console"))
    root.live.put(ConsoleLines(wall_time=time.time(), stream="stdout", lines=[f"line {n} <b>" for n in range(200)]))
    until(page, "document.querySelector('.clines').innerText.includes('line 199 <b>')")
    page.evaluate("document.querySelector('#console-lines').scrollTop = 0")
    until(page, "document.querySelector('#console-follow').getAttribute('aria-pressed') === 'false'")
    root.live.put(ConsoleLines(wall_time=time.time(), stream="stdout", lines=["one more"]))
    until(page, "document.querySelector('#console-count').textContent === '201 lines'")
    assert page.evaluate("document.querySelector('#console-lines').scrollTop") == 0
    page.locator("#console-follow").click()
    until(page, "document.querySelector('.clines').innerText.includes('one more')")


def test_the_system_tab_draws_ranks_beside_each_other_over_step_and_time(root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks", tab="system"))
    until(page, "document.querySelectorAll('#system-charts .sysc').length === 12 && crossboard.systemCharts.charts()[0].at")
    heads = page.locator("#system-charts .sysc header").all_inner_texts()
    assert [head.split(" ")[0] for head in heads[:3]] == ["Throughput", "CPU,", "CPU,"]
    gpu = "crossboard.systemCharts.charts().find(one => one.group.title === 'GPU').drawn"
    assert page.evaluate(f"[...new Set({gpu}.map(one => `${{one.name}} ${{one.colour}}`))].length") == 2
    assert "before the first step" in page.locator("#system-charts").inner_text()
    page.locator("#system-x").get_by_role("button", name="Wall").click()
    until(page, "crossboard.state.x === 'wall' && crossboard.runSystem.answer().x === 'wall'")
    assert "before the first step" not in page.locator("#system-charts").inner_text()
    chart = page.locator(".sysc").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.tip') && !document.querySelector('.tip').hidden")
    box = chart.locator(".over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=3)
    page.mouse.up()
    near = "crossboard.systemCharts.charts().filter(one => one.near && one.at)"
    until(
        page,
        f"document.querySelector('#system-unzoom') && {near}.length && {near}.every(one => one.at.x0 === crossboard.runSystem.zoom()[0])",
    )
    page.keyboard.press("z")
    until(page, "!document.querySelector('#system-unzoom')")
    page.locator("#system-apart").click()
    until(page, "crossboard.state.tag === 'ranks' && document.querySelectorAll('.rankgrid>.card').length === 24")
    assert page.locator(".rankgrid .lacks").count() == 4
    assert [one.split("\n")[0] for one in page.locator(".difff summary").all_inner_texts()] == ["train.py +2 −1", "model.py +1 −1"]
    assert "torch" in page.locator('section[aria-label="packages"]').inner_text()
    assert "H100" in page.locator('section[aria-label="host"]').inner_text()


def test_a_run_without_samples_says_so_and_has_its_throughput(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="system"))
    until(page, "document.querySelectorAll('#system-charts .sysc').length === 1")
    assert "No samples of the machine" in page.locator("#system-charts").inner_text()
    assert page.locator("#system-charts .sysc header").inner_text().startswith("Throughput")


LIGHT = [
    "",
    "image",
    "histogram",
    "text",
    "table",
    "graph",
    "pr_curve",
    "embedding",
    "tensor",
    "console",
    "system",
    "config",
    "events",
    "files",
]
DARK = ["", "table", "confusion_matrix", "graph", "system"]


@pytest.mark.parametrize(("kind", "scheme", "width"), [*((kind, "light", 1440) for kind in LIGHT), *((kind, "dark", 390) for kind in DARK)])
def test_axe_finds_nothing_serious_on_the_run_page(kind: str, scheme: str, width: int, root: Root, open_page: Open) -> None:
    page = open_page(root.url("ranks" if kind in ("system", "console") else "first", tab=kind), scheme=scheme, width=width)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
