"""A link reopens the same view, in real Chromium: every parameter of the address is read, does what it says, stands in the
address again and survives a reload. The parameters are read from the scripts that write them, so that none can be forgotten here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest

import mixed_root
from browser import Board, Open, settle

pytestmark = pytest.mark.browser

ASSETS = Path(__file__).parents[1] / "dashboard" / "assets"
MARK = "crossboard.view.mark"
SHOWN = "crossboard.board.visible.map(run => run.name)"


def colour(name: str) -> str:
    return f"crossboard.plot.look(crossboard.board.order.find(run => run.name === {name!r}).slot).colour"


Query = list[tuple[str, str]]
Claims = list[str]

VIEWS: dict[str, tuple[Query, Claims]] = {
    "axes and cards": (
        [
            ("x", "relative"),
            ("tags", "loss"),
            ("smooth", "ema:0.6"),
            ("log", "train/loss"),
            ("old", "train/loss"),
            ("closed", "val"),
            ("expr", "train/loss * 2"),
            ("theme", "dark"),
            ("join", "off"),
            ("project", "digits"),
        ],
        [
            "document.querySelector('#x-axis input:checked').value === 'relative'",
            "document.getElementById('tag-filter').value === 'loss'",
            "crossboard.grid.cards.get('train/loss').behind.length > 0",
            "crossboard.grid.cards.get('train/loss').at.log === true",
            "crossboard.grid.cards.get('train/loss').drawn.some(one => one.older)",
            "document.querySelector('.sec[aria-label=val]').classList.contains('closed')",
            "crossboard.grid.cards.get('=train/loss * 2').drawn.length > 0",
            "document.documentElement.dataset.mantineColorScheme === 'dark'",
            "document.querySelector('#project-choice select').value === 'digits'",
            "crossboard.board.families.length === 0",
        ],
    ),
    "what is looked at": (
        [
            ("zoom", "30~90~train/loss"),
            ("sel", "40~80~train/loss"),
            ("regex", "1"),
            ("tags", "^(train/l|val)"),
            ("card", "tag=train%2Flr&logx=1"),
            ("large", "train/lr"),
            ("marks", "off"),
            ("with", "tag=val%2Floss&tag=val%2Faccuracy"),
            ("top", "train/lr"),
            ("move", "card=train%2Flr&before=train%2Floss"),
        ],
        [
            "crossboard.grid.cards.get('train/loss').inWindow",
            "document.querySelectorAll('#range-table tbody tr').length > 0",
            "[...crossboard.grid.cards.keys()].every(name => /train.l|val/.test(name))",
            "crossboard.grid.cards.get('train/lr').at.logx",
            "document.querySelector('dialog.large')",
            "document.querySelector('.cc').card.name === 'train/lr'",
            "[...crossboard.grid.cards.values()].some(card => card.tags.length === 2 && card.tags.includes('val/accuracy'))",
        ],
    ),
    "which runs": (
        [
            ("runs", "lr = 0.1 or name = 'goes on'"),
            ("hide", "{cnn lr 0.1 seed 0}"),
            ("pin", "{cnn lr 0.1 seed 2}"),
            ("base", "{cnn lr 0.1 seed 1}"),
            ("sort", "high"),
            ("metric", "val/accuracy.max"),
            ("rail", "group"),
            ("groups", "no group"),
            ("colour", "lr"),
            ("dash", "seed"),
        ],
        [
            f"!{SHOWN}.includes('cnn lr 0.1 seed 0') && {SHOWN}.includes('cnn lr 0.1 seed 1')",
            "document.querySelector('.rr .name').textContent === 'cnn lr 0.1 seed 2'",
            "crossboard.headline.words().includes('val/accuracy')",
            "[...document.querySelectorAll('.gh b')].some(one => one.textContent === 'cnn 0.1')",
            f"{colour('cnn lr 0.1 seed 1')} === {colour('cnn lr 0.1 seed 2')}",
        ],
    ),
    "one run alone": ([("only", "{cnn lr 0.01 seed 1}")], [f"{SHOWN}.join() === 'cnn lr 0.01 seed 1'"]),
    "one source": ([("src", "tensorboard")], [f"{SHOWN}.sort().join() === 'fit/train,fit/validation,writer'"]),
    "groups": (
        [("bands", "config:lr"), ("stat", "median"), ("band", "iqr"), ("interp", "1")],
        [
            "crossboard.grid.cards.get('train/loss').drawn.filter(one => one.band).length > 1",
            "document.getElementById('bands-by').value === 'config:lr'",
            "document.getElementById('bands-interpolate').getAttribute('aria-pressed') === 'true'",
        ],
    ),
    "a thing of a run": (
        [("run", "[resnet20-sgd s0]"), ("tab", "image"), ("tag", "samples/digits"), ("step", "700")],
        ["document.querySelectorAll('.pn').length === 1", "document.querySelector('.pn footer').innerText.includes('step 700')"],
    ),
    "panes": (
        [("page", "panes"), ("env", "[main]"), ("find", "loss"), ("pane", "[main]\nloss")],
        ["crossboard.panes.all().length === 1", "crossboard.panes.all().some(pane => pane.large)"],
    ),
    "a page of a kind": (
        [("page", "images"), ("find", "samples"), ("step", "700"), ("set", "size:S")],
        [
            "crossboard.kinds.tiles().every(tile => tile.series.tag.startsWith('samples'))",
            "document.querySelector('#run-steps').innerText.includes('700')",
        ],
    ),
    "the table": (
        [
            ("page", "runs"),
            ("q", "lr > 0"),
            ("col", "*name"),
            ("col", "config.lr"),
            ("col", "config.seed"),
            ("order", "-config.lr"),
            ("filter", 'config.seed={"filterType":"number","type":"lessThan","filter":2}'),
            ("by", "config.lr"),
            ("agg", "median"),
            ("shut", "lr = 0.01"),
            ("archived", "1"),
            ("same", "1"),
        ],
        [
            "crossboard.table.api.getColumnState().filter(one => !one.hide).map(one => one.colId).includes('config.seed')",
            "crossboard.table.api.getColumnState().find(one => one.colId === 'config.lr').sort === 'desc'",
            "Object.keys(crossboard.table.api.getFilterModel()).join() === 'config.seed'",
        ],
    ),
}


def parameters() -> set[str]:
    """Names of all parameters that the scripts read from the address."""
    found: set[str] = set()
    for name in ("16-state.js", "15-table.js"):
        text = (ASSETS / name).read_text(encoding="utf-8")
        found |= set(re.findall(r"q\.(?:get|getAll|has)\('(\w+)'\)", text))
        for names in re.findall(r"for \(const name of \[([^\]]+)\]\)[^\n]*q\.get", text):
            found |= set(re.findall(r"'(\w+)'", names))
    return found


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    root, paths, live = mixed_root.make(tmp_path_factory.mktemp("mixed"))
    with Board(root, tmp_path_factory.mktemp("cache"), runs=mixed_root.RUNS, paths=paths) as made:
        yield made
    live.finish()


def test_every_parameter_of_the_address_is_walked_here() -> None:
    found = parameters()
    assert {"x", "hide", "zoom", "env", "order", "shut", "interp"} <= found
    assert found - {name for query, _ in VIEWS.values() for name, _ in query} == set()


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_stands_as_its_link_says_and_after_a_reload_too(name: str, board: Board, open_page: Open) -> None:
    query, claims = VIEWS[name]
    keys = {one["name"]: one["key"] for one in board.ask("api/runs")["runs"]}
    page = open_page(board.url, broken=True)
    marks = dict(page.evaluate(f"crossboard.board.order.map(run => [run.name, {MARK}(run.key)])"))
    filled = [
        (key, re.sub(r"^\{(.+)\}|^\[(.+)\]", lambda found: marks[found[1]] if found[1] else keys[found[2]], value)) for key, value in query
    ]
    page.close()
    page = open_page(f"{board.url}?{urlencode(filled)}", expected=("404 (Not Found)", "422"))
    for time in ("opened", "reloaded"):
        for claim in claims:
            settle(page, claim)
        page.evaluate("crossboard.state.write()")
        assert sorted(parse_qsl(page.url.partition("?")[2])) == sorted(filled), f"{time}: {json.dumps(filled)}"
        if time == "opened":
            page.reload()
            settle(page)
