"""The board's door: who is let in, who is not, and what every reply carries. Against the real app, in process."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from crossboard.dashboard.app import checked_base_path, create_app
from crossboard.dashboard.safety import Door, host_name
from crossboard.store.embedded import EmbeddedStore

SECRET = "the secret of this board"
BEARER = {"Authorization": f"Bearer {SECRET}"}


class Echo:
    """A receiver with one route of each sort."""

    def routes(self) -> list[BaseRoute]:
        async def greet(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text("hello")
            await socket.close()

        return [Route("/receive", lambda _: PlainTextResponse("taken"), methods=["POST"]), WebSocketRoute("/socket", greet)]


def client_of(**options: Any) -> TestClient:
    app = create_app(EmbeddedStore(memory=True), title="door", token=SECRET, receivers=[Echo()], **options)
    return TestClient(app.server, base_url="http://localhost:8123", follow_redirects=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of() as made:
        yield made


@pytest.fixture
def inside(client: TestClient) -> TestClient:
    """A browser that opened the board."""
    assert client.get(f"/?token={SECRET}").status_code == 303
    return client


# ------------------------------------------------------------------------------------------------------- the key


def test_without_a_key_a_page_says_how_to_get_one_and_data_says_it_in_json(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 401
    assert "Run <code>crossboard</code> again" in page.text
    data = client.get("/api/board")
    assert (data.status_code, set(data.json())) == (401, {"error", "next"})
    for path in ("/assets/00-tokens.css", "/_dash-layout", "/_dash-dependencies", "/_favicon.ico", "/api/events"):
        assert client.get(path).status_code == 401, path
    assert client.post("/api/edit", json={}).status_code == 401
    assert client.post("/_dash-update-component", json={}).status_code == 401
    assert client.post("/receive").status_code == 401


def test_a_one_time_token_becomes_a_strict_cookie_named_for_the_port_and_leaves_the_url(client: TestClient) -> None:
    answer = client.get(f"/?x=wall&token={SECRET}&tags=a%20b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?x=wall&tags=a+b"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("crossboard-8123=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert SECRET not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/board").status_code == 200


def test_a_token_opens_once() -> None:
    with client_of() as first:
        assert first.get(f"/?token={SECRET}").status_code == 303
        first.cookies.clear()
        again = first.get(f"/?token={SECRET}")
        assert again.status_code == 401
        assert "used already" in again.text


def test_a_browser_that_is_inside_may_follow_a_used_link(inside: TestClient) -> None:
    answer = inside.get(f"/?token={SECRET}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose"])
def test_a_prefetch_does_not_use_a_token_up(client: TestClient, header: str) -> None:
    assert client.get(f"/?token={SECRET}", headers={header: "prefetch;prerender"}).status_code == 401
    assert client.head(f"/?token={SECRET}").status_code == 401
    assert client.get(f"/?token={SECRET}").status_code == 303


def test_a_token_is_not_taken_by_data_routes(client: TestClient) -> None:
    assert client.get(f"/api/board?token={SECRET}").status_code == 401


def test_a_wrong_cookie_or_secret_stays_outside(client: TestClient) -> None:
    assert client.get("/api/board", headers={"Cookie": "crossboard-8123=guess"}).status_code == 401
    assert client.get("/api/board", headers={"Authorization": "Bearer guess"}).status_code == 401
    assert client.get("/api/board", headers={"Authorization": f"Basic {SECRET}"}).status_code == 401
    assert client.get("/api/board", headers=BEARER).status_code == 200


def test_the_cookie_of_another_port_is_not_taken(inside: TestClient) -> None:
    session = inside.cookies["crossboard-8123"]
    inside.cookies.clear()
    assert inside.get("/api/board", headers={"Cookie": f"crossboard-9000={session}"}).status_code == 401
    tunnel = {"Host": "localhost:9000", "Cookie": f"crossboard-9000={session}"}
    assert inside.get("/api/board", headers=tunnel).status_code == 200


def test_the_secret_gets_a_fresh_token_and_a_cookie_does_not(inside: TestClient) -> None:
    assert inside.post("/api/open").status_code == 401
    fresh = inside.post("/api/open", headers=BEARER).json()["token"]
    inside.cookies.clear()
    assert inside.get(f"/?token={fresh}").status_code == 303


def test_without_a_door_no_key_is_asked_for_but_host_and_origin_are() -> None:
    with client_of(ask_for_key=False) as client:
        assert client.get("/api/board").status_code == 200
        assert client.get("/?token=old&x=wall").headers["location"] == "/?x=wall"
        assert client.get("/api/board", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/api/board", headers={"Origin": "http://evil.example"}).status_code == 403


@given(st.text(max_size=30))
def test_only_what_was_minted_opens_a_door(token: str) -> None:
    door = Door("s")
    minted = door.mint()
    opened = door.redeem(token)
    assert (opened is not None) == (token in ("s", minted))
    session = door.redeem(minted)
    assert session is not None
    assert door.redeem(minted) is None
    assert door.knows(session)
    assert not door.knows(token)


# ----------------------------------------------------------------------------------------------- host and origin


@pytest.mark.parametrize("host", ["localhost:8123", "127.0.0.1:8123", "[::1]:8123", "LOCALHOST:8123", "localhost", "localhost:9999"])
def test_loopback_names_are_taken_on_any_port(client: TestClient, host: str) -> None:
    assert client.get("/api/board", headers={**BEARER, "Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8123", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.7"]
)
def test_another_host_is_refused_in_json_even_with_the_secret(client: TestClient, host: str) -> None:
    answer = client.get("/api/board", headers={**BEARER, "Host": host})
    assert answer.status_code == 403
    assert "want one of 127.0.0.1, [::1], localhost" in answer.json()["error"]
    assert "--allow-host" in answer.json()["next"]


def test_an_allowed_host_is_taken() -> None:
    with client_of(hosts=["gpu7.lab.example"]) as client:
        assert client.get("/api/board", headers={**BEARER, "Host": "gpu7.lab.example:8123"}).status_code == 200
        assert client.get("/api/board", headers={**BEARER, "Host": "gpu8.lab.example:8123"}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:3000",
        "http://localhost",
        "http://localhost:8123.evil.example",
        "x",
        "http://[",
        "file://",
    ],
)
def test_a_foreign_origin_is_refused_for_reads_too(inside: TestClient, origin: str) -> None:
    for answer in (
        inside.get("/api/board", headers={"Origin": origin}),
        inside.get("/", headers={"Origin": origin}),
        inside.post("/api/edit", headers={"Origin": origin}, json={}),
        inside.options("/api/edit", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_the_own_origin_is_taken(inside: TestClient) -> None:
    assert inside.get("/api/board", headers={"Origin": "http://localhost:8123"}).status_code == 200


def test_behind_a_proxy_that_renames_hosts_an_allowed_origin_is_taken_with_its_port_only() -> None:
    with client_of(hosts=["lab.example:8443"]) as client:
        assert client.get("/api/board", headers={**BEARER, "Origin": "https://lab.example:8443"}).status_code == 200
        assert client.get("/api/board", headers={**BEARER, "Origin": "https://lab.example:9999"}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_a_fetch_from_another_site_is_refused(inside: TestClient, site: str) -> None:
    assert inside.get("/api/board", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert inside.get("/assets/00-tokens.css", headers={"Sec-Fetch-Site": site}).status_code == 403
    navigation = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert inside.get("/api/board", headers=navigation).status_code == 403
    assert inside.get("/", headers={**navigation, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert inside.post("/", headers=navigation).status_code == 403


def test_one_good_word_beside_a_foreign_one_does_not_count(inside: TestClient) -> None:
    for first, second in (("same-origin", "cross-site"), ("cross-site", "same-origin")):
        assert inside.get("/api/board", headers=[("Sec-Fetch-Site", first), ("Sec-Fetch-Site", second)]).status_code == 403
        assert inside.get("/api/board", headers=[("Origin", "http://localhost:8123"), ("Origin", "http://evil.example")]).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_own_pages_and_typed_addresses_are_taken(inside: TestClient, site: str) -> None:
    assert inside.get("/api/board", headers={"Sec-Fetch-Site": site}).status_code == 200


LINKED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def test_a_link_on_another_site_shows_a_way_in_but_not_the_board(inside: TestClient) -> None:
    answer = inside.get("/?tags=%3Cb%3E%22", headers=LINKED)
    assert answer.status_code == 403
    assert '<a href="/?tags=%3Cb%3E%22">Open the board</a>' in answer.text
    assert "_dash-config" not in answer.text


def test_a_link_with_a_token_opens_the_board_by_a_page_of_its_own(client: TestClient) -> None:
    answer = client.get(f"/?token={SECRET}&x=wall", headers=LINKED)
    assert answer.status_code == 200  # a redirect would count as the other site's, and the strict cookie would stay behind
    assert 'content="0;url=/?x=wall"' in answer.text
    assert "SameSite=strict" in answer.headers["set-cookie"]


def test_a_token_never_leads_to_another_site(client: TestClient) -> None:
    answer = client.get(f"http://localhost:8123//evil.example/?token={SECRET}")
    assert answer.headers["location"].startswith("/evil.example")


# ------------------------------------------------------------------------------------------------- websockets


def test_a_websocket_handshake_passes_the_same_steps(client: TestClient) -> None:
    here = {**BEARER, "Host": "localhost:8123"}
    refused = [
        ({"Host": "localhost:8123"}, "refused: 401"),
        ({**here, "Host": "evil.example"}, "refused: 403"),
        ({**here, "Origin": "http://evil.example"}, "refused: 403"),
        ({**here, "Sec-Fetch-Site": "cross-site"}, "refused: 403"),
    ]
    for path in ("/socket", "/_dash-ws-callback"):
        for headers, reason in refused:
            with pytest.raises(WebSocketDisconnect) as refusal, client.websocket_connect(path, headers=headers):
                pass
            assert (refusal.value.code, refusal.value.reason) == (1008, reason), (path, headers)
    for headers in (here, {**here, "Origin": "http://localhost:8123"}):  # other programs than browsers send no Origin
        with client.websocket_connect("/socket", headers=headers) as socket:
            assert socket.receive_text() == "hello"


# ------------------------------------------------------------------------------------------------ every reply


def test_every_reply_carries_the_safe_headers(inside: TestClient) -> None:
    for path in ("/", "/api/board", "/api/unknown", "/docs", "/_dash-layout", "/assets/00-tokens.css"):
        headers = inside.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "content-security-policy" in headers, path


def test_the_pages_policy_lets_only_the_boards_own_scripts_run(inside: TestClient) -> None:
    page = inside.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    scripts = policy["script-src"].split()
    assert scripts[0] == "'self'"
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]+=*'", one) for one in scripts[1:])
    assert len(scripts) > 1
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert policy["connect-src"] == "'self'"
    assert [policy[name] for name in ("frame-ancestors", "base-uri", "object-src")] == ["'none'"] * 3
    assert "http:" not in page.headers["content-security-policy"]


def test_every_inline_script_of_the_page_has_its_hash_in_the_policy(inside: TestClient) -> None:
    page = inside.get("/")
    inline = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>(.*?)</script>", page.text, re.DOTALL)
    assert inline
    for script in inline:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.headers["content-security-policy"], script[:80]


def test_the_page_loads_nothing_from_elsewhere(inside: TestClient) -> None:
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", inside.get("/").text)


@pytest.mark.parametrize(
    "path", ["/api/unknown", "/api/", "/api/curves/x", "/assets/unknown.js", "/assets/../app.py", "/assets/%2e%2e/app.py"]
)
def test_unknown_data_and_asset_paths_are_404_json(inside: TestClient, path: str) -> None:
    answer = inside.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "next"}


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/wp-admin"])
def test_there_are_no_pages_but_the_boards_own(inside: TestClient, path: str) -> None:
    assert inside.get(path).status_code == 404


def test_assets_are_kept_by_their_stamp_and_data_is_not_kept(inside: TestClient) -> None:
    assert inside.get("/assets/00-tokens.css?m=1.5").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert inside.get("/assets/00-tokens.css").headers["cache-control"] == "no-cache"
    assert inside.get("/api/board").headers["cache-control"] == "no-store"
    assert inside.get("/").headers["cache-control"] == "no-store"


def test_scripts_are_packed_for_those_who_unpack(inside: TestClient) -> None:
    packed = inside.get("/assets/10-core.js")
    plain = inside.get("/assets/10-core.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(packed.content)
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    known = inside.get("/assets/10-core.js", headers={"If-None-Match": plain.headers["etag"]})
    assert known.status_code == 304


# -------------------------------------------------------------------------------------------------- base path


@pytest.mark.parametrize("prefix", ["/proxy/x", ""])
def test_a_proxy_may_strip_the_base_path_or_keep_it(prefix: str) -> None:
    with client_of(base_path="/proxy/x/") as client:
        opened = client.get(f"{prefix}/?token={SECRET}&a=1")
        assert (opened.status_code, opened.headers["location"]) == (303, "/proxy/x/?a=1")
        assert "Path=/proxy/x/" in opened.headers["set-cookie"]
        page = client.get(f"{prefix}/", headers=BEARER)
        assert page.status_code == 200
        assert '"/proxy/x/_dash-component-suites' in page.text.replace("'", '"')
        assert client.get(f"{prefix}/api/board", headers=BEARER).status_code == 200
        assert client.get(f"{prefix}/assets/00-tokens.css", headers=BEARER).status_code == 200
        assert client.get(f"{prefix}/api/unknown", headers=BEARER).status_code == 404


@pytest.mark.parametrize(("given_path", "wanted"), [("", ""), ("/", ""), ("a", "/a"), ("/a/b/", "/a/b"), (" /user/me@x/ ", "/user/me@x")])
def test_base_paths_are_brought_into_one_form(given_path: str, wanted: str) -> None:
    assert checked_base_path(given_path) == wanted


@pytest.mark.parametrize("bad", ["/a b", "/../x", "/a?b", '/"x'])
def test_a_bad_base_path_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match="base path: want something like /proxy/8123, got"):
        checked_base_path(bad)


@pytest.mark.parametrize(("netloc", "name"), [("A:1", "a"), ("[::1]:8", "[::1]"), ("a", "a"), ("", ""), ("[::1", "")])
def test_the_host_of_a_netloc(netloc: str, name: str) -> None:
    assert host_name(netloc) == name
