"""Cards arranged by a person, in real Chromium: joined and split, dragged and pinned; tags filtered; what happened marked on the curves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

import crossboard as cb
from browser import Board, Open, below, card, faults, foot, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


STEPS = 120
BOTH = "train/loss, val/loss"
JOINED = "crossboard.grid.cards.get('with:train/loss + val/loss')"
JOIN = "with=tag%3Dtrain%252Floss%26tag%3Dval%252Floss"
ORDER = (
    "[...document.querySelectorAll('.sec')].map(s => [s.getAttribute('aria-label'), [...s.querySelectorAll('.cc')].map(e => e.card.name)])"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, cb.Run]]:
    """The board over four runs: one is told to look after, one that was NaN for a while, one that was resumed, one that goes on."""
    root = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("calm", "lost")):
        with cb.init(project="p", name=name, dir=root, system=False, config={"seed": seed, "lr": 0.1}) as run:
            for step in range(STEPS):
                loss = math.nan if name == "lost" and 50 <= step < 60 else math.exp(-step / 40) + seed / 10
                run.log({"train/loss": loss, "train/acc": 1 - loss, "train/lr": 0.1, "val/loss": 0.2 + loss, "val/acc": 0.9}, step=step)
            if name == "calm":
                run.alert("plateau", "no gain for 40 steps", level="warn", step=80)
    first = cb.init(project="p", name="resumed", dir=root, system=False, config={"seed": 2, "lr": 0.2})
    for step in range(60):
        first.log({"train/loss": 0.8}, step=step)
    again = str(first.id)
    first.finish()
    with cb.init(project="p", resume=again, dir=root, system=False) as run:
        for step in range(40, STEPS):
            run.log({"train/loss": 0.6}, step=step)
    live = cb.init(project="p", name="live", dir=root, system=False, config={"seed": 3, "lr": 0.2})
    for step in range(10):
        live.log({"train/lr": 0.1}, step=step)
    board = Board(root, tmp_path_factory.mktemp("cache"), runs=4)
    board.start()
    yield board.url, live
    live.finish()
    board.stop()


@pytest.fixture
def open_page(open_page: Open, url: tuple[str, cb.Run]) -> Open:
    return below(open_page, url[0])


def settled(page: Page, expression: str = "true") -> None:
    """Wait until nothing is pending any more and `expression` holds."""
    until(page, f"crossboard.stats.pending === 0 && ({expression})")


def cards(page: Page, section: str) -> list[str]:
    found: dict[str, list[str]] = dict(page.evaluate(ORDER))
    return found.get(section, [])


def drag(page: Page, tag: str, onto: str, part: float) -> None:
    """Drag a card by its title to a part of another's width."""
    title, target = card(page, tag).locator(".t").bounding_box(), card(page, onto).bounding_box()
    page.mouse.move(title["x"] + 12, title["y"] + 8)
    page.mouse.down()
    page.mouse.move(target["x"] + target["width"] * part, target["y"] + 90, steps=4)
    page.mouse.up()


# ------------------------------------------------------------------------------------------------------- joined cards


def test_a_card_dropped_on_another_is_one_with_it_and_the_link_keeps_that_until_it_is_split(open_page: Open) -> None:
    page = open_page("?log=train/loss")
    drag(page, "val/loss", "train/loss", 0.5)
    settled(page, f"{JOINED} && {JOINED}.drawn.length === 5")
    assert cards(page, "train") == ["train/acc", BOTH, "train/lr"]
    looks = page.evaluate(f"{JOINED}.drawn.map(d => [d.run.name, d.curve.tag, d.colour, d.dash.length > 0])")
    assert {tag: dashed for _, tag, _, dashed in looks} == {"train/loss": False, "val/loss": True}
    assert len({colour for name, _, colour, _ in looks if name == "calm"}) == 1  # a run keeps its colour
    assert page.evaluate(f"{JOINED}.at.log")  # what was set for the card that it was dropped on
    box = card(page, BOTH).locator("canvas.over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "document.querySelector('.tip') && document.querySelector('.tip').textContent.includes('calm · val/loss')")
    until(page, "location.search.includes('with=')")
    again = open_page(page.evaluate("location.search"))
    settled(again, f"{JOINED} && {JOINED}.drawn.length === 5")
    card(again, BOTH).focus()
    again.keyboard.press("m")
    again.locator("#card-split").click()
    settled(again, "!location.search.includes('with=')")
    assert cards(again, "train") == ["train/acc", "train/loss", "train/lr"]
    assert cards(again, "val") == ["val/acc", "val/loss"]


def test_cards_are_joined_by_key_from_a_list_that_filters_and_a_tag_is_taken_out_again(open_page: Open) -> None:
    page = open_page("?expr=train/loss+*+2")
    card(page, "train/loss").focus()
    for words in ("val lo", "* 2"):
        page.keyboard.press("+")
        page.keyboard.type(words)
        until(page, "document.querySelectorAll('#join-list [role=option]').length === 1")
        assert faults(page) == []
        page.keyboard.press("Enter")
        settled(page)
    name = f"{BOTH}, train/loss * 2"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == f"{name}, chart"
    assert cards(page, "expressions") == []
    assert page.evaluate("document.activeElement.card.drawn.length") == 8
    page.keyboard.press("m")
    page.get_by_role("button", name="Take train/loss * 2 out of this card").click()
    settled(page, f"{JOINED} && {JOINED}.drawn.length === 5")
    assert cards(page, "expressions") == ["train/loss * 2"]


def test_a_joined_card_has_a_band_of_each_tag_and_a_line_of_the_baseline_for_each(open_page: Open) -> None:
    page = open_page(f"?{JOIN}&bands=config:lr")
    settled(page, f"{JOINED}.drawn.filter(d => d.band).length === 2")
    bands = page.evaluate(f"{JOINED}.drawn.filter(d => d.band).map(d => [d.run.name, d.curve.tag, d.dash.length > 0, d.curve.y[20]])")
    mean = math.exp(-20 / 40) + 0.05
    assert sorted(bands) == [
        ["lr = 0.1", "train/loss", False, pytest.approx(mean)],
        ["lr = 0.1", "val/loss", True, pytest.approx(mean + 0.2)],
    ]
    assert "n = 1 to 2" in foot(page, BOTH)
    mark = page.evaluate("crossboard.board.order.find(run => run.name === 'calm').mark")
    page = open_page(f"?{JOIN}&base={mark}&expr=val/loss+-+train/loss")
    told = page.evaluate(f"crossboard.looks.references({JOINED}).map(one => [one.tag, one.value, one.words])")
    last = math.exp(-(STEPS - 1) / 40)
    assert [one[:2] for one in told] == [["train/loss", pytest.approx(last)], ["val/loss", pytest.approx(0.2 + last)]]
    assert told[1][2] == f"calm, val/loss, last {0.2 + last:.4f}"
    made = page.evaluate("crossboard.looks.references(crossboard.grid.cards.get('=val/loss - train/loss'))[0].value")
    assert made == pytest.approx(0.2)
    card(page, BOTH).focus()
    page.keyboard.press("e")
    until(page, "document.querySelectorAll('.legend .lgtag').length === 2 && document.querySelectorAll('.legend .lr').length === 3")
    page.locator(".legend [data-of^=only]").first.click()
    settled(page, "crossboard.board.visible.length === 1")


# ------------------------------------------------------------------------------------------------------ order and pins


def test_cards_are_moved_and_pinned_by_drag_and_by_key_and_one_click_takes_it_back(open_page: Open) -> None:
    page = open_page("")
    before = page.evaluate(ORDER)
    drag(page, "train/lr", "train/acc", 0.04)
    settled(page)
    assert cards(page, "train") == ["train/lr", "train/acc", "train/loss"]
    drag(page, "val/acc", "train/loss", 0.96)  # another section: no place there, and the two are joined
    settled(page)
    assert cards(page, "train") == ["train/lr", "train/acc", "train/loss, val/acc"]
    page.evaluate("crossboard.arrangement.split('with:train/loss + val/acc')")
    card(page, "train/loss").focus()
    page.keyboard.press("<")
    assert cards(page, "train") == ["train/lr", "train/loss", "train/acc"]
    assert page.evaluate("document.activeElement.card.tag") == "train/loss"
    page.keyboard.press("f")
    page.keyboard.press(">")
    page.keyboard.press(">")
    assert cards(page, "train") == ["train/lr", "train/acc", "train/loss"]
    page.keyboard.press("p")
    card(page, "val/acc").focus()
    page.keyboard.press("p")
    page.keyboard.press("<")
    assert page.evaluate(ORDER)[0] == ["Pinned", ["val/acc", "train/loss"]]
    assert cards(page, "val") == ["val/loss"]
    settled(page, "location.search.includes('top=') && location.search.includes('move=')")
    again = open_page(page.evaluate("location.search"))
    assert again.evaluate(ORDER) == page.evaluate(ORDER)
    again.locator(".reset:visible").first.click()
    settled(again, "!location.search.includes('top=') && !location.search.includes('move=')")
    assert again.evaluate(ORDER) == before


def test_escape_lets_go_of_a_card_that_is_dragged(open_page: Open) -> None:
    page = open_page("")
    before = page.evaluate(ORDER)
    title, target = card(page, "train/lr").locator(".t").bounding_box(), card(page, "train/acc").bounding_box()
    page.mouse.move(title["x"] + 12, title["y"] + 8)
    page.mouse.down()
    page.mouse.move(target["x"] + 150, target["y"] + 90, steps=3)
    assert page.locator(".drop-join").count() == 1
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.locator(".drop-join, .dragghost, .dragged").count() == 0
    assert page.evaluate(ORDER) == before


# --------------------------------------------------------------------------------------------------------- tag filter


def test_tags_are_filtered_by_a_regular_expression_whose_faults_are_marked_in_place(open_page: Open) -> None:
    page = open_page("?tags=/^(TRAIN|val)/acc$/")
    assert [*cards(page, "train"), *cards(page, "val")] == ["train/acc", "val/acc"]
    assert page.locator("#bar-note").text_content() == "2 of 5 tags"
    page.locator("#tag-filter").fill("acc|l.$")
    until(page, "crossboard.grid.shown === 0")
    page.locator("#tag-regex").click()
    settled(page, "crossboard.grid.shown === 3")
    assert page.locator("#tag-regex").get_attribute("aria-pressed") == "true"
    page.locator("#tag-filter").fill("acc|(l.$")
    until(page, "document.getElementById('tag-wrong')")
    assert page.locator("#tag-wrong mark").text_content() == "("
    assert "the group is not closed by ), at character 5" in str(page.locator("#tag-wrong").text_content())
    assert page.locator("#tag-filter").get_attribute("aria-invalid") == "true"
    assert page.evaluate("crossboard.grid.shown") == 3  # what was right last
    until(page, "location.search.includes('regex=1') && location.search.includes('%28l')")
    again = open_page(page.evaluate("location.search"))
    assert again.locator("#tag-wrong").count() == 1
    again.locator("#tag-filter").fill("(o+)+(s*)*$")  # of which the browser's own engine would never come back
    settled(again, "!document.getElementById('tag-wrong') && crossboard.grid.shown === 2")


# --------------------------------------------------------------------------------------------------------------- marks


def test_alerts_restarts_and_the_first_nan_are_marked_where_they_happened_and_the_tooltip_tells(open_page: Open) -> None:
    page = open_page("")
    marked = "crossboard.grid.cards.get({tag!r}).marked.map(one => [one.kind, one.name, one.x]).sort()"
    want = [["alert", "calm", 80], ["lost", "lost", 50], ["restart", "resumed", 40]]
    settled(page, f"{marked.format(tag='train/loss')}.length === 3")
    assert page.evaluate(marked.format(tag="train/loss")) == want
    assert page.evaluate(marked.format(tag="val/loss")) == want[:2]
    assert page.evaluate(marked.format(tag="val/acc")) == want[:1]  # an alert stands on every card of its run
    assert "1 alert" in foot(page, "val/acc")
    box, here = card(page, "train/loss").locator("canvas.over").bounding_box(), "crossboard.grid.cards.get('train/loss')"
    for x, told in (
        (80, "warning: plateau, step 80 · calm"),
        (50, "first NaN, step 50 · lost"),
        (40, "attempt 2 begins, step 40 · resumed"),
    ):
        page.mouse.move(box["x"] + page.evaluate(f"{here}.at.X({x})"), box["y"] + 60)
        until(page, f"document.querySelector('.tip') && document.querySelector('.tip').textContent.includes({json.dumps(told)})")
    picture = ElementTree.fromstring(page.evaluate(f"crossboard.picture.svg({here})"))
    assert (
        len([one for one in picture.iter() if one.get("stroke-dasharray") == "1.5 2"]) == 2
    )  # the stems: of the restart, of the first NaN
    page.locator("#x-axis").get_by_text("Wall").click()
    settled(page, f"{here}.axis === 'wall' && {here}.marked.length === 3")
    card(page, "train/loss").focus()
    page.keyboard.press("m")
    page.locator("#card-marks").uncheck()
    settled(page, f"{here}.marked.length === 0 && crossboard.grid.cards.get('val/acc').marked.length === 1")
    page.locator("#card-marks-all").click()
    settled(page, "crossboard.grid.cards.get('val/acc').marked.length === 0 && location.search.includes('marks=off')")


def test_an_alert_of_a_run_that_goes_on_is_marked_without_asking(open_page: Open, url: tuple[str, cb.Run]) -> None:
    page = open_page("?runs=live")
    assert page.evaluate("crossboard.grid.cards.get('train/lr').marked.length") == 0
    url[1].alert("look here", step=5)
    until(page, "crossboard.grid.cards.get('train/lr').marked.map(one => one.words).join() === 'alert: look here, step 5'")


@pytest.mark.parametrize(("width", "height", "scheme"), [(390, 844, "light"), (2560, 1300, "dark")])
def test_nothing_serious_is_found_with_cards_joined_pinned_and_marked(open_page: Open, width: int, height: int, scheme: str) -> None:
    page = open_page(f"?{JOIN}&top=val/acc&tags=(loss&regex=1", width=width, height=height, scheme=scheme)
    card(page, BOTH).focus()
    page.keyboard.press("m")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
