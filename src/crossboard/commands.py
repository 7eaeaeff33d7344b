"""The commands beside the board: ``crossboard ls|export|verify|seal|gc|demo``. Each takes its words, returns its status."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from crossboard.paths import existing
from crossboard.store.kinds import RunInfo
from crossboard.terminal import columns, counted, harmless_lines

MOST_PROBLEMS: Final = 10


def parser_of(command: str, description: str, examples: str, *, paths: str = "+") -> argparse.ArgumentParser:
    """A parser for `command` that takes paths and shows `examples`."""
    parser = argparse.ArgumentParser(
        prog=f"crossboard {command}",
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("paths", metavar="PATH", nargs=paths, help="run roots, projects or single runs")
    return parser


def _read(paths: Sequence[str]) -> Any:
    """A store over `paths`, everything read."""
    from crossboard.store.embedded import EmbeddedStore
    from crossboard.waiting import progress_of
    from crossboard.wiring import sources_for

    store = EmbeddedStore(sources_for(paths))
    with progress_of(store):
        store.refresh()
    for source in store.sources():
        if source.error:
            print(f"{source.path}: {source.error}", file=sys.stderr)
    return store


def age(seconds: float) -> str:
    """A length of time in one unit: 40s, 12m, 3h, 5d."""
    if not math.isfinite(seconds):
        return "?"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


# ----------------------------------------------------------------------------------------------------- ls


def list_runs(argv: Sequence[str]) -> int:
    """``crossboard ls PATH...``: one line a run."""
    parser = parser_of("ls", "List runs, oldest first.", "  crossboard ls runs\n  crossboard ls runs --json | jq '.[].name'")
    parser.add_argument("--json", action="store_true", help="as JSON, with config and metrics")
    args = parser.parse_args(argv)
    store = _read(existing(parser, args.paths))
    try:
        runs: list[RunInfo] = store.runs()
        series = {run.key: store.series(run=run.key) for run in runs}
        if args.json:
            print(_as_json(store, runs))
            return 0
        rows = [("PROJECT", "ID", "NAME", "STATUS", "AGE", "SERIES", "POINTS", "NOTE")]
        for run in runs:
            mine = series[run.key]
            rows.append(
                (
                    run.project,
                    run.id,
                    run.name,
                    run.status,
                    age(time.time() - run.started),
                    f"{len(mine):,}",
                    f"{sum(one.count for one in mine):,}",
                    _note(run),
                )
            )
        if not runs:
            from crossboard.nearby import no_runs

            print(no_runs(args.paths))
            return 0
        print(columns(rows, right=(4, 5, 6)))
        bad = [problem for run in runs for problem in run.problems]
        if bad:
            for problem in bad[:MOST_PROBLEMS]:
                print(problem, file=sys.stderr)
            if len(bad) > MOST_PROBLEMS:
                print(
                    f"{counted(len(bad), 'problem')} met; the board names them all, `crossboard verify` those of native runs",
                    file=sys.stderr,
                )
        for source in store.sources():
            if source.error:
                print(f"{source.path}: {source.error}", file=sys.stderr)
        return 0
    finally:
        store.close()


def _note(run: RunInfo) -> str:
    words = []
    if run.archived:
        words.append("archived")
    if run.silent_s:
        words.append(f"silent for {age(run.silent_s)}")
    if run.dropped:
        words.append(f"{counted(run.dropped, 'point')} dropped")
    if run.attempts > 1:
        words.append(f"{run.attempts} attempts")
    if run.ranks > 1:
        words.append(f"{run.ranks} ranks")
    if run.error:
        words.append(run.error)
    return "; ".join(words)


def _as_json(store: Any, runs: Sequence[RunInfo]) -> str:
    import dataclasses

    import orjson

    listed = []
    for run in runs:
        entry = dataclasses.asdict(run)
        entry["metrics"] = {tag: dataclasses.asdict(summary) for tag, summary in store.metrics(run.key).items()}
        listed.append(entry)
    return orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()


# ------------------------------------------------------------------------------------------------- export


def export(argv: Sequence[str]) -> int:
    """``crossboard export PATH... --format csv|parquet|tensorboard|visdom --output FILE``: every point of every attempt."""
    parser = parser_of(
        "export",
        "Write scalar points as one long table (project, run, attempt, rank, tag, step, wall_time, value), or everything as a\n"
        "log directory for TensorBoard, or as environments for Visdom: files, or posted to one that runs.",
        "  crossboard export runs --format csv --output points.csv\n"
        "  crossboard export runs --format parquet --output p.parquet --runs 'lr < 0.01 and status = finished' --tags '^val/'\n"
        "  crossboard export runs --format tensorboard --output logs\n"
        "  crossboard export runs --format visdom --output ~/.visdom\n"
        "  crossboard export runs --format visdom --to http://localhost:8097 --together sweep --group-by lr",
    )
    formats = ("csv", "parquet", "tensorboard", "visdom")
    parser.add_argument("--format", choices=formats, required=True, help="csv, Parquet with typed columns, event files, or environments")
    parser.add_argument(
        "--output", metavar="FILE", help="file to write, - is standard output; a new directory for tensorboard; a directory for visdom"
    )
    parser.add_argument("--runs", metavar="QUERY", default="", help="which runs: a query, or a part of the name")
    parser.add_argument("--tags", metavar="REGEX", default="", help="which tags: a regular expression found in the tag")
    visdom = parser.add_argument_group("visdom")
    visdom.add_argument("--to", metavar="URL", help="post to the Visdom that runs there, instead of --output")
    visdom.add_argument("--together", metavar="NAME", default="", help="one environment of that name: a pane a tag, a curve a run")
    visdom.add_argument("--group-by", metavar="FIELD", default="", help="with --together: runs that are equal there have one colour")
    visdom.add_argument(
        "--username", metavar="NAME", default="", help="of a Visdom with a login; the password is taken from VISDOM_PASSWORD"
    )
    args = parser.parse_args(argv)
    if args.format != "visdom" and (args.to or args.together or args.group_by or args.username):
        parser.error("--to, --together, --group-by and --username go with --format visdom")
    if (args.output is None) == (args.to is None) or (args.format == "visdom" and args.output == "-"):
        parser.error("want --output FILE" + (", a directory, or --to URL" if args.format == "visdom" else ""))
    if args.group_by and not args.together:
        parser.error("--group-by wants --together NAME: it says which runs have one colour in a pane")
    from crossboard.store.export import export as write

    store = _read(existing(parser, args.paths))
    try:
        if args.format == "tensorboard" and args.output == "-":
            print(f"{parser.prog}: output: want a new directory for event files, got - (standard output)", file=sys.stderr)
            return 2
        if args.format == "tensorboard":
            from crossboard.event_export import export_events

            events = export_events(store, args.output, runs=args.runs, tags=args.tags)
            print(events, file=sys.stderr)
            return 0 if events.runs else 1
        if args.format == "visdom":
            return _export_visdom(store, args)
        if args.output == "-":
            with tempfile.TemporaryDirectory(prefix="crossboard-") as place:
                output = os.path.join(place, f"export.{args.format}")
                report = write(store, output, format=args.format, runs=args.runs, tags=args.tags)
                with open(output, "rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
        else:
            report = write(store, args.output, format=args.format, runs=args.runs, tags=args.tags)
    except OSError as error:
        print(f"{parser.prog}: cannot write {args.output}: {error.strerror}", file=sys.stderr)
        return 2
    finally:
        store.close()
    said = f"{counted(report.points, 'point')} of {report.series:,} series in {counted(report.runs, 'run')} -> {args.output}"
    print(said, file=sys.stderr)
    return 0 if report.runs else 1


def _export_visdom(store: Any, args: argparse.Namespace) -> int:
    """`export` of environments, to files or to a running Visdom."""
    from crossboard.adapters.visdom.posting import Server
    from crossboard.visdom_export import export_visdom

    server = None
    if args.to:
        username = args.username or os.environ.get("VISDOM_USERNAME", "")
        server = Server(args.to, username=username, password=os.environ.get("VISDOM_PASSWORD", "") if username else "")
    try:
        report = export_visdom(
            store, args.output, to=server, runs=args.runs, tags=args.tags, together=args.together, group_by=args.group_by
        )
    finally:
        if server is not None:
            server.close()
    print(report, file=sys.stderr)
    return 0 if report.runs else 1


# --------------------------------------------------------------------------------------- verify, seal, gc


def verify(argv: Sequence[str]) -> int:
    """``crossboard verify PATH...``: every record of every file."""
    parser = parser_of(
        "verify",
        "Read every record of every file and say what is whole, torn or damaged, with file and offset. Nothing is written.\n"
        "Exit status: 0 all whole, 1 something is torn or damaged, 2 no native runs there.",
        "  crossboard verify runs\n  crossboard verify runs/mnist/20261121-101500-ab12cd --all",
    )
    parser.add_argument("--all", action="store_true", help="list whole files, too")
    args = parser.parse_args(argv)
    from crossboard.store.verify import exit_status, format_report
    from crossboard.store.verify import verify as check

    reports = [report for path in existing(parser, args.paths) for report in check(path)]
    print(harmless_lines(format_report(reports, every=args.all)))
    return exit_status(reports)


def seal(argv: Sequence[str]) -> int:
    """``crossboard seal PATH...``: pack the points of runs that have ended."""
    parser = parser_of(
        "seal",
        "Pack the points of runs that have ended into Parquet. A writer is sealed only if it recorded its own end, or is\n"
        "proven dead on this host. Readers see the same points before, during and after.",
        "  crossboard seal runs",
    )
    parser.add_argument("--quiet", action="store_true", help="print problems only")
    args = parser.parse_args(argv)
    from crossboard.store.rundir import find_runs
    from crossboard.store.sealing import may_seal, seal_run

    if args.quiet and hasattr(os, "nice"):
        os.nice(19)
    sums: dict[str, int] = {}
    before = after = points = 0
    failed = False
    for path in existing(parser, args.paths):
        for run_dir in find_runs(path):
            if not may_seal(run_dir):
                sums["of another user"] = sums.get("of another user", 0) + 1
                continue
            for report in seal_run(run_dir):
                sums[report.state] = sums.get(report.state, 0) + 1
                points, before, after = points + report.points, before + report.before, after + report.after
                for problem in report.problems:
                    print(problem, file=sys.stderr)
                if report.state == "failed":
                    failed = True
                    print(f"{run_dir}: writer {report.writer}: {report.why}", file=sys.stderr)
    if not args.quiet:
        names = {"open": "still open", "busy": "being sealed by another process", "nothing": "sealed already or empty"}
        print(f"{counted(points, 'point')}: {before:,} -> {after:,} bytes")
        print(", ".join(f"{counted(count, 'writer')} {names.get(state, state)}" for state, count in sums.items()) or "no native runs found")
    return int(failed)


def gc(argv: Sequence[str]) -> int:
    """``crossboard gc PATH...``: cut and remove what dead runs waste."""
    parser = parser_of(
        "gc",
        "Cut the room that dead runs reserved and never used, remove what dead processes left unfinished, and empty the trash\n"
        "of runs that were deleted on the board. Points and records of runs are never touched, nor is anything of a run that\n"
        "lives or cannot be told from here.",
        "  crossboard gc runs --dry-run\n  crossboard gc runs",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would come free, change nothing")
    args = parser.parse_args(argv)
    from crossboard.store.waste import collect, format_waste

    found = [waste for path in existing(parser, args.paths) for waste in collect(path, dry_run=args.dry_run)]
    print(harmless_lines(format_waste(found, dry_run=args.dry_run)))
    return 0


def demo(argv: Sequence[str]) -> int:
    """``crossboard demo``: train small networks and watch them live."""
    from crossboard.demo import main

    return main(list(argv))


COMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "demo": demo,
    "ls": list_runs,
    "export": export,
    "verify": verify,
    "seal": seal,
    "gc": gc,
}
