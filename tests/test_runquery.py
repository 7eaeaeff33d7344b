"""The run query says which runs are meant, and where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.errors import BadQuery
from crossboard.store.kinds import MetricSummary, RunInfo
from crossboard.store.runquery import choose, matcher


def run(name: str, **fields: Any) -> RunInfo:
    given_fields: dict[str, Any] = {"id": name, "project": "mnist", "status": "finished", **fields}
    return RunInfo(key=f"t:{name}", name=name, source="t", path="", started=0.0, updated=0.0, **given_fields)


RUNS = [
    run("ResNet-50", config={"lr": 0.1, "optimizer": {"name": "adam", "beta.1": 0.9}, "seed": 1, "amp": True}, tags=("paper", "big")),
    run("resnet-18", config={"lr": "0.01", "optimizer": {"name": "sgd"}, "seed": 2}, framework="torch", status="failed"),
    run("plain net", config={"lr": 0.001, "seed": 3, "note": None}, group="baseline", summary={"flops": 5}),
]
METRICS = {
    "t:ResNet-50": {
        "val/acc": MetricSummary(0.8, 0.1, 0.9, 99, 100, 0, best=0.9, best_step=50),
        "my loss": MetricSummary(1, 1, 2, 9, 10, 0),
    },
    "t:resnet-18": {"val/acc": MetricSummary(0.5, 0.1, 0.6, 99, 100, 0)},
    "t:plain net": {},
}


def names(query: str) -> list[str]:
    return [one.name for one in choose(RUNS, query, metrics=METRICS.__getitem__)]


FIRST, SECOND, THIRD = (one.name for one in RUNS)


@pytest.mark.parametrize(
    ("query", "want"),
    [
        ("", [FIRST, SECOND, THIRD]),
        ("resnet", [FIRST, SECOND]),
        ("'plain net'", [THIRD]),
        ("net plain", [THIRD]),
        ("lr = 0.01", [SECOND]),
        ("lr<0.05", [SECOND, THIRD]),
        ("lr >= 1e-2", [FIRST, SECOND]),
        ("config.lr == .1", [FIRST]),
        ("optimizer.name = ADAM", [FIRST]),
        ("config.optimizer.name != adam", [SECOND, THIRD]),
        ("optimizer.beta.1 = 0.9", [FIRST]),
        ("seed in (1, 3)", [FIRST, THIRD]),
        ("status in (failed, 'killed')", [SECOND]),
        ("not status = failed", [FIRST, THIRD]),
        ("amp = true", [FIRST]),
        ("note = none", [THIRD]),
        ("tags = paper", [FIRST]),
        ('tag = "paper"', [FIRST]),
        ("name ~ '^res.*50$'", [FIRST]),
        ("name matches net-1[0-9]", [SECOND]),
        ("name contains NET", [FIRST, SECOND, THIRD]),
        ("val/acc > 0.6", [FIRST]),
        ("val/acc.max > 0.5", [FIRST, SECOND]),
        ("val/acc.best = 0.9", [FIRST]),
        ("`my loss`.max = 2", [FIRST]),
        ("summary.flops = 5 or flops = 5", [THIRD]),
        ("framework = torch or group = baseline", [SECOND, THIRD]),
        ("seed = 1 or seed = 2 and status = failed", [FIRST, SECOND]),
        ("(seed = 1 or seed = 2) and status = failed", [SECOND]),
        ("resnet not (lr = 0.1)", [SECOND]),
        ("nothing.like.this = 1", []),
        ("status < 5", []),
    ],
)
def test_a_query_chooses(query: str, want: list[str]) -> None:
    assert names(query) == want


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("lr <", "run query: want a number or a text, got the end\n  lr <\n      ^"),
        ("(lr = 1", "run query: this bracket is not closed\n  (lr = 1\n  ^"),
        ("lr = 'x", "run query: this quote has no end\n  lr = 'x\n       ^"),
        ("seed in 3", "run query: want a bracket with values after 'in'\n  seed in 3\n          ^"),
        ("a or or b", "run query: want a field, a word or a bracket, got 'or'\n  a or or b\n       ^"),
        ("a )", "run query: did not expect ')' here\n  a )\n    ^"),
        ("name ~ '(x'", "run query: no regular expression: missing ), unterminated subpattern\n  name ~ '(x'\n          ^"),
        ("seed in (1 2)", "run query: want a comma or a closing bracket\n  seed in (1 2)\n             ^"),
    ],
)
def test_what_is_wrong_is_shown_where_it_is(query: str, message: str) -> None:
    with pytest.raises(BadQuery) as caught:
        matcher(query)
    assert str(caught.value) == message


@pytest.mark.parametrize("query", ["(" * 5000, "not " * 5000, "not (" * 5000])
def test_a_query_is_only_so_deep(query: str) -> None:
    with pytest.raises(BadQuery, match="more than 100 brackets and nots within one another"):
        matcher(query)


def test_as_many_terms_beside_each_other_as_one_likes_are_taken() -> None:
    assert choose(RUNS, " and ".join(["not (name = 'no such')"] * 3000), metrics=METRICS.__getitem__) == RUNS


@settings(deadline=None)
@given(st.text(alphabet="ab1.()=<>!~'\"`, andortin\\", max_size=30))
def test_any_text_either_chooses_or_is_refused(query: str) -> None:
    try:
        found = choose(RUNS, query, metrics=METRICS.__getitem__)
    except BadQuery as error:
        assert "^" in str(error)  # noqa: PT017 - to choose and to refuse are both right
    else:
        assert len(found) <= len(RUNS)


def test_metrics_are_asked_for_only_when_they_matter() -> None:
    def never(key: str) -> dict[str, MetricSummary]:
        raise AssertionError(key)

    assert len(choose(RUNS, "lr > 0 and status != killed", metrics=never)) == 3
