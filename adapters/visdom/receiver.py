"""Visdom's protocol on the board's own port: ``visdom.Visdom(server="http://localhost", port=8123)`` works unchanged.

    receiver = VisdomReceiver("runs")
    create_app(store, receivers=[receiver])

Routes are those of Visdom 0.2.4 and 0.3.0; `environment` says what is kept and answered, `keeper` where. A reply is sent when what the
message brought is in the journal. Replies are text, errors too: Visdom's client hands the text to its caller.

*Which version a client is* it does not say. ``/env_state`` names the environments, as 0.2.4 does; where another environment is asked for
than the client's own, which only 0.3.0 does (``get_env_state``), its panes. The client's own is the one that its first call made: a
cookie remembers it.

*Events of the board's pages* reach programs (``register_event_handler``) by ``POST api/pane-event`` with
``{"run": KEY, "event": {"event_type": "KeyPress", "target": WINDOW, "key": "a", "key_code": 65}}``. Any event of Visdom's (``KeyPress``,
``Click``, ``PropertyUpdate``, ``SliderMoved``, ``EntitySelected``, ``RegionSelected``) goes to every program with the pane beside it; a
``pane_data`` of false leaves that out. ``Close`` closes the window, too, and ``Place`` with ``"data": {"x", "y", "w", "h", "i"}`` says
where it stands now. The answer is ``{"listeners": how many programs heard it}``. ``eid`` in place of ``run`` names the environment itself.

*Who may call* (`answer`): a program of the same user on this machine, told by the socket's owner (`peers`); one that logged in with
``Visdom(username=..., password=TOKEN)``; and whoever has the board's key. A request that a proxy passed on, or a browser sent, is no
program of this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from ...store.native import run_key
from .changes import Answer
from .conversations import Conversations
from .keeper import PROJECT, Keeper
from .listeners import Listener
from .messages import MOST_BYTES, read_message
from .parts import MAIN, BadMessage, columns_of, eid_of, escape_eid, plain, traces_of
from .peers import is_same_user
from .saved import Saved
from .web import POLICY, SMALL, Answering, cookie_of, guarded, json_reply, replying, text_reply

LARGE_PANES: Final = 50_000
"""Points in an environment above which it is told in a worker thread."""
ROOM_EVERY: Final = 256
MOST_LOGIN: Final = 16 << 10
"""Bytes that are read of one who is not known yet."""
LOGIN_COOKIE: Final = "user_password"
OWN_COOKIE: Final = "visdom-env"
_POSTS: Final = ("events", "update", "close", "win_exists", "win_data", "win_hash", "experiments/log")
_OTHERS: Final = ("env_state", "save", "fork_env", "delete_env", "vis_socket_wrap", "socket_wrap", "upload_env")
_SOCKETS: Final = ("/vis_socket", "/socket")
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_UNHEARD: Final = (
    "crossboard: this board asks for a key. A program of the same user on the same machine needs none; any other: "
    "Visdom(username='me', password=TOKEN), where TOKEN is what CROSSBOARD_TOKEN was when the board was started"
)


class Door(Protocol):
    """The keys of the board, as far as a login needs them."""

    secret: str

    def knows(self, session: str) -> bool: ...

    def open_session(self) -> str: ...


class VisdomReceiver:
    """Takes in what Visdom's clients send, into the project `PROJECT` of the root `root`. saved: as for `Keeper`."""

    def __init__(self, root: str, *, project: str = PROJECT, saved: Saved | None = None) -> None:
        self.keeper = Keeper(f"{root}/{project}", saved=saved)
        self.conversations = Conversations(self._command, self.keeper.names)
        self._locks: dict[str, asyncio.Lock] = {}
        self._since_room: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def close(self) -> None:
        """Record the end of all environments."""
        self.keeper.close()

    # ---------------------------------------------------------------------------------------------------- routes

    def routes(self) -> Sequence[BaseRoute]:
        """All of Visdom's, below the board's root."""
        made: list[BaseRoute] = [Route(f"/{name}", replying(self._posting(name)), methods=["POST"]) for name in _POSTS]
        posts: dict[str, Answering] = {
            "/": self._login,
            "/env_state": self._env_state,
            "/save": self._save,
            "/fork_env": self._fork,
            "/delete_env": self._delete,
            "/env/{eid:path}": self._env,
            "/compare/{eids:path}": self._compare,
        }
        made += [Route(path, replying(endpoint), methods=["POST"]) for path, endpoint in posts.items()]
        made.append(Route("/upload_env", self._upload, methods=["POST"]))
        made.append(Route("/health", self._health, methods=["GET"]))
        made.append(Route("/user/style.css", self._style, methods=["GET"]))
        made.append(Route("/env/{eid:path}", self._page, methods=["GET"]))
        made.append(Route("/compare/{eids:path}", self._page, methods=["GET"]))
        return made + self.conversations.routes()

    def data_routes(self) -> Sequence[BaseRoute]:
        """Beside the board's own data routes, for its pages."""
        return [Route("/pane-event", replying(self._pane_event), methods=["POST"])]

    # ----------------------------------------------------------------------------------------------- who may call

    def owns(self, scope: Scope, path: str) -> bool:
        """Whether a request is for this protocol; `path` begins behind the board's base path."""
        if scope["type"] == "websocket":
            return path in _SOCKETS
        name = path.strip("/")
        if scope["method"] == "POST":
            return name == "" or name in _POSTS or name in _OTHERS or path.startswith(("/env/", "/compare/"))
        return path in ("/health", "/socket_wrap", "/user/style.css")

    def answer(self, scope: Scope, path: str, headers: Headers, door: Door) -> Response | None:
        """What is replied to a request that `owns` says yes to and that has no key of the board; None lets it in."""
        if path == "/":  # a login
            length = headers.get("content-length", "")
            return None if length.isdigit() and int(length) <= MOST_LOGIN else text_reply(_UNHEARD, 413)
        if door.knows(cookie_of(headers, LOGIN_COOKIE)):
            return None
        if any(name in headers for name in (*_FORWARDED, "sec-fetch-site")):
            return text_reply(_UNHEARD, 401)
        held: dict[str, Any] = scope.get("state", {}).get("connection", {})
        if not held.get("same user"):
            client, server = scope.get("client"), scope.get("server")
            if not client or not server or not is_same_user(tuple(client), tuple(server)):
                return text_reply(_UNHEARD, 401)
            held["same user"] = True  # asked once a connection
        return None

    async def _login(self, request: Request, message: dict[str, Any]) -> Response:
        """``{username, password}``: the password is the SHA-256, in hexadecimal, of the board's secret."""
        door: Door | None = request.app.state.door
        password = message.get("password")
        if door is None:
            return text_reply("")
        wanted = hashlib.sha256(door.secret.encode()).hexdigest()
        if not isinstance(password, str) or not hmac.compare_digest(password.encode(), wanted.encode()):
            return text_reply(_UNHEARD, 400)
        response = text_reply("")
        response.set_cookie(LOGIN_COOKIE, door.open_session(), httponly=True, samesite="strict")
        return response

    # -------------------------------------------------------------------------------------------------- messages

    def _posting(self, name: str) -> Answering:
        async def post(request: Request, message: dict[str, Any]) -> Response:
            answer = await self.do(eid_of(message), name, message, size=request.state.size)
            return text_reply(answer.text, answer.status)

        return post

    async def do(self, eid: str, endpoint: str, message: dict[str, Any], *, size: int = 0) -> Answer:
        """`Keeper.apply`, one message after the other in each environment. Raises BadMessage."""
        async with self._locks.setdefault(eid, asyncio.Lock()):
            reads = endpoint in ("win_data", "win_hash", "env_state")
            at_once = size <= SMALL and self.keeper.is_loaded(eid) and not (reads and self._is_large(eid))
            if at_once:
                answer = self.keeper.apply(eid, endpoint, message)
            else:
                answer = await run_in_threadpool(self.keeper.apply, eid, endpoint, message)
            if answer.changes:
                self._make_room(eid, 1 + size // 32)
        return answer

    def _is_large(self, eid: str) -> bool:
        count = 0
        for pane in self.keeper.environment(eid).panes.values():
            count += 100 + sum(len(columns[1]) for trace in traces_of(pane) if (columns := columns_of(trace)))
        return count > LARGE_PANES

    def _make_room(self, eid: str, points: int) -> None:
        """Let the journal grow ahead of need, in a worker thread."""
        count = self._since_room.get(eid, 0) + points
        if count >= ROOM_EVERY:
            count = 0
            task = asyncio.ensure_future(run_in_threadpool(self.keeper.prepare, eid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._since_room[eid] = count

    # ---------------------------------------------------------------------------------------------- environments

    async def _env(self, request: Request, message: dict[str, Any]) -> Response:
        """``{eid}`` makes an environment, ``{sid}`` sends one to a browser's socket."""
        sub = self.conversations.subs.get(message.get("sid")) if "sid" in message else None
        if sub is not None:
            await self._show(sub, escape_eid(request.path_params["eid"]))
        response = text_reply("")
        if message.get("eid") is not None:
            eid = eid_of(message)
            if self.keeper.directory_of(eid) is None:
                async with self._locks.setdefault(eid, asyncio.Lock()):
                    await run_in_threadpool(self.keeper.begin, eid)
                self.conversations.tell_environments()
            response.set_cookie(OWN_COOKIE, quote(eid, safe=""), httponly=True, samesite="strict")
        return response

    async def _env_state(self, request: Request, message: dict[str, Any]) -> Response:
        own = unquote(request.cookies.get(OWN_COOKIE, ""))
        eid = eid_of(message)
        if message.get("eid") is None or not own or eid == own:
            return json_reply(await run_in_threadpool(self.keeper.names))
        if not self.keeper.has(eid):
            return json_reply({"error": f"env '{eid}' not found"}, 404)
        answer = await self.do(eid, "env_state", message)
        return text_reply(answer.text)

    async def _save(self, request: Request, message: dict[str, Any]) -> Response:
        """Which of the environments are saved: those that exist, since everything is."""
        del request
        data = message.get("data")
        if not isinstance(data, list) or not all(isinstance(eid, str) for eid in data):
            raise BadMessage("save: data: want a list of environments")
        return json_reply([eid for eid in map(escape_eid, data) if self.keeper.has(eid)])

    async def _fork(self, request: Request, message: dict[str, Any]) -> Response:
        del request
        before, eid = message.get("prev_eid"), message.get("eid")
        if not isinstance(before, str) or not isinstance(eid, str):
            raise BadMessage("fork_env: want prev_eid and eid, the names of two environments")
        await self._copy(escape_eid(before), escape_eid(eid))
        return text_reply(escape_eid(eid))

    async def _copy(self, before: str, eid: str) -> None:
        async with contextlib.AsyncExitStack() as held:
            for name in sorted({before, eid}):
                await held.enter_async_context(self._locks.setdefault(name, asyncio.Lock()))
            await run_in_threadpool(guarded, self.keeper.fork, before, eid)
        self.conversations.tell_environments()

    async def _delete(self, request: Request, message: dict[str, Any]) -> Response:
        del request
        if message.get("eid") is not None:
            await self._remove(eid_of(message))
        return text_reply("")

    async def _remove(self, eid: str) -> None:
        async with self._locks.setdefault(eid, asyncio.Lock()):
            await run_in_threadpool(self.keeper.delete, eid)
        self.conversations.tell_environments()

    async def _upload(self, request: Request) -> Response:
        """A saved environment, as 0.3.0 takes it: a form with a file."""
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return json_reply({"success": False, "error": "want a Content-Length"}, 411)
        if int(length) > MOST_BYTES:
            return json_reply({"success": False, "error": f"File is too large. Max {MOST_BYTES >> 20}MB"}, 413)
        try:
            async with request.form() as form:
                file = form.get("file")
                name = str(getattr(file, "filename", "") or "")
                body = await file.read() if file is not None and not isinstance(file, str) else b""
            data = await run_in_threadpool(read_message, body)
        except BadMessage as error:
            return json_reply({"success": False, "error": str(error)}, error.status)
        except HTTPException as error:
            return json_reply({"success": False, "error": str(error.detail)}, error.status_code)
        if not isinstance(data.get("jsons"), dict) or not isinstance(data.get("reload"), dict):
            return json_reply({"success": False, "error": "This is not a valid Visdom JSON"}, 400)
        digest = hashlib.sha256(body).hexdigest()[:8]
        suggested = escape_eid(name.removesuffix(".json")) if name.endswith(".json") else ""
        eid = f"uploaded_{suggested}_{digest}" if suggested not in ("", MAIN) else f"uploaded_{digest}"
        try:
            await self.do(eid, "win_data", {"win": None, "data": data["jsons"]}, size=len(body))
        except BadMessage as error:
            return json_reply({"success": False, "error": str(error)}, error.status)
        self.conversations.tell_environments()
        return json_reply({"success": True, "eid": eid, "message": f"Dashboard loaded successfully as '{eid}'"})

    async def _compare(self, request: Request, message: dict[str, Any]) -> Response:
        """A browser of Visdom's asks for a comparison; the board's own page makes them."""
        del request, message
        return text_reply("")

    async def _page(self, request: Request) -> Response:
        """A page of Visdom's own: the Panes page shows the same."""
        names = (request.path_params.get("eid") or request.path_params.get("eids") or MAIN).split("+")
        found = [directory for name in names if (directory := self.keeper.directory_of(escape_eid(name)))]
        base = request.url.path[: request.url.path.index("/env/" if "/env/" in request.url.path else "/compare/")]
        query = urlencode([("page", "panes"), *(("env", run_key(directory)) for directory in found)])
        return RedirectResponse(f"{base}/?{query}", 303)

    async def _health(self, request: Request) -> Response:
        del request
        return json_reply({"status": "ok"})

    async def _style(self, request: Request) -> Response:
        del request
        return Response("", media_type="text/css", headers=POLICY)

    # --------------------------------------------------------------------------------------------------- events

    async def _pane_event(self, request: Request, message: dict[str, Any]) -> Response:
        del request
        event = message.get("event")
        if not isinstance(event, dict) or not isinstance(event.get("target"), str):
            raise BadMessage('pane-event: want {"run": KEY, "event": {"event_type": ..., "target": WINDOW}}')
        eid: str | None = eid_of(message)
        if "run" in message:
            eid = self.keeper.name_at(str(message["run"]).removeprefix("native:"))
        if eid is None or not self.keeper.has(eid):
            raise BadMessage(f"pane-event: run {message.get('run', eid)!r} is no environment that programs draw on", 404)
        kind = str(event.get("event_type"))
        if kind in ("Close", "close"):
            await self._close_pane(eid, event["target"])
        elif kind == "Place":
            await self.do(eid, "layout_item_update", {"win": event["target"], "data": event.get("data")})
        else:
            await self._forward({**event, "eid": eid})
        return json_reply({"listeners": len(self.conversations.sources)})

    async def _forward(self, event: dict[str, Any]) -> None:
        """Tell programs of an event, with the pane beside it."""
        eid, target = event.get("eid"), event.get("target")
        if not isinstance(eid, str) or not isinstance(target, str):
            return
        if event.get("pane_data") is not False:
            pane = (await self._environment(eid)).panes.get(target)
            if pane is None:
                return
            event = {**event, "pane_data": plain(pane)}
        self.conversations.sources.tell(event)

    async def _close_pane(self, eid: str, window: str) -> None:
        """A person closed a window: it goes, and programs are told."""
        pane = (await self._environment(eid)).panes.get(window)
        shown = None if pane is None else plain(pane)
        await self.do(eid, "close", {"win": window})
        self.conversations.sources.tell({"event_type": "close", "target": window, "eid": eid, "pane_data": shown})

    async def _environment(self, eid: str) -> Any:
        async with self._locks.setdefault(eid, asyncio.Lock()):
            return await run_in_threadpool(self.keeper.environment, eid)

    async def _show(self, sub: Listener, eid: str) -> None:
        environment = await self._environment(eid)
        sub.eid = eid
        sub.tell({"command": "reload", "data": environment.reload})
        for pane in sorted(environment.panes.values(), key=lambda one: one.get("i", 0)):
            sub.tell(plain(pane))
        sub.tell({"command": "layout"})

    async def _command(self, listener: Listener, text: str | bytes) -> None:
        """What a browser of Visdom's, or a program in its place, asks for over its socket. What cannot be done is passed over."""
        with contextlib.suppress(BadMessage):
            message = read_message(text.encode("utf-8", "replace") if isinstance(text, str) else text)
            command = message.get("cmd")
            data = message.get("data")
            if command == "echo":
                self.conversations.sources.tell(message)
            elif command == "close" and isinstance(data, str):
                await self._close_pane(eid_of(message), data)
            elif command == "delete_env" and message.get("eid") is not None:
                await self._remove(eid_of(message))
            elif command == "save" and isinstance(message.get("prev_eid"), str):
                await self._save_as(escape_eid(message["prev_eid"]), eid_of(message), data)
                listener.eid = eid_of(message)
            elif command == "save_layouts":
                self.conversations.keep_layouts(data)
            elif command == "forward_to_vis" and isinstance(data, dict):
                await self._forward(data)
            elif command in ("layout_item_update", "update_comment"):
                await self.do(eid_of(message), command, message)
            elif command == "update_plot_layout":
                await self.do(eid_of(message), "update", {"win": message.get("win"), "layout": data})
            elif command == "pop_embeddings_pane" and isinstance(data, dict):
                await self.do(eid_of(data), command, {"win": data.get("target")})

    async def _save_as(self, before: str, eid: str, places: Any) -> None:
        if before != eid:
            await self._copy(before, eid)
        for window, place in places.items() if isinstance(places, dict) else ():
            with contextlib.suppress(BadMessage):
                await self.do(eid, "layout_item_update", {"win": window, "data": place})
