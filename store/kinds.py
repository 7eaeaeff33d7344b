"""The words of crossboard: what a run, a series and a point are, and what a reader may assume.

A *project* is a named group of runs. A *run* is one training: an id, a name, a config, a status, tags, notes,
a group. An *attempt* is one launch of the program for a run; a resume is a new attempt, counted from 1. A *writer*
is one process of one attempt (a rank, a fork, a loader worker) and owns its files alone.

A *tag* is the hierarchical name of what is logged, ``train/loss``. A *series* is all points of one kind under one
(run, rank, tag). A *strand* is the part of a series that one writer wrote; within a strand points stand in the order
of arrival, and arrival is the only order that is promised.

A *point* is (step, wall time, value). A step is an int64 without a unit: any order, may repeat, may be negative.
A wall time is float64 seconds since the Unix epoch, UTC; it can go back when the machine's clock does. A scalar value
is any float64: NaN and both infinities are data and are kept.

Resumed runs: every attempt is kept. The default view of a series takes, for one rank, the newest attempt from the
smallest step it logged for that tag, and older attempts only before it. Ranks never cut one another.

A reader opened during training sees every point whose logging call returned before the reader looked, and never half
a point.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Kind(enum.Enum):
    """What a point is. The set is closed: an adapter that meets anything else counts it in its report."""

    SCALAR = "scalar"
    HISTOGRAM = "histogram"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TEXT = "text"
    TABLE = "table"
    FIGURE = "figure"
    GRAPH = "graph"
    PR_CURVE = "pr_curve"
    CONFUSION_MATRIX = "confusion_matrix"
    EMBEDDING = "embedding"
    MESH = "mesh"
    TENSOR = "tensor"
    CONFIG = "config"
    EVENT = "event"


POINT_KINDS: Final = tuple(kind for kind in Kind if kind not in (Kind.SCALAR, Kind.CONFIG, Kind.EVENT))
"""Kinds whose points are records of their own, in the order of `Kind`."""

FRAMEWORKS: Final = (
    ("lightning", "lightning"),
    ("keras", "keras"),
    ("tensorflow", "tensorflow"),
    ("torch", "torch"),
    ("jax", "jax"),
    ("mxnet", "mxnet"),
    ("xgboost", "xgboost"),
    ("lightgbm", "lightgbm"),
    ("sklearn", "scikit-learn"),
)
"""Imported module -> name shown, the one that says most first."""

Status = Literal["running", "finished", "failed", "killed", "silent"]
STATUSES: Final[tuple[Status, ...]] = ("running", "finished", "failed", "killed", "silent")

XAxis = str
"""``"step"``, ``"relative"`` (seconds since the run's first attempt began), ``"wall"`` (epoch seconds), or
``"metric:TAG"``: the last value of that scalar tag at exactly the same step within the same writer."""


@dataclass(frozen=True, slots=True)
class Points:
    """Scalar points of one strand or series, one array element a point, all of the same length.

    step       int64
    wall_time  float64, seconds since the Unix epoch, UTC
    value      float64, any
    """

    step: I64
    wall_time: F64
    value: F64

    def __post_init__(self) -> None:
        if not len(self.step) == len(self.wall_time) == len(self.value):
            raise ValueError(f"points: want three arrays of one length, got {len(self.step)}, {len(self.wall_time)} and {len(self.value)}")

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, where: slice | NDArray[Any]) -> Points:
        return Points(self.step[where], self.wall_time[where], self.value[where])


def no_points() -> Points:
    """Zero points."""
    return Points(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.float64))


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """Names one series. `run` is the run's key (see `RunInfo.key`)."""

    run: str
    tag: str
    rank: int = 0


@dataclass(frozen=True, slots=True, order=True)
class StrandKey:
    """Names one writer's part of a series."""

    run: str
    tag: str
    rank: int
    attempt: int
    writer: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was met while reading and could not be used.

    path    the file
    offset  byte offset in it, -1 when the whole file is meant
    what    a sentence: what came, what was wanted
    """

    path: str
    offset: int
    what: str

    def __str__(self) -> str:
        where = f" at byte {self.offset}" if self.offset >= 0 else ""
        return f"{self.what}{where} of {self.path}"


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """What one scalar tag of a run came to, over the default view (newest attempts; all ranks together).

    last is the value of the point with the largest step (the latest arrival among equals); min and max run over finite
    values and are NaN when there is none; best follows the goal of `define_metric`, or is None. min_step and max_step are the
    steps at which min and max were first met, None when there is none; unit is that of `define_metric`.
    """

    last: float
    min: float
    max: float
    last_step: int
    count: int
    non_finite: int
    best: float | None = None
    best_step: int | None = None
    min_step: int | None = None
    max_step: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as a reader knows it: the fold of all its records.

    key         stable name of the run within a store, unique over all sources: "<source name>:<path or id>"
    source      format it lies in: "native", "tensorboard", "visdom", ...
    path        directory or file it lies in
    started     epoch seconds of the first attempt, NaN when unknown
    updated     epoch seconds of the newest sign of life
    ended       epoch seconds, None while not ended
    silent_s    seconds since `updated` for a run that neither ended nor is proven alive or dead, else 0.0
    dropped     points that logging had to drop (full disk, removed directory)
    hidden      not drawn until it is asked for;  archived: not listed until it is asked for
    framework   "torch", "tensorflow", "keras", "jax", ... or "" for plain Python
    panes       windows that are open in it (see `records.Pane`)
    alerts      how often it said that something is worth a look (see `records.Alert`)
    color       the colour that a person gave it, as the board wrote it ("c1" to "c12"), or ""
    """

    key: str
    id: str
    project: str
    name: str
    source: str
    path: str
    status: Status
    started: float
    updated: float
    ended: float | None = None
    group: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    hidden: bool = False
    archived: bool = False
    framework: str = ""
    host: str = ""
    attempts: int = 1
    ranks: int = 1
    dropped: int = 0
    silent_s: float = 0.0
    error: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    panes: int = 0
    alerts: int = 0
    color: str = ""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One series as a reader knows it, over all its attempts.

    count counts every kept point of all attempts; `attempts` lists the attempt numbers that logged it.
    first_step, last_step are the smallest and largest step. min, max run over finite values (NaN if none).
    """

    key: SeriesKey
    kind: Kind
    count: int
    first_step: int
    last_step: int
    min: float
    max: float
    last: float
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0
    attempts: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawable curve: points of a series, thinned or not, in drawing order.

    x, y     float64, same length. y holds NaN and infinities at the first and last position of each kind in each
             bucket, so a drawer breaks the line there and sets a mark; nothing is joined across them.
    total    points that the curve stands for (in the window, for a window)
    raw      True when every one of the `total` points is in x, y
    nan, pos_inf, neg_inf    how many of the `total` points are so
    unmatched  points left out because x (another metric) has no value at their step
    stable   how many leading points of this curve are final: later arrivals append after them (live updates)
    """

    x: F64
    y: F64
    total: int
    raw: bool
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0
    unmatched: int = 0
    stable: int = 0
