"""The command line: what each command prints, its exit status, and how a wrong call is answered."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard import __version__
from crossboard.cli import board_parser, default_root, main
from crossboard.commands import COMMANDS, age


def fail(root: Path) -> None:
    with cb.init(project="digits", name="bad", dir=str(root), config={"lr": 9.0}) as run:
        run.log({"train/loss": float("nan")}, step=0)
        raise ZeroDivisionError("lr too high")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a finished run and a failed one."""
    with cb.init(project="digits", name="good", dir=str(tmp_path / "runs"), config={"lr": 0.1}) as run:
        for step in range(10):
            run.log({"train/loss": 1.0 / (1 + step), "val/acc": step / 10}, step=step)
    with pytest.raises(ZeroDivisionError, match="lr too high"):
        fail(tmp_path / "runs")
    return tmp_path / "runs"


def status_of(argv: list[str]) -> int:
    """The exit status, whether it is returned or raised."""
    try:
        return main(argv)
    except SystemExit as end:
        return int(end.code or 0)


# --------------------------------------------------------------------------------------------------------- help


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--version"]) == 0
    assert capsys.readouterr().out == f"crossboard {__version__}\n"


def test_help_names_every_command_and_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--help"]) == 0
    text = capsys.readouterr().out
    for word in (*COMMANDS, "--port", "--host", "--no-browser", "--no-token", "--base-path", "--allow-host", "--version", "examples:"):
        assert word in text, word


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"crossboard {command}" in text
    assert "example" in text


def test_it_runs_as_a_module_and_starts_without_a_web_server() -> None:
    program = "import sys, crossboard.cli; crossboard.cli.board_parser(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"dash", "fastapi", "pyarrow", "uvicorn"} & set(done.stdout.split())
    done = subprocess.run([sys.executable, "-m", "crossboard", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"crossboard {__version__}\n"


# ------------------------------------------------------------------------------------------------- a wrong call


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["exprot"], "'exprot' is no path and no command; did you mean `crossboard export`?"),
        (["frobnicate"], "'frobnicate' is no path and no command; commands are demo, ls, export, verify, seal, gc"),
        (["no/such/place"], "no such path: no/such/place"),
        (["ls", "no/such/place"], "crossboard ls: no such path: no/such/place"),
        (["verify", "no/such/place"], "crossboard verify: no such path: no/such/place"),
        (["seal", "no/such/place"], "crossboard seal: no such path: no/such/place"),
        (["gc", "no/such/place"], "crossboard gc: no such path: no/such/place"),
        (["ls"], "the following arguments are required: PATH"),
        (["--port", "x"], "want a port in 0..65535, got 'x'"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["export", ".", "--format", "xlsx", "--output", "x"], "invalid choice: 'xlsx'"),
        (["export", "."], "the following arguments are required: --format"),
        (["export", ".", "--format", "csv"], "want --output FILE"),
    ],
)
def test_a_wrong_call_says_what_was_wrong_and_ends_with_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(argv) == 2
    assert words in capsys.readouterr().err


def test_a_host_that_cannot_be_listened_on_and_a_bad_base_path_end_with_2(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([str(root), "--no-browser", "--host", "192.0.2.1"]) == 2
    assert "cannot listen on 192.0.2.1 port 8123" in capsys.readouterr().err
    assert status_of([str(root), "--no-browser", "--base-path", "/a b"]) == 2
    assert "base path: want something like /proxy/8123, got '/a b'" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------- the default path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    return tmp_path


def test_the_default_is_crossboard_dir_then_runs_here_then_in_a_parent(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "runs").mkdir()
    assert default_root() == elsewhere / "runs"
    (elsewhere / "a" / "runs").write_text("a file is no root")
    assert default_root() == elsewhere / "runs"
    (elsewhere / "a" / "b" / "runs").mkdir()
    assert default_root() == elsewhere / "a" / "b" / "runs"
    monkeypatch.setenv("CROSSBOARD_DIR", str(elsewhere / "named"))
    assert default_root() == elsewhere / "named"


def test_the_board_listens_on_this_machine_only_unless_told_otherwise() -> None:
    args = board_parser().parse_args([])
    assert (args.host, args.port, args.no_token, args.no_browser, args.allow_host, args.base_path) == (
        "127.0.0.1",
        8123,
        False,
        False,
        [],
        "",
    )


# ------------------------------------------------------------------------------------------------------ commands


def test_ls_prints_one_line_a_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["PROJECT", "ID", "NAME", "STATUS", "AGE", "SERIES", "POINTS", "NOTE"]
    assert [line.split()[0:1] + line.split()[2:4] + line.split()[5:7] for line in lines[1:]] == [
        ["digits", "good", "finished", "2", "20"],
        ["digits", "bad", "failed", "1", "1"],
    ]
    assert "ZeroDivisionError: lr too high" in lines[2]


def test_ls_as_json_is_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(root), "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)
    assert [(run["name"], run["config"]) for run in runs] == [("good", {"lr": 0.1}), ("bad", {"lr": 9.0})]
    assert runs[0]["metrics"]["val/acc"]["max"] == 0.9


def test_ls_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"no runs in {tmp_path}\n")


def test_ls_into_a_closed_pipe_is_quiet(root: Path) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m crossboard ls "{root}" | head -n 0', shell=True, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stderr == ""


def test_export_writes_every_point_as_long_csv(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "points.csv"
    assert main(["export", str(root), "--format", "csv", "--output", str(output)]) == 0
    assert "21 points of 3 series in 2 runs" in capsys.readouterr().err
    rows = list(csv.DictReader(output.open()))
    assert list(rows[0]) == ["project", "run", "attempt", "rank", "tag", "step", "wall_time", "value"]
    good = [row for row in rows if row["tag"] == "val/acc"]
    assert [(row["step"], float(row["value"])) for row in good] == [(str(step), step / 10) for step in range(10)]
    assert [row["value"] for row in rows if row["value"] == "nan"] == ["nan"]


def test_export_takes_a_query_and_a_tag_pattern_and_writes_parquet(root: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    output = tmp_path / "points.parquet"
    words = ["export", str(root), "--format", "parquet", "--output", str(output), "--runs", "lr < 1", "--tags", "^val/"]
    assert main(words) == 0
    table = parquet.read_table(output)
    assert set(table["tag"].to_pylist()) == {"val/acc"}
    assert table["step"].to_pylist() == list(range(10))


def test_export_goes_to_standard_output(root: Path) -> None:
    words = [sys.executable, "-m", "crossboard", "export", str(root), "--format", "csv", "--output", "-", "--tags", "val"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 11
    assert done.stdout.startswith("project,run,attempt,rank,tag,step,wall_time,value\n")


def test_export_of_nothing_is_bad_news_and_a_wrong_query_is_a_wrong_call(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(root), "--format", "csv", "--output", str(tmp_path / "x.csv")]
    assert main([*words, "--runs", "lr > 100"]) == 1
    assert main([*words, "--runs", "lr <"]) == 2
    assert "^" in capsys.readouterr().err
    assert main([*words, "--tags", "("]) == 2
    assert main(["export", str(root), "--format", "csv", "--output", str(tmp_path / "no" / "such" / "x.csv")]) == 2


def test_verify_says_whole_and_then_where_a_byte_was_changed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(root)]) == 0
    assert "damaged" not in capsys.readouterr().out
    (points, *_) = sorted(root.glob("*/*/points-*.cbj"))
    data = bytearray(points.read_bytes())
    data[64 + 8] ^= 1  # the step of the first point
    points.write_bytes(data)
    assert main(["verify", str(root)]) == 1
    text = capsys.readouterr().out
    assert points.name in text
    assert re.search(r"\b64\b", text)


def test_verify_of_no_runs_ends_with_2(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path)]) == 2


def test_seal_packs_ended_runs_and_a_second_time_finds_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["seal", str(root)]) == 0
    assert "21 points: " in capsys.readouterr().out
    assert not list(root.glob("*/*/*.cbj"))
    assert len(list(root.glob("*/*/points-*.parquet"))) == 2
    assert main(["seal", str(root)]) == 0
    assert "2 writers sealed already or empty" in capsys.readouterr().out
    assert main(["verify", str(root)]) == 0
    main(["ls", str(root)])
    assert "20" in capsys.readouterr().out.split()


def test_gc_says_what_it_would_cut_before_it_cuts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orphan = next(root.glob("*/*")) / ".points-x.parquet.999999.0badcafe.tmp"
    orphan.write_bytes(b"left by a process that is gone")
    old = 1_000_000_000
    os.utime(orphan, (old, old))
    assert main(["gc", str(root), "--dry-run"]) == 0
    assert orphan.name in capsys.readouterr().out
    assert orphan.exists()
    assert main(["gc", str(root)]) == 0
    assert not orphan.exists()
    assert main(["verify", str(root)]) == 0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d"), (-5, "0s"), (float("nan"), "?")]
)
def test_an_age_is_told_in_one_unit(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def test_logdir_is_another_word_for_a_path() -> None:
    assert board_parser().parse_args(["--logdir", "a", "--logdir=b"]).logdir == ["a", "b"]


def test_where_there_are_no_runs_it_says_what_was_looked_for_and_what_lies_near(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty, near = tmp_path / "here" / "empty", tmp_path / "here" / "logs" / "exp1"
    empty.mkdir(parents=True)
    near.mkdir(parents=True)
    (near / "events.out.tfevents.1.host").write_bytes(b"")
    assert main(["ls", str(empty)]) == 0
    said = capsys.readouterr().out
    assert f"no runs in {empty}" in said
    assert "run.json" in said
    assert "tfevents" in said
    assert f"found nearby: crossboard {os.path.relpath(tmp_path / 'here' / 'logs')}" in said


def test_event_files_do_not_go_to_standard_output(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert status_of(["export", str(root), "--format", "tensorboard", "--output", "-"]) == 2
    assert "output: want a new directory for event files, got - (standard output)" in capsys.readouterr().err
    assert not (root / "-").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("command", ["ls", "verify", "seal", "gc"])
def test_a_path_that_is_no_text_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    place = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(place)
    assert status_of([command, place]) == 2
    assert f"crossboard {command}: want a path that is UTF-8 text, got {tmp_path}/caf\\udce9; rename it" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_what_a_source_leaves_out_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.rename(root / "digits", os.fsencode(root) + b"/caf\xe9")
    assert status_of(["ls", str(root)]) == 0
    assert f"{root}: want names that are UTF-8 text; left out" in capsys.readouterr().err


def test_logdir_spec_gives_the_runs_of_a_directory_a_name(tmp_path: Path) -> None:
    from crossboard.cli import _spec
    from crossboard.wiring import sources_for

    assert _spec("a:x/y,b:/z,/plain,s3://bucket/logs") == [("a", "x/y"), ("b", "/z"), ("", "/plain"), ("", "s3://bucket/logs")]
    for place in ("one", "one/below", "two"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "events.out.tfevents.1.host").write_bytes(b"")
    sources = sources_for(
        [tmp_path / "one", tmp_path / "two"], subruns=True, names={str(tmp_path / "one"): "first", str(tmp_path / "two"): "second"}
    )
    assert [run.name for source in sources for run in source.scan()] == ["first", "first/below", "second"]


def test_a_directory_that_cannot_be_listed_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("open", "locked"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "events.out.tfevents.1.host").write_bytes(b"")
    real = os.scandir

    def refuse(path: Any) -> Any:
        if str(path) == str(tmp_path / "locked"):  # root may list everything, so the refusal is made here
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert main(["ls", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "open" in told.out
    assert f"{tmp_path}: cannot be read: {tmp_path / 'locked'}: Permission denied" in told.err


def test_ls_names_what_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from crossboard.store.framing import encode_frame

    file = tmp_path / "events.out.tfevents.1.host"
    whole = encode_frame(b"\x09" + bytes(8)) * 3
    file.write_bytes(whole[:30] + bytes([whole[30] ^ 1]) + whole[31:] + encode_frame(b"\x09" + bytes(8)))
    assert main(["ls", str(tmp_path)]) == 0
    assert f"at byte 25 of {file}" in capsys.readouterr().err
