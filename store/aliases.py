"""Aliases: which tags of which runs are one metric, told by rules that a person can read and change.

    rule     := ["?"] TAG ["in" DIRECTORY] "->" TITLE ":" SPLIT        one a line; "#" begins a remark
    SPLIT    := train | validation | test

In TAG each ``*`` stands for one letter or more, in TITLE for what the star of the same number stood for. ``in DIRECTORY`` wants a run
whose name ends in that directory, which the run's *parent* is above: Keras writes ``x/train`` and ``x/validation``. The first rule that
fits a tag counts. A rule with ``?`` joins tags only when it is asked to.

Two runs *pair* when they lie in one parent in directories of different splits that rules name, one of them of split train: they are
drawn as one, the split by its dash. A *family* is a title of which a parent has several splits, each by one tag. It is *sure* when, for
each parent that tells, every split is one tag, and the splits go on together: where the x axis counts batches for one and epochs for
the other, they are two charts. What is not sure is not joined unless it is asked for, and nothing is ever renamed in a source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from .errors import CrossboardError
from .kinds import RunInfo, SeriesInfo

SPLITS: Final = ("train", "validation", "test")
MOST_RULES: Final = 500
LONGEST_RULE: Final = 400
LONGEST_TAG: Final = 1000
"""A longer tag fits no rule: what two stars cost grows with the square of it."""

EARLY: Final = "too early to tell"
"""Why a family is not sure while it has only begun."""
BUILT_IN: Final = """\
# Keras' TensorBoard callback writes <log_dir>/train and <log_dir>/validation
epoch_* in train                           -> *       : train
epoch_* in validation                      -> *       : validation
batch_* in train                           -> batch_* : train
evaluation_*_vs_iterations in validation   -> batch_* : validation

# directories of one training
* in train         -> * : train
* in training      -> * : train
* in validation    -> * : validation
* in valid         -> * : validation
* in val           -> * : validation
* in eval          -> * : validation
* in test          -> * : test

# both splits in one run: val_loss, validation/epoch_loss, loss/val
train/epoch_*      -> *   : train
validation/epoch_* -> *   : validation
*/val_*            -> */* : validation
val_*              -> *   : validation
valid_*            -> *   : validation
validation_*       -> *   : validation
eval_*             -> *   : validation
test_*             -> *   : test
*/train_*          -> */* : train
train_*            -> *   : train
*/val              -> *   : validation
*/valid            -> *   : validation
*/validation       -> *   : validation
*/test             -> *   : test
*/train            -> *   : train

# a prefix is a section of the board, and who logged it chose so: only when asked
? val/*            -> * : validation
? valid/*          -> * : validation
? validation/*     -> * : validation
? eval/*           -> * : validation
? test/*           -> * : test
? train/*          -> * : train

# what is left is the training side of its own name: loss beside val_loss
* -> * : train
"""
"""The rules that hold where no others are given."""

_RULE: Final = re.compile(r"(?P<asked>\?\s*)?(?P<tag>\S+)(?:\s+in\s+(?P<directory>\S+))?\s*->\s*(?P<title>\S+)\s*:\s*(?P<split>\S+)")


class BadRule(CrossboardError):
    """A rule that cannot be read. The text names the line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. tag: a compiled pattern with a group for each star; title: with as many stars or fewer."""

    tag: re.Pattern[str]
    directory: str
    title: str
    split: str
    asked: bool

    def title_of(self, tag: str) -> str | None:
        """The title of `tag`, None where the rule does not fit it."""
        found = self.tag.fullmatch(tag) if len(tag) <= LONGEST_TAG else None
        if found is None:
            return None
        words = iter(found.groups())
        return "".join(next(words) if part == "*" else part for part in re.split(r"(\*)", self.title))


@dataclass(frozen=True, slots=True)
class Pair:
    """What a run is beside others of one parent. lead: the key of the run of split train; parent: the name of what they lie in."""

    lead: str
    parent: str
    directory: str
    split: str


@dataclass(frozen=True, slots=True)
class Family:
    """Tags that are one metric. splits: tag -> split, "" for a tag whose split the run's directory says; why: what makes it unsure."""

    title: str
    splits: dict[str, str]
    why: str = ""

    @property
    def sure(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True)
class Aliases:
    """A set of rules, in their order; `text` is as it was written."""

    text: str
    rules: tuple[Rule, ...]
    directories: dict[str, str] = field(default_factory=dict)

    def find(self, tag: str, directory: str, *, asked: bool) -> tuple[Rule, str] | None:
        """(rule, title) of `tag` in a paired run of that directory ("" in any other run); rules with "?" only when `asked`."""
        for rule in self.rules:
            if (rule.directory and rule.directory != directory) or (rule.asked and not asked):
                continue
            title = rule.title_of(tag)
            if title:
                return rule, title
        return None


def parse(text: str) -> Aliases:
    """Read rules. Raises BadRule."""
    rules: list[Rule] = []
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        if len(said) > LONGEST_RULE or len(rules) >= MOST_RULES:
            raise BadRule(f"line {number}: want at most {MOST_RULES} rules of at most {LONGEST_RULE} letters")
        rules.append(_rule(said, number))
    return Aliases(text, tuple(rules), {rule.directory: rule.split for rule in reversed(rules) if rule.directory})


def _rule(said: str, number: int) -> Rule:
    found = _RULE.fullmatch(said)
    if found is None:
        raise BadRule(f"line {number}: want TAG [in DIRECTORY] -> TITLE : SPLIT, got {said!r:.80}")
    tag, title, split = found["tag"], found["title"], found["split"]
    if split not in SPLITS:
        raise BadRule(f"line {number}: split: want one of {', '.join(SPLITS)}, got {split!r:.40}")
    if title.count("*") > tag.count("*"):
        raise BadRule(f"line {number}: the title {title!r:.40} has more stars than the tag {tag!r:.40}")
    if tag.count("*") > 2 or "**" in tag:
        raise BadRule(f"line {number}: want at most two stars, none beside another, got {tag!r:.40}")
    directory = found["directory"] or ""
    if "*" in directory or "/" in directory:
        raise BadRule(f"line {number}: in: want the name of one directory, got {directory!r:.40}")
    pattern = "".join("(.+?)" if part == "*" else re.escape(part) for part in re.split(r"(\*)", tag))
    return Rule(re.compile(pattern, re.DOTALL), directory, title, split, found["asked"] is not None)


def pairs(aliases: Aliases, runs: Iterable[RunInfo]) -> dict[str, Pair]:
    """Run key -> what it is beside others, of the runs that pair. Each split of a parent is one run, or nothing pairs there."""
    places: dict[tuple[str, str, str], dict[str, list[RunInfo]]] = {}
    for run in runs:
        parent, _, last = run.name.rpartition("/")
        split = aliases.directories.get(last)
        if split is not None:
            places.setdefault((run.source, run.project, parent), {}).setdefault(split, []).append(run)
    found: dict[str, Pair] = {}
    for (_, project, parent), by_split in places.items():
        if len(by_split) < 2 or "train" not in by_split or any(len(some) > 1 for some in by_split.values()):
            continue
        lead = by_split["train"][0].key
        for split, (run,) in by_split.items():
            found[run.key] = Pair(lead, parent or project, run.name.rpartition("/")[2], split)
    return found


_Places = dict[str, dict[str, dict[str, list[SeriesInfo]]]]
"""parent -> split -> tag -> series"""


def families(aliases: Aliases, series: Iterable[SeriesInfo], paired: dict[str, Pair], *, asked: bool = False) -> list[Family]:
    """The families among scalar `series`, by title. A title that is one tag everywhere is no family: it is one chart already.

    Every tag is in at most one family. The order of `series` does not matter. asked: rules with "?" count, too.
    """
    meaning: dict[tuple[str, str], tuple[Rule, str] | None] = {}
    titles: dict[str, _Places] = {}
    told: dict[str, dict[str, set[str]]] = {}
    for one in series:
        pair = paired.get(one.key.run)
        name = (one.key.tag, pair.directory if pair else "")
        if name not in meaning:
            meaning[name] = aliases.find(*name, asked=asked)
        found = meaning[name]
        if found is None:
            continue
        rule, title = found
        place = titles.setdefault(title, {}).setdefault(pair.lead if pair else one.key.run, {})
        place.setdefault(rule.split, {}).setdefault(one.key.tag, []).append(one)
        told.setdefault(title, {}).setdefault(one.key.tag, set()).add("" if rule.directory else rule.split)
    made: list[Family] = []
    for title, places in titles.items():
        tags = told[title]
        both = [place for _, place in sorted(places.items()) if len(place) > 1]
        if len(tags) < 2 or not both:
            continue
        splits = {tag: next(iter(tags[tag])) if len(tags[tag]) == 1 else "" for tag in sorted(tags)}
        made.append(Family(title, splits, _doubt(both)))
    made.sort(key=lambda family: (not family.sure, family.title))
    taken: set[str] = set()
    kept = []
    for family in made:
        if taken.isdisjoint(family.splits):
            taken |= family.splits.keys()
            kept.append(family)
    return sorted(kept, key=lambda family: family.title)


def _doubt(places: Iterable[dict[str, dict[str, list[SeriesInfo]]]]) -> str:
    """Why several splits of these parents may not be one metric; "" where one parent says that they are and none that they are not."""
    sure = False
    for place in places:
        for split, tags in sorted(place.items()):
            if len(tags) > 1:
                return f"{split} could be {' or '.join(sorted(tags)[:3])}"
        ends = [_end([one for some in tags.values() for one in some]) for tags in place.values()]
        (low, apart_low), (high, apart_high) = min(ends), max(ends)
        if low == high:
            sure = True
        elif all(apart for _, apart in ends):
            if high - low > 2 * max(apart_low, apart_high):
                return f"one split ends at step {low:,}, the other at {high:,}"
            sure = True
    return "" if sure else EARLY


def _end(some: Sequence[SeriesInfo]) -> tuple[int, float]:
    """(last step, mean distance of steps) of the longest of `some`; the distance is 0 while there is but one step."""
    longest = max(some, key=lambda one: (one.count, one.last_step))
    return longest.last_step, (longest.last_step - longest.first_step) / max(1, longest.count - 1)
