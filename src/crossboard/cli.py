"""The command line: ``crossboard PATH...`` opens the board, a first word from `commands.COMMANDS` does something else.

A path that is called like a command is opened as ``./demo``. Exit status: 0 done, 1 the answer is bad news (damage was found,
nothing could be done), 2 the call was wrong.

What a command needs is imported when it runs, so that ``crossboard --version`` does not wait for a web server.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from crossboard._version import __version__
from crossboard.commands import COMMANDS
from crossboard.paths import absolute, fault_of
from crossboard.store.errors import CrossboardError
from crossboard.terminal import print_anything

if TYPE_CHECKING:
    from crossboard.dashboard.app import Receiver
    from crossboard.dashboard.open_boards import OpenBoard
    from crossboard.store.embedded import EmbeddedStore

DEFAULT_PORT: Final = 8123
_COMMANDS_HELP: Final = """\
other commands (crossboard COMMAND --help says more):
  demo                 train small networks and watch them live
  ls PATH...           list runs
  export PATH...       write points as CSV or Parquet
  verify PATH...       check every record of every file
  seal PATH...         pack the points of runs that have ended
  gc PATH...           cut and remove what dead runs waste

examples:
  crossboard                             the board over runs/, here or in a parent directory
  crossboard /data/runs ~/more           one board over two roots
  crossboard runs --port 9000 --no-browser
  crossboard runs --host 0.0.0.0 --allow-host gpu7.lab.example
"""


class _Parser(argparse.ArgumentParser):
    """argparse, with examples kept as they are written."""

    def __init__(self, *, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    print_anything()
    try:
        status = COMMANDS[words[0]](words[1:]) if words and words[0] in COMMANDS else open_board(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that has enough is no fault, and not at the interpreter's end
        return status
    except CrossboardError as error:
        print(f"crossboard: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `crossboard ls | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


# ------------------------------------------------------------------------------------------------- the board


def open_board(argv: Sequence[str]) -> int:
    """``crossboard PATH...``: open the board, or show the one that is open on these paths."""
    parser = board_parser()
    args = parser.parse_args(argv)
    named = [one for spec in args.logdir_spec for one in _spec(spec)]
    places = [os.path.expanduser(path) for path in (*args.logdir, *(path for _, path in named))]
    paths, said = _paths_to_open(parser, [*args.paths, *places])
    names = {path if "://" in path else os.path.abspath(os.path.expanduser(path)): name for name, path in named if name}
    aliases = _aliases(parser, args.aliases)
    from crossboard.dashboard import open_boards

    found = open_boards.find(paths)
    if found is not None:
        _show_open_one(*found, paths=paths, open_browser=not args.no_browser)
        return 0
    from crossboard.dashboard.serve import serve
    from crossboard.exporters import table_exporters
    from crossboard.waiting import progress_of, say

    if said:
        print(said)
    receivers, more = _receivers(paths) if args.visdom else ([], [])
    store = _store_over([*paths, *more], subruns=args.subruns, names=names)
    try:
        with progress_of(store, nothing=None if said or args.expecting else lambda: _nothing(paths)):
            serve(
                store,
                paths=paths,
                title=args.title or _title_of(paths),
                host=args.host,
                port=args.port,
                open_browser=not args.no_browser,
                ask_for_key=not args.no_token,
                token=os.environ.get("CROSSBOARD_TOKEN", ""),
                base_path=args.base_path,
                hosts=args.allow_host,
                version=__version__,
                exporters=table_exporters(),
                receivers=receivers,
                aliases=aliases,
                seal=os.environ.get("CROSSBOARD_SEAL", "1") != "0",
                say=say,
            )
    except OSError as error:
        print(f"crossboard: cannot listen on {args.host} port {args.port}: {error.strerror or error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"crossboard: {error}", file=sys.stderr)
        return 2
    finally:
        store.close()
    return 0


def board_parser() -> argparse.ArgumentParser:
    """The options of ``crossboard PATH...``."""
    parser = _Parser(
        prog="crossboard",
        description="Open one board over training runs: see, compare and follow them live.",
        epilog=_COMMANDS_HELP,
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="run roots, projects or single runs (default: CROSSBOARD_DIR, else runs/ here or in a parent directory)",
    )
    parser.add_argument("--logdir", action="append", default=[], metavar="DIR", help="the same as PATH; repeatable")
    parser.add_argument(
        "--logdir_spec",
        "--logdir-spec",
        action="append",
        default=[],
        metavar="NAME:DIR,...",
        help="several log directories, each with a name for its runs, as TensorBoard has it",
    )
    parser.add_argument(
        "--subruns",
        action="store_true",
        help="show torch's add_scalars and add_hparams as runs of their own, as TensorBoard does",
    )
    parser.add_argument(
        "--aliases",
        metavar="FILE",
        help="rules that say which tags are one metric (default: CROSSBOARD_ALIASES, else crossboard/aliases in XDG_CONFIG_HOME or"
        " ~/.config); the board edits them there",
    )
    parser.add_argument("--version", action="version", version=f"crossboard {__version__}")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="port to listen on; a free one if it is taken (default: %(default)s)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--expecting", action="store_true", help="runs are about to come: say nothing of there being none yet")
    parser.add_argument("--no-browser", action="store_true", help="print the link, open no browser")
    parser.add_argument("--no-token", action="store_true", help="ask for no key: everybody who reaches the port sees the runs")
    parser.add_argument(
        "--no-visdom", dest="visdom", action="store_false", help="take nothing from Visdom's clients (docs/visdom.md says where it is kept)"
    )
    parser.add_argument("--base-path", default="", metavar="/A/B", help="path under which a proxy serves the board")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name by which browsers may ask, beside localhost; repeatable",
    )
    parser.add_argument("--title", default="", help="title of the page (default: the name of the first path)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"want a port in 0..65535, got {text!r}")
    return int(text)


def default_root() -> Path | None:
    """CROSSBOARD_DIR, else the nearest ``runs`` directory here or in a parent, else None."""
    named = os.environ.get("CROSSBOARD_DIR")
    if named:
        return Path(named)
    here = Path.cwd()
    return next((root / "runs" for root in (here, *here.parents) if (root / "runs").is_dir()), None)


def _paths_to_open(parser: argparse.ArgumentParser, named: Sequence[str]) -> tuple[list[str], str]:
    """Absolute paths, and what is to be said about them. Ends the program for a path that is not there."""
    if named:
        return [_existing(parser, path) for path in named], ""
    root = default_root()
    if root is None:
        root = Path.cwd() / "runs"
        return [str(root)], f"No runs/ here or in a parent directory: the board watches {root} and fills when runs appear."
    if not root.exists():
        return [os.path.abspath(root)], f"{root} (CROSSBOARD_DIR) is not there yet: the board fills when runs appear."
    return [os.path.abspath(root)], ""


def _existing(parser: argparse.ArgumentParser, path: str) -> str:
    fault = fault_of(path)
    if not fault:
        return absolute(path)
    if os.path.exists(path) or os.sep in path or not path.replace("-", "").isalpha():
        _wrong(parser, fault)
    close = difflib.get_close_matches(path, COMMANDS, n=1)
    meant = f"; did you mean `crossboard {close[0]}`?" if close else f"; commands are {', '.join(COMMANDS)}"
    return _wrong(parser, f"{path!r} is no path and no command{meant}")


def _wrong(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    print(f"{parser.prog}: {message}", file=sys.stderr)
    sys.exit(2)


def _aliases(parser: argparse.ArgumentParser, named: str | None) -> str | None:
    """The file of alias rules. Ends the program where one that was named cannot be read; None where there is no home to keep one."""
    path = named or os.environ.get("CROSSBOARD_ALIASES") or ""
    if not path:
        base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        return os.path.join(base, "crossboard", "aliases") if os.path.isabs(base) else None
    path = os.path.abspath(os.path.expanduser(path))
    if os.path.exists(path):
        from crossboard.store.aliases import BadRule, parse

        try:
            parse(Path(path).read_text("utf-8"))
        except (BadRule, OSError, UnicodeDecodeError) as error:
            _wrong(parser, f"alias rules: {error} ({path})")
    return path


def _title_of(paths: Sequence[str]) -> str:
    name = os.path.basename(paths[0].rstrip(os.sep)) or paths[0]
    if name == "runs":
        name = os.path.basename(os.path.dirname(paths[0])) or name
    return name if len(paths) == 1 else f"{name} and {len(paths) - 1} more"


def _show_open_one(board: OpenBoard, token: str, *, paths: Sequence[str], open_browser: bool) -> None:
    import webbrowser

    from crossboard.dashboard import open_boards
    from crossboard.dashboard.serve import has_display, opening

    print(f"A board is open on {'this path' if len(paths) == 1 else 'these paths'} already (pid {board.process.pid}).")
    print(opening(board.url(token), board.port, paths=paths, here=False))
    if open_browser and has_display():
        again = open_boards.find(paths)  # a token of its own, so that the printed link stays good
        if again is not None:
            webbrowser.open(again[0].url(again[1]))


def _receivers(paths: Sequence[str]) -> tuple[list[Receiver], list[str]]:
    """Who takes in what other tools send, and the paths that show what they took."""
    from crossboard.receiving import visdom_receiver

    receiver, more = visdom_receiver(paths)
    return [receiver], more


def _spec(text: str) -> list[tuple[str, str]]:
    """(name, path) of each part of a ``--logdir_spec``; "" for one without a name, such as a path from the root or a URL."""
    made = []
    for part in filter(None, text.split(",")):
        name, colon, path = part.partition(":")
        plain = not colon or part.startswith("/") or part[len(name) :].startswith("://") or (os.name == "nt" and len(name) == 1)
        made.append(("", part) if plain else (name, path))
    return made


def _nothing(paths: Sequence[str]) -> str:
    from crossboard.nearby import no_runs

    return f"{no_runs(paths)}\n  the board goes on watching"


def _store_over(paths: Sequence[str], *, subruns: bool = False, names: Mapping[str, str] | None = None) -> EmbeddedStore:
    from crossboard.store.embedded import EmbeddedStore
    from crossboard.wiring import sources_for

    return EmbeddedStore(sources_for(paths, subruns=subruns, names=names))
