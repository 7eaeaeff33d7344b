"""The board: one Dash app on one FastAPI server, made from a store.

    app = create_app(store, title="my runs")
    app.server                     # the ASGI app, for any ASGI server; dashboard.serve runs it on uvicorn

Order of the routes: what receivers bring, data routes under ``/api``, Dash's own, and then 404 for every other path (Dash
would answer each with its page). `safety.Safety` stands before all of them, `bounds.Bounds` before Dash and the data routes. FastAPI's
own pages of documentation are off.

No module holds a run or a store: everything comes in through `create_app` and hangs on the app it returns.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from dash import Dash
from dash.exceptions import DependencyException
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ..store.store import Store
from .aliases import AliasBook
from .bounds import Bounds, no_such_file
from .compression import Compression
from .downloads import Exporter, download_routes
from .events import Newsroom
from .pages import kinds, panes, run, runs
from .replies import json_reply
from .routes import DataRoutes, no_such_path
from .safety import Door, Guest, Safety, page_policy
from .saved_views import Opening, SavedViews, sources_of
from .shell import INDEX, layout

ASSETS: Final = Path(__file__).parent / "assets"


class Receiver(Protocol):
    """Takes in what other tools send, such as the Visdom protocol. Its routes stand beside the board's, behind its safety."""

    def routes(self) -> Sequence[BaseRoute]: ...


@runtime_checkable
class LivingReceiver(Receiver, Protocol):
    """A receiver that also has routes below ``/api``, for the board's pages, and something to end when the board does.

    One that is a `safety.Guest` says who may call it without a key of the board.
    """

    def data_routes(self) -> Sequence[BaseRoute]: ...

    def close(self) -> None: ...


def create_app(
    store: Store,
    *,
    title: str = "crossboard",
    exporters: Iterable[Exporter] = (),
    receivers: Iterable[Receiver] = (),
    token: str = "",
    ask_for_key: bool = True,
    base_path: str = "",
    hosts: Collection[str] = (),
    version: str = "",
    aliases: str | os.PathLike[str] | None = None,
    views: str | os.PathLike[str] | None = None,
) -> Dash:
    """Make the board over `store`.

    Args:
        store: what is shown. The board refreshes it while it is served; closing it is the caller's.
        title: of the page.
        exporters: file formats offered under ``/api/export/NAME``.
        receivers: see `Receiver`.
        token: the board's secret: good once as ``?token=`` in the opened URL, and always as ``Authorization: Bearer``.
            "" makes a random one.
        ask_for_key: False lets everybody in who can reach the port.
        base_path: path under which a proxy serves the board, such as "/proxy/8123"; "" for none.
        hosts: names that Host may carry beside the loopback ones.
        version: of crossboard, for display.
        aliases: file of the rules that say which tags are one metric (`store.aliases`); None holds to the built-in ones.
        views: file of the saved views (`saved_views`); None: the one in the user's data directory.

    The app's `server.state` holds `door` (a `Door`, or None) and `newsroom` (the live view).
    """
    base = checked_base_path(base_path)
    door = Door(token) if ask_for_key else None
    newsroom = Newsroom(store)
    taking = list(receivers)
    living = [receiver for receiver in taking if isinstance(receiver, LivingReceiver)]

    @contextlib.asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        newsroom.start()
        try:
            yield
        finally:
            for receiver in living:
                await run_in_threadpool(receiver.close)
            await run_in_threadpool(data.close)
            await run_in_threadpool(newsroom.stop)

    server = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=live)
    server.state.door = door
    server.state.newsroom = newsroom
    pane_events = any(getattr(route, "path", "") == "/pane-event" for receiver in living for route in receiver.data_routes())
    saved = SavedViews(views)
    offered = list(exporters)
    data = DataRoutes(
        store,
        newsroom,
        door=door,
        crossboard=version,
        pane_events=pane_events,
        aliases=AliasBook(aliases),
        views=saved,
        exports=[exporter.name for exporter in offered],
    )
    server.mount(f"{base}/api", data.app(more=download_routes(store, offered)))
    server.router.routes.append(runs.grid_route(base))
    server.add_exception_handler(HTTPException, no_such_path)
    server.add_exception_handler(DependencyException, no_such_file)
    app = Dash(
        "crossboard",
        server=server,  # type: ignore[arg-type]  # any backend's app, which its annotation does not say
        title=title,
        update_title=None,  # type: ignore[arg-type]  # as its documentation says
        index_string=INDEX,
        assets_folder=str(ASSETS),
        assets_path_ignore=[
            f"^{page.FOLDER}$" for page in (run, runs, panes, kinds)
        ],  # loaded by these pages themselves, when first opened
        requests_pathname_prefix=f"{base}/",
        routes_pathname_prefix=f"{base}/",
        serve_locally=True,
        compress=False,
        add_log_handler=False,
        enable_mcp=False,
    )
    app.backend.websocket_capability = False  # else each page holds a websocket that no callback of ours uses
    app.layout = lambda: layout(store, title=title)
    server.router.routes.append(Route("/{path:path}", _unknown))
    server.add_middleware(Compression)
    server.add_middleware(Bounds, base_path=base, has_callbacks=lambda: bool(app.callback_map))

    def policy() -> str:
        return page_policy(app.csp_hashes())

    routes = [_under(base, route) for receiver in taking for route in receiver.routes()]
    routes += [_under(f"{base}/api", route) for receiver in living for route in receiver.data_routes()]
    server.add_middleware(Receiving, routes=routes)
    server.add_middleware(Opening, base=base, opened=lambda: saved.opened(sources_of(store)))
    guests = [receiver for receiver in taking if isinstance(receiver, Guest)]
    server.add_middleware(Safety, door=door, hosts=tuple(hosts), base_path=base, policy=policy, guests=guests)
    return app


class Receiving:
    """ASGI layer: what is for a receiver's route goes there, before Dash's own layer reads the body of every request that is JSON."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.routes = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self.routes if scope["type"] in ("http", "websocket") else ():
            match, found = route.matches(scope)
            if match is Match.FULL:
                await route.handle({**scope, **found}, receive, send)
                return
        await self.app(scope, receive, send)


def _under(base: str, route: BaseRoute) -> BaseRoute:
    """`route` below the base path."""
    if base and isinstance(route, Route):
        return Route(base + route.path, route.endpoint, methods=sorted(route.methods or ()))
    return WebSocketRoute(base + route.path, route.endpoint) if base and isinstance(route, WebSocketRoute) else route


def checked_base_path(path: str) -> str:
    """`path` with one leading slash and none at the end; "" stays.

    Raises:
        ValueError: characters that do not belong into a path.
    """
    parts = [part for part in path.strip().split("/") if part]
    if any(part in (".", "..") or not all(letter.isalnum() or letter in "-._~%@" for letter in part) for part in parts):
        raise ValueError(f"base path: want something like /proxy/8123, got {path!r}")
    return "".join(f"/{part}" for part in parts)


async def _unknown(request: Request) -> Response:
    content = {"error": f"no such path: {request.url.path}", "next": "the board's page is at its root; data is under /api"}
    return json_reply(content, status=404)
