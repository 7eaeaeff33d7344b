"""No route of the board is open: all that the app has are walked, data, Dash's own, assets, Visdom's and websockets, and each is tried
as another site, another host and one without a key would. A route that is added is walked with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import crossboard as cb
from crossboard.dashboard.app import create_app
from crossboard.dashboard.bounds import MOST_BODY
from crossboard.exporters import table_exporters
from crossboard.receiving import visdom_receiver
from crossboard.store.embedded import EmbeddedStore
from crossboard.wiring import sources_for

SECRET = "the secret of this board"
HOST = "localhost:8123"
BEARER = {"Authorization": f"Bearer {SECRET}"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

ATTACKS = {
    "another host": {"Host": "evil.example"},
    "a host that begins like ours": {"Host": "localhost.evil.example:8123"},
    "another machine's address": {"Host": "10.0.0.7:8123"},
    "another site": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://localhost:3000"},
    "a sandboxed frame": {"Origin": "null"},
    "a fetch from another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a fetch from a sister site": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    "a frame of another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
}
KEYLESS: dict[str, dict[str, str]] = {
    "nothing": {},
    "a guessed session": {"Cookie": "crossboard-8123=guess"},
    "bytes that are no text": {"Cookie": "crossboard-8123=\xff\xfe"},
    "a guessed secret": {"Authorization": "Bearer guess"},
    "the secret in another scheme": {"Authorization": f"Basic {SECRET}"},
}


class Place(NamedTuple):
    """One thing that can be asked: a method, or "WEBSOCKET", and a path."""

    method: str
    path: str


def places(routes: Iterable[BaseRoute], base: str = "") -> Iterator[Place]:
    """Every method and path of `routes`; a parameter is filled with what a path may hold."""
    for route in routes:
        if isinstance(route, Mount):
            inner = list(route.routes)
            yield from places(inner, base + route.path) if inner else [Place("GET", f"{base}{route.path}/10-core.js")]
        elif isinstance(route, Route):
            for method in route.methods or {"GET", "POST"}:
                yield Place(method, filled(base + route.path))
        elif isinstance(route, WebSocketRoute):
            yield Place("WEBSOCKET", filled(base + route.path))
        else:
            raise AssertionError(f"a route of a sort that this walk does not know: {route!r}")


def filled(path: str) -> str:
    path = re.sub(r"\{\w+:path\}", "some/where", path)
    return re.sub(r"\{\w+\}", "some", path if path.startswith("/") else f"/{path}")


class Walked(NamedTuple):
    """A board and everything that it answers."""

    client: TestClient
    places: list[Place]


@pytest.fixture(scope="module", params=["", "/proxy/8123"])
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """A board as the command makes it: over a run, with exporters and Visdom's protocol."""
    root = tmp_path_factory.mktemp("runs")
    with cb.init(project="p", name="r", dir=root, system=False) as run:
        run.log({"loss": 1.0}, step=0)
    receiver, _ = visdom_receiver([str(root)])
    store = EmbeddedStore(sources_for([root]), memory=True)
    app = create_app(store, token=SECRET, receivers=[receiver], exporters=table_exporters(), base_path=request.param)
    with TestClient(app.server, base_url=f"http://{HOST}", follow_redirects=False) as client:  # Dash adds routes when it starts
        routes = [*app.server.routes, *(route for layer in app.server.user_middleware for route in layer.kwargs.get("routes", ()))]
        found = sorted(set(places(routes)))
        base = request.param
        for wanted in (
            Place("GET", f"{base}/"),
            Place("GET", f"{base}/api/events"),
            Place("GET", f"{base}/api/blob/some/where/some"),
            Place("POST", f"{base}/api/edit"),
            Place("POST", f"{base}/api/delete"),
            Place("POST", f"{base}/api/pane-event"),
            Place("GET", f"{base}/assets/10-core.js"),
            Place("POST", f"{base}/_dash-update-component"),
            Place("POST", f"{base}/upload_env"),
            Place("WEBSOCKET", f"{base}/vis_socket"),
            Place("WEBSOCKET", f"{base}/_dash-ws-callback"),
        ):
            assert wanted in found, f"the walk has lost {wanted}"
        yield Walked(client, found)
    store.close()


def ask(board: Walked, place: Place, headers: dict[str, str]) -> tuple[int, Any]:
    """The status of the answer; for a websocket that of its refusal, 101 when it was let in."""
    board.client.cookies.clear()
    raw: Any = {name: value.encode("latin-1") for name, value in {"Host": HOST, **headers}.items()}
    if place.method != "WEBSOCKET":
        answer = board.client.request(place.method, f"http://{HOST}{place.path}", headers=raw)
        return answer.status_code, answer
    try:
        with board.client.websocket_connect(place.path, headers={"Host": HOST, **headers}):
            return 101, None
    except WebSocketDisconnect as refusal:
        return int(str(refusal.reason).rpartition(" ")[2]), None


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_route_answers_another_site_or_host_even_with_the_key(board: Walked, attack: str) -> None:
    told = {place: ask(board, place, {**BEARER, **ATTACKS[attack]}) for place in board.places}
    assert {place: status for place, (status, _) in told.items() if status != 403} == {}
    for place, (_, answer) in told.items():
        if answer is not None:
            assert "access-control-allow-origin" not in answer.headers, place
            assert "set-cookie" not in answer.headers, place


@pytest.mark.parametrize("keyless", KEYLESS)
def test_no_route_answers_without_a_key(board: Walked, keyless: str) -> None:
    headers = KEYLESS[keyless] if not any("\xff" in value for value in KEYLESS[keyless].values()) else None
    told = {}
    for place in board.places:
        if headers is None and place.method == "WEBSOCKET":
            continue  # its client takes texts only
        told[place] = ask(board, place, KEYLESS[keyless])
    base = min(place.path for place in board.places if place.path.endswith("/"))[:-1]
    login = Place("POST", f"{base}/")  # Visdom's: it takes the secret in its own way, and nobody has a key before it
    assert told.pop(login)[0] == 400  # no password was in it
    assert {place: status for place, (status, _) in told.items() if status != 401} == {}


def test_every_answer_is_nothing_that_a_browser_would_run_keep_or_guess(board: Walked) -> None:
    for place in board.places:
        if place.method == "WEBSOCKET" or (place.method == "GET" and place.path.endswith("/api/events")):
            continue  # a stream that does not end; tests/test_events.py asks it
        for headers in ({}, BEARER):
            status, answer = ask(board, place, headers)
            assert answer is not None
            told = answer.headers
            assert told["x-content-type-options"] == "nosniff", place
            assert told["referrer-policy"] == "no-referrer", place
            assert told["cross-origin-resource-policy"] == "same-origin", place
            assert told["cross-origin-opener-policy"] == "same-origin", place
            policy = told["content-security-policy"]
            assert "unsafe-eval" not in policy, place
            assert not re.search(r"https?:|\*", policy), place
            assert re.search(r"default-src '(none|self)'", policy), place
            assert not re.search(r"script-src[^;]*unsafe-inline", policy), place
            if "/assets/" not in place.path or status >= 400:
                assert told["cache-control"] == "no-store" or "_dash-component-suites" in place.path, place


def test_another_method_than_a_route_has_is_405_or_404_and_never_an_error_of_ours(board: Walked) -> None:
    known = {path: {place.method for place in board.places if place.path == path} for path in {place.path for place in board.places}}
    for path, methods in known.items():
        for method in METHODS:
            if method in methods or (method == "HEAD" and "GET" in methods):
                continue
            status, _ = ask(board, Place(method, path), BEARER)
            assert status in (404, 405), (method, path, status)


ODD = [
    "/../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..%5c..%5capp.py",
    "/%00",
    "/%ff%fe",
    "/%0d%0aSet-Cookie:%20a=b",
    "//evil.example/",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("odd", ODD)
def test_no_path_leads_out_of_the_board(board: Walked, odd: str) -> None:
    base = "/proxy/8123" if any(place.path.startswith("/proxy") for place in board.places) else ""
    fronts = (
        "",
        "/assets",
        "/api",
        "/api/blob",
        "/api/export",
        "/_dash-component-suites/dash",
        "/_dash-component-suites",
        "/env",
        "/compare",
    )
    for front in fronts:
        status, answer = ask(board, Place("GET", base + front + odd), BEARER)
        assert answer is not None
        if status == 303:  # Visdom's own addresses lead to the page of panes
            assert answer.headers["location"].startswith(f"{base}/?page=panes"), front
        else:
            assert status == 404, (front, status)
        assert b"root:" not in answer.content, front
        assert "set-cookie" not in answer.headers, front


def test_a_body_has_an_end_whether_its_length_is_declared_or_not(board: Walked) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(2 + MOST_BODY // (1 << 20)):
            yield b"[" * (1 << 20)

    posts = [place for place in board.places if place.method == "POST" and "/api/" in place.path and "pane-event" not in place.path]
    assert len(posts) > 3
    for place in [*posts, Place("POST", posts[0].path.partition("/api/")[0] + "/_dash-layout")]:
        for body in ({"content": pieces()}, {"content": b"[" * (MOST_BODY + 1)}):
            answer = board.client.post(place.path, headers={**BEARER, "Content-Type": "application/json"}, **body)
            reads = not place.path.endswith(("/open", "/_dash-layout"))  # a route that reads no body says so or answers
            assert answer.status_code == 413 if reads else answer.status_code in (200, 405, 413), place


def test_a_board_without_callbacks_has_no_place_for_any(board: Walked) -> None:
    path = next(place.path for place in board.places if place.path.endswith("/_dash-update-component"))
    for content in (b"{", b"null", b'{"output": "a.b", "inputs": []}'):
        answer = board.client.post(path, content=content, headers={**BEARER, "Content-Type": "application/json"})
        assert answer.status_code == 404
        assert set(answer.json()) == {"error", "next"}
    with (
        pytest.raises(WebSocketDisconnect) as refusal,
        board.client.websocket_connect(path.replace("update-component", "ws-callback"), headers={**BEARER, "Host": HOST}),
    ):
        pass
    assert refusal.value.reason == "no such path"


def test_what_is_asked_with_head_has_the_head_of_get_and_ends(board: Walked) -> None:
    for place in board.places:
        if place.method == "GET" and "some" not in place.path:
            status, answer = ask(board, Place("HEAD", place.path), BEARER)
            assert answer is not None
            if place.path.endswith("/api/events"):
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert status == 200
            elif not place.path.endswith("/socket_wrap"):
                assert status == ask(board, place, BEARER)[0], place


def test_a_form_without_a_boundary_or_a_length_is_refused_in_words(board: Walked) -> None:
    path = next(place.path for place in board.places if place.path.endswith("/upload_env"))
    answer = board.client.post(path, content=b"{}", headers={**BEARER, "Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["error"]) == (400, "Missing boundary in multipart.")
    answer = board.client.post(path, content=iter([b"--x", b"--"]), headers={**BEARER, "Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, answer.json()["error"]) == (411, "want a Content-Length")
