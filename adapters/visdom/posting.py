"""Posting to a running Visdom with its plain protocol: ``/events``, ``/update``, ``/win_data``, ``/save``, and ``/`` to log in.

Source: visdom/__init__.py (``_send``) and visdom/server/handlers/web_handlers.py of 0.2.4 and 0.3.0. Bodies are JSON, answers are
text; errors come as status 200 with a text, too, or as 400 and more.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final

from ...store.errors import CrossboardError
from .points import strict_json

TIMEOUT_S: Final = 60.0
OWN: Final = frozenset(("command", "content", "id", "contentID", "i", "type", "title", "width", "height", "inflate", "version"))


class Server:
    """A running Visdom at `url`, ``http://HOST:PORT`` or ``https://...``, with the base URL behind it where it has one.

    username, password: where it asks for a login.

    Raises:
        CrossboardError: nothing, or no Visdom, answers there; or it does not take the login.
    """

    def __init__(self, url: str, *, username: str = "", password: str = "") -> None:
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        port: int | None = -1
        with contextlib.suppress(ValueError):
            port = parts.port
        if port == -1 or parts.scheme not in ("http", "https") or not parts.hostname:
            raise CrossboardError(f"to: want http://HOST:PORT of a running Visdom, got {url!r}")
        self.url = f"{parts.scheme}://{parts.hostname}:{port or 8097}{parts.path.rstrip('/')}"
        self._host, self._port, self._base = parts.hostname, port or 8097, parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._connection: http.client.HTTPConnection | None = None
        self._cookie = ""
        if username or password:
            self._log_in(username, password)
        self._check()

    def ask(self, route: str, message: Mapping[str, Any]) -> str:
        """Post `message` to ``/<route>``; return the answer. Raises CrossboardError where there is none, or another status than 200."""
        status, text = self._post(route, strict_json(message))[:2]
        if status in (400, 401, 403) and not self._cookie:
            raise CrossboardError(f"Visdom at {self.url} wants a login: give --username, and the password in VISDOM_PASSWORD")
        if status != 200:
            raise CrossboardError(f"Visdom at {self.url} answered {status} to /{route}: {text.strip()[:200] or 'nothing'}")
        return text

    def show(self, eid: str, window: str, pane: Mapping[str, Any]) -> tuple[str, int] | None:
        """Draw `pane` as the window `window` of the environment `eid`; return what, in the plural, and how much is left out."""
        kind, content = str(pane.get("type")), pane.get("content")
        opts = {key: pane[key] for key in ("title", "width", "height", "inflate") if pane.get(key) is not None}
        opts.update({key: value for key, value in pane.items() if key not in OWN and value is not None})
        head = {"win": window, "eid": eid, "opts": opts}
        if kind == "plot" and isinstance(content, Mapping):
            data = [dict(one) for one in content.get("data") or ()]
            if not data:
                return "plots without a trace", 1
            data[0].setdefault("type", "scatter")
            if isinstance(content.get("caption"), str):
                opts["caption"] = content["caption"]
            self._drawn("events", {**head, "data": data, "layout": content.get("layout") or {}}, window)
            return None
        frames = content if kind in ("image_history", "plot_history") and isinstance(content, list) else [content]
        for place, frame in enumerate(frames):
            self._drawn("update" if place else "events", {**head, "data": [{"type": kind, "content": frame}], "layout": {}}, window)
        if len(frames) > 1:
            kept = json.loads(self.ask("win_data", {"win": window, "eid": eid})).get("content")
            lost = len(frames) - (len(kept) if isinstance(kept, list) else 0)
            if lost > 0:
                return "frames of histories, of which this server keeps the newest only", lost
        return None

    def _drawn(self, route: str, message: Mapping[str, Any], window: str) -> None:
        answer = self.ask(route, message)
        if answer.strip().strip('"') != window:
            raise CrossboardError(f"Visdom at {self.url} did not draw {window!r}: {answer.strip()[:200] or 'it answered nothing'}")

    # ----------------------------------------------------------------------------------------------------- HTTP

    def _check(self) -> None:
        text = self.ask("env_state", {})
        try:
            known = json.loads(text)
        except ValueError:
            known = None
        if not isinstance(known, (list, dict)):
            raise CrossboardError(f"no Visdom at {self.url}: another server answers there")

    def _log_in(self, username: str, password: str) -> None:
        told = {"username": username, "password": hashlib.sha256(password.encode()).hexdigest()}
        status, _, cookies = self._post("", json.dumps(told).encode())
        cookie = next((one.partition(";")[0] for one in cookies if one.startswith("user_password=")), "")
        if status != 200 or not cookie:
            raise CrossboardError(f"Visdom at {self.url} does not take this username and password (status {status})")
        self._cookie = cookie

    def _post(self, route: str, body: bytes) -> tuple[int, str, list[str]]:
        headers = {"Content-Type": "application/json", **({"Cookie": self._cookie} if self._cookie else {})}
        for last in (False, True):
            if self._connection is None:
                self._connection = self._connect()
                last = True
            try:
                self._connection.request("POST", f"{self._base}/{route}", body, headers)
                answer = self._connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
                return answer.status, text, answer.headers.get_all("Set-Cookie") or []
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last:  # a connection that stood may have been closed meanwhile: once more
                    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                    hint = "start one with `visdom`, or write files with --output"
                    raise CrossboardError(f"nothing answers at {self.url} ({why}); {hint}") from None
        raise AssertionError

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
