"""Who may speak to the board. Every HTTP request and every websocket handshake passes here, reads too.

1. *Host* is on the list (``127.0.0.1``, ``localhost``, ``[::1]``, the ``--host`` name, each ``--allow-host``); the port in it does
   not matter, since a tunnel may end anywhere. A page whose name was rebound to this machine fails here. Else 403.
2. *Origin*, when there is one, names the same host and port as Host, or is an ``--allow-host`` written with its port.
   *Sec-Fetch-Site*, when there is one, is ``same-origin`` or ``none``. Other programs than browsers send neither. Else 403.
   One case is let through to step 3: a link on another page that carries a one-time token.
3. The cookie ``crossboard-<port>`` holds a session of this board, or ``Authorization: Bearer`` holds the board's secret, or
   the opened URL carries ``?token=`` with a one-time token. Such a token is good once: it becomes the cookie (HttpOnly,
   SameSite=Strict) and the browser is sent on to the URL without it. A board that is started again on the same paths and port
   still knows the browsers that it let in (`sessions`). Else 401. ``--no-token`` turns step 3 off.
   Paths of a `Guest`, a protocol whose programs know nothing of such keys, are let in when that says so, too.

The port in the cookie's name is the one that the browser asked for: cookies do not tell ports apart, names do.

Every reply carries ``nosniff``, ``Referrer-Policy: no-referrer`` and a content security policy. Scripts come from the board
itself or are one of Dash's inline scripts, by hash. A route that returns bytes of a source sets the stricter `SOURCE_POLICY`.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol, runtime_checkable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .replies import Refused
from .sessions import Sessions

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")

SOURCE_POLICY: Final = "sandbox; default-src 'none'"
"""For bytes that came out of a run: nothing in them may run or load anything."""

NOTICE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

NOT_PAGES: Final = ("/api/", "/assets/", "/_")
"""Paths that are no pages: a one-time token in their URL is not looked at."""


def page_policy(script_hashes: Iterable[str]) -> str:
    """The content security policy of the board's pages, scripts and workers. `script_hashes`: as `Dash.csp_hashes` gives them."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class Door:
    """The keys of one board. One-time tokens open it once; the secret holds until the board ends, and so do sessions, unless they
    are kept (`keep`).

    Only digests of tokens and sessions are kept, and they are compared in constant time.
    """

    def __init__(self, secret: str = "") -> None:
        self.secret = secret or secrets.token_urlsafe(32)
        self._tokens: set[bytes] = {_digest(self.secret)}
        self._sessions: set[bytes] = set()
        self._book: Sessions | None = None
        self._lock = threading.Lock()

    def keep(self, book: Sessions) -> None:
        """Let in who was let in before, by `book`, and write there who is let in from now on."""
        with self._lock:
            self._book = book
            self._sessions |= set(book.known())

    def mint(self) -> str:
        """A fresh one-time token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens.add(_digest(token))
        return token

    def redeem(self, token: str) -> str | None:
        """Trade a one-time token for a session; None when it is unknown or was used."""
        with self._lock:
            if _digest(token) not in self._tokens:
                return None
            self._tokens.discard(_digest(token))
        return self.open_session()

    def open_session(self) -> str:
        """A fresh session, for one who proved to have the secret in another way."""
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions.add(_digest(session))
            if self._book is not None:
                self._book.add(_digest(session))
        return session

    def knows(self, session: str) -> bool:
        """Whether `session` was handed out by this board."""
        return _digest(session) in self._sessions

    def is_secret(self, value: str) -> bool:
        """Whether `value` is the board's secret."""
        return hmac.compare_digest(value.encode(), self.secret.encode())


@runtime_checkable
class Guest(Protocol):
    """A protocol that programs speak which have no key of the board. It says which requests are its own, and who may make them.

    Steps 1 and 2 were passed already, and the request has no key. Paths begin behind the base path.
    """

    def owns(self, scope: Scope, path: str) -> bool:
        """Whether an HTTP request or a websocket handshake is of this protocol."""
        ...

    def answer(self, scope: Scope, path: str, headers: Headers, door: Door) -> Response | None:
        """What is replied to a request that it owns, or None to let it in."""
        ...


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()


def host_name(netloc: str) -> str:
    """The host of ``host:port`` in lower case and without the port; an IPv6 address keeps its brackets."""
    netloc = netloc.strip().lower()
    if netloc.startswith("["):
        return netloc[: netloc.find("]") + 1]
    return netloc.partition(":")[0]


def _port(netloc: str) -> str:
    """The port of ``host:port``, or ''."""
    port = netloc[len(host_name(netloc)) :].lstrip(":") if netloc else ""
    return port if port.isdigit() else ""


def _cookie(headers: Headers, name: str) -> str:
    """The value of cookie `name`, or ''."""
    for part in "; ".join(headers.getlist("cookie")).split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


class Safety:
    """The outermost ASGI layer of a board: the three steps above, then the headers of every reply.

    Args:
        app: what is guarded.
        door: the board's keys, or None to let everybody in who passes steps 1 and 2.
        hosts: names allowed in Host beside the loopback ones, each with or without a port.
        base_path: path under which a proxy serves the board, "" or "/a/b". Requests are taken with and without it.
        policy: gives the content security policy of pages; asked at each reply, since Dash's scripts are known only then.
        guests: see `Guest`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        door: Door | None,
        hosts: Collection[str],
        base_path: str,
        policy: Callable[[], str],
        guests: Sequence[Guest] = (),
    ) -> None:
        self.app = app
        self.guests = tuple(guests)
        self.door = door
        self.base_path = base_path
        self.policy = policy
        self.allowed = {host_name(name) for name in (*LOOPBACK_HOSTS, *hosts) if name}
        self.trusted_origins = {name.strip().lower() for name in hosts if name}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = self._under_base_path(scope)
        headers = Headers(scope=scope)
        answer = self.answer(scope, headers)
        if scope["type"] == "websocket":
            await (self.app(scope, receive, send) if answer is None else _refuse_handshake(receive, send, answer))
            return
        guarded = self._with_headers(scope, send)
        await (self.app if answer is None else answer)(scope, receive, guarded)

    def answer(self, scope: Scope, headers: Headers) -> Response | None:
        """What to reply without asking the board, or None to let the request in."""
        linked = False
        try:
            self._check_host(headers)
            self._check_origin(headers)
            linked = self._check_fetch(scope, headers)
        except Refused as refusal:
            return refusal.reply()
        token = _token_of(scope) if self._is_page(scope) else ""
        if linked and not token:
            return _notice(403, "Opened from another page", _LINKED.format(html.escape(self._clean_url(scope), quote=True)))
        if self.door is None:
            return RedirectResponse(self._clean_url(scope), status_code=303) if token else None
        cookie = f"crossboard-{_port(headers['host']) or (443 if scope.get('scheme') in ('https', 'wss') else 80)}"
        if self._is_known(headers, cookie) and not linked:
            return RedirectResponse(self._clean_url(scope), status_code=303) if token else None
        path = self._path(scope)
        guest = next((one for one in self.guests if one.owns(scope, path)), None)
        if guest is not None and not linked:
            return guest.answer(scope, path, headers, self.door)
        prefetched = "prefetch" in headers.get("sec-purpose", headers.get("purpose", ""))
        session = self.door.redeem(token) if token and not prefetched else None
        if session is not None:
            return self._let_in(scope, cookie, session, linked=linked)
        if self._is_page(scope):
            return _notice(401, "This board asks for a key", _USED if token else _NO_KEY)
        return Refused(
            401,
            "no cookie of this board and no valid Authorization header",
            "open the board through the link that `crossboard` prints, or send `Authorization: Bearer` with the board's secret",
        ).reply()

    def _is_known(self, headers: Headers, cookie: str) -> bool:
        assert self.door is not None
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.door.is_secret(value.strip()):
            return True
        session = _cookie(headers, cookie)
        return bool(session) and self.door.knows(session)

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self.allowed:
            got = hosts[0] if len(hosts) == 1 else f"{len(hosts)} Host headers"
            name = host_name(got) if len(hosts) == 1 and hosts[0] else "NAME"
            raise Refused(
                403,
                f"host {got!r}: want one of {', '.join(sorted(self.allowed))}",
                f"open the board under one of these names, or start it with --allow-host {name}",
            )

    def _check_origin(self, headers: Headers) -> None:
        for origin in headers.getlist("origin"):
            try:
                netloc = urlsplit(origin).netloc.lower()
            except ValueError:
                netloc = ""
            if not netloc or (netloc != headers["host"].strip().lower() and netloc not in self.trusted_origins):
                raise Refused(
                    403,
                    f"origin {origin!r}: want the board's own, {headers['host']}",
                    "open the board itself; behind a proxy that renames hosts, start it with --allow-host HOST:PORT as in the browser",
                )

    def _check_fetch(self, scope: Scope, headers: Headers) -> bool:
        """True when a link on another site's page opens one of the board's pages; any other foreign fetch is refused."""
        sites = headers.getlist("sec-fetch-site") or ["none"]
        if all(site in ("same-origin", "none") for site in sites):
            return False
        opens = (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        if opens and self._is_page(scope):
            return True
        raise Refused(
            403, f"Sec-Fetch-Site {', '.join(sites)!r}: want same-origin or none", "ask from the board's own pages or without a browser"
        )

    def _path(self, scope: Scope) -> str:
        """The path behind the base path, beginning with one slash."""
        path: str = scope["path"]
        return "/" + path[len(self.base_path) :].lstrip("/")

    def _is_page(self, scope: Scope) -> bool:
        return scope["type"] == "http" and not self._path(scope).startswith(NOT_PAGES)

    def _clean_url(self, scope: Scope) -> str:
        """The URL of this request without its token, as a path from the root."""
        kept = [(key, value) for key, value in _query(scope) if key != "token"]
        return self.base_path + quote(self._path(scope)) + ("?" + urlencode(kept) if kept else "")

    def _under_base_path(self, scope: Scope) -> Scope:
        """A proxy may strip the base path or keep it; behind this point it is always there."""
        path: str = scope["path"]
        if not self.base_path or path.startswith(self.base_path + "/"):
            return scope
        path = self.base_path + ("/" if path == self.base_path else path)
        return {**scope, "path": path, "raw_path": quote(path).encode()}

    def _let_in(self, scope: Scope, cookie: str, session: str, *, linked: bool) -> Response:
        """Set the cookie and send the browser to the clean URL.

        After a link from another site a redirect would still count as that site's, and a SameSite=Strict cookie would not be
        sent along: then a page of ours leads on.
        """
        url = self._clean_url(scope)
        response: Response
        if linked:
            target = html.escape(url, quote=True)
            response = HTMLResponse(
                f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={target}">'
                f'<title>crossboard</title><p><a href="{target}">Open the board</a></p></html>',
                headers={"Content-Security-Policy": NOTICE_POLICY},
            )
        else:
            response = RedirectResponse(url, status_code=303)
        response.set_cookie(
            cookie,
            session,
            path=self.base_path + "/",
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
        )
        return response

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        path = self._path(scope)
        fixed = path.startswith("/assets/") and any(key == "m" for key, _ in _query(scope))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                if "content-security-policy" not in headers:
                    headers["Content-Security-Policy"] = self.policy()
                if "cache-control" not in headers:
                    if path.startswith("/assets/") and message["status"] < 400:
                        headers["Cache-Control"] = "public, max-age=31536000, immutable" if fixed else "no-cache"
                    else:
                        headers["Cache-Control"] = "no-store"
            await send(message)

        return guarded


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _token_of(scope: Scope) -> str:
    if scope["method"] != "GET":
        return ""
    return next((value for key, value in _query(scope) if key == "token"), "")


async def _refuse_handshake(receive: Receive, send: Send, answer: Response) -> None:
    """Close a websocket before it opens: the client gets 403. (A reply with a body is possible, but uvicorn calls it an error.)"""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": f"refused: {answer.status_code}"})


_NO_KEY: Final = (
    "<p>Run <code>crossboard</code> again with the same paths, on the machine where the board runs: it finds the open board "
    "and prints a fresh link.</p><p>A link works once and opens the board in one browser; other people who share this "
    "machine cannot open it.</p>"
)
_USED: Final = "<p>The token in this link was used already, or belongs to a board that has ended.</p>" + _NO_KEY
_LINKED: Final = (
    "<p>A page of another site led here. The board does not show itself to other sites' links; it does to you.</p>"
    '<p><a href="{}">Open the board</a></p>'
)


def _notice(status: int, title: str, body: str) -> Response:
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · crossboard</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.25rem; font-weight: 600; }}
code {{ font-family: ui-monospace, monospace; }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>
"""
    return HTMLResponse(page, status_code=status, headers={"Content-Security-Policy": NOTICE_POLICY, "Cache-Control": "no-store"})
