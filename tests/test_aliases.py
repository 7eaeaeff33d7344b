"""Aliases join what is surely one metric, and nothing else: the rules, the pairs of runs, the families of tags."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.aliases import BUILT_IN, SPLITS, BadRule, families, pairs, parse
from crossboard.store.kinds import Kind, RunInfo, SeriesInfo, SeriesKey

BUILT = parse(BUILT_IN)


def run(name: str, *, project: str = "p", source: str = "tensorboard") -> RunInfo:
    return RunInfo(
        key=f"{source}:{project}/{name}",
        id=name,
        project=project,
        name=name,
        source=source,
        path="/",
        status="silent",
        started=0.0,
        updated=0.0,
    )


def series(where: RunInfo, tag: str, *, last: int = 100, count: int = 11) -> SeriesInfo:
    return SeriesInfo(SeriesKey(where.key, tag), Kind.SCALAR, count, 0, last, 0.0, 1.0, 0.5)


def joined(*found: SeriesInfo, runs: tuple[RunInfo, ...] = (), asked: bool = False) -> dict[str, tuple[set[str], bool]]:
    made = families(BUILT, found, pairs(BUILT, runs), asked=asked)
    return {family.title: (set(family.splits), family.sure) for family in made}


@pytest.mark.parametrize(
    ("tags", "title"),
    [
        (("loss", "val_loss"), "loss"),
        (("loss/train", "loss/val"), "loss"),
        (("train/epoch_loss", "validation/epoch_loss"), "loss"),
        (("metrics/loss", "metrics/val_loss"), "metrics/loss"),
        (("train_loss", "test_loss"), "loss"),
        (("a/b/train", "a/b/validation"), "a/b"),
    ],
)
def test_both_splits_of_one_run_are_one_family(tags: tuple[str, str], title: str) -> None:
    one = run("x")
    assert joined(*(series(one, tag) for tag in tags)) == {title: (set(tags), True)}


def test_the_splits_are_told_by_tag() -> None:
    one = run("x")
    (family,) = families(BUILT, [series(one, "loss"), series(one, "val_loss"), series(one, "lr")], {})
    assert family.splits == {"loss": "train", "val_loss": "validation"}


def test_prefixes_that_are_sections_are_joined_when_asked() -> None:
    one = run("x")
    found = [series(one, "train/loss"), series(one, "val/loss")]
    assert joined(*found) == {}
    assert joined(*found, asked=True) == {"loss": ({"train/loss", "val/loss"}, True)}


def test_keras_directories_pair_and_their_tags_meet_those_of_other_loggers() -> None:
    train, validation, other, third = run("a/train"), run("a/validation"), run("torch"), run("native", source="native")
    runs = (train, validation, other, third)
    paired = pairs(BUILT, runs)
    assert {key: (pair.lead, pair.parent, pair.split) for key, pair in paired.items()} == {
        train.key: (train.key, "a", "train"),
        validation.key: (train.key, "a", "validation"),
    }
    found = [series(train, "epoch_loss"), series(validation, "epoch_loss"), series(other, "loss/train"), series(other, "loss/val")]
    found += [series(third, "loss"), series(third, "val_loss"), series(train, "epoch_learning_rate")]
    (family,) = families(BUILT, found, paired)
    assert (family.title, family.sure) == ("loss", True)
    assert family.splits == {"epoch_loss": "", "loss/train": "train", "loss/val": "validation", "loss": "train", "val_loss": "validation"}


def test_keras_counts_batches_in_one_chart_and_epochs_in_another() -> None:
    train, validation = run("train"), run("validation")
    found = [series(train, "batch_loss", last=960), series(validation, "evaluation_loss_vs_iterations", last=960)]
    found += [series(train, "epoch_loss", last=9), series(validation, "epoch_loss", last=9)]
    assert joined(*found, runs=(train, validation)) == {"batch_loss": ({"batch_loss", "evaluation_loss_vs_iterations"}, True)}


@pytest.mark.parametrize(
    "names",
    [
        ("a/train",),
        ("a/train", "b/validation"),
        ("a/validation", "a/test"),
        ("a/train", "a/val", "a/validation"),
        ("train-a", "validation-a"),
    ],
)
def test_directories_that_are_no_pair_stay_apart(names: tuple[str, ...]) -> None:
    assert pairs(BUILT, [run(name) for name in names]) == {}


def test_directories_of_two_projects_are_no_pair() -> None:
    assert pairs(BUILT, [run("a/train", project="p"), run("a/validation", project="q")]) == {}


def test_the_parent_of_directories_at_the_root_is_the_project() -> None:
    assert {pair.parent for pair in pairs(BUILT, [run("train"), run("test")]).values()} == {"p"}


def why(*found: SeriesInfo) -> str:
    (family,) = families(BUILT, found, {})
    return family.why


def test_two_tags_for_one_split_are_in_doubt() -> None:
    one = run("x")
    assert why(series(one, "loss"), series(one, "val_loss"), series(one, "loss/val")) == "validation could be loss/val or val_loss"


def test_batches_beside_epochs_are_in_doubt() -> None:
    one = run("x")
    assert (
        why(series(one, "loss", last=9600, count=961), series(one, "val_loss", last=9, count=10))
        == "one split ends at step 9, the other at 9,600"
    )


def test_a_validation_that_lags_one_round_behind_is_no_doubt() -> None:
    one = run("x")
    assert why(series(one, "loss", last=999, count=1000), series(one, "val_loss", last=500, count=2)) == ""


def test_what_has_only_begun_is_too_early_to_tell() -> None:
    one = run("x")
    assert why(series(one, "loss", last=999, count=1000), series(one, "val_loss", last=0, count=1)) == "too early to tell"
    assert why(series(one, "loss", last=0, count=1), series(one, "val_loss", last=0, count=1)) == ""


def test_a_run_with_one_split_decides_nothing_and_is_shown_with_the_others() -> None:
    one, other = run("x"), run("y")
    assert joined(series(one, "loss"), series(one, "val_loss"), series(other, "loss", last=7)) == {"loss": ({"loss", "val_loss"}, True)}
    assert joined(series(one, "loss"), series(other, "val_loss")) == {}


TAGS = st.sampled_from(
    ["loss", "val_loss", "loss/val", "loss/train", "epoch_loss", "train/loss", "val/loss", "validation/epoch_loss", "lr"]
)
NAMES = st.sampled_from(["a/train", "a/validation", "b", "train", "validation", "c"])


@given(st.lists(st.tuples(NAMES, TAGS, st.integers(0, 20), st.integers(1, 5)), max_size=25), st.booleans(), st.randoms())
def test_a_tag_is_in_one_family_and_the_order_does_not_matter(drawn: list[tuple[str, str, int, int]], asked: bool, order: Any) -> None:
    found = list({(name, tag): series(run(name), tag, last=last, count=count) for name, tag, last, count in drawn}.values())
    runs = [run(name) for name in {name for name, *_ in drawn}]
    made = families(BUILT, found, pairs(BUILT, runs), asked=asked)
    members = [tag for family in made for tag in family.splits]
    assert len(members) == len(set(members))
    assert all(len(family.splits) > 1 and set(family.splits.values()) <= {"", *SPLITS} for family in made)
    shuffled = list(found)
    order.shuffle(shuffled)
    order.shuffle(runs)
    assert families(BUILT, shuffled, pairs(BUILT, runs), asked=asked) == made


def test_own_rules_take_the_place_of_the_built_in_ones() -> None:
    own = parse("dev.* -> * : validation\nfit.* -> * : train\n")
    one = run("x")
    (family,) = families(own, [series(one, "dev.nll"), series(one, "fit.nll"), series(one, "loss"), series(one, "val_loss")], {})
    assert (family.title, family.splits) == ("nll", {"dev.nll": "validation", "fit.nll": "train"})
    assert families(parse("# none\n"), [series(one, "loss"), series(one, "val_loss")], {}) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a -> b", "line 1: want TAG [in DIRECTORY] -> TITLE : SPLIT, got 'a -> b'"),
        ("# x\n\na -> b : dev", "line 3: split: want one of train, validation, test, got 'dev'"),
        ("a -> * : train", "line 1: the title '*' has more stars than the tag 'a'"),
        ("a** -> * : train", "line 1: want at most two stars, none beside another, got 'a**'"),
        ("a in b/c -> d : train", "line 1: in: want the name of one directory, got 'b/c'"),
        ("a -> b : train\n" * 501, "line 501: want at most 500 rules of at most 400 letters"),
    ],
)
def test_a_rule_that_cannot_be_read_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse(text)
    assert str(caught.value) == message


@given(st.text(max_size=60))
def test_any_text_is_rules_or_is_refused(text: str) -> None:
    try:
        found = parse(text).text
    except BadRule as error:
        found = str(error)
    assert found == text or found.startswith("line ")
