"""Every record that is not a scalar point: the schemas of ``records-<writer>.cbr``, version 1.

A record is one MessagePack map, framed as `framing` says; its field ``t`` names the schema. Fields with their default value
are left out; unknown fields are skipped, so a field can be added without a new version. A record whose ``t`` is unknown, or
a file whose `Opened.version` is above `VERSION`, was written by a newer crossboard: `FormatTooNew`.

The first record of every file is `Opened`. A tag's id is declared by `TagDeclared` before the first scalar point that uses
it. Wall times are epoch seconds, UTC; steps are int64; both as in `kinds`.

Large bytes are never inside a point: a point holds a `Blob`, which says where they lie.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from .errors import Damaged, FormatTooNew
from .kinds import Kind
from .process import ProcessIdentity

VERSION: Final = 1


class _Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="t"):
    """Base of all records."""


# --------------------------------------------------------------------------------------------------- blobs


class Inline(msgspec.Struct, frozen=True, tag="inline", tag_field="t"):
    """Bytes inside the record: for at most 4 KiB."""

    data: bytes
    media_type: str


class InFile(msgspec.Struct, frozen=True, tag="file", tag_field="t"):
    """Bytes in ``media/<sha256>.<ext>`` of the run's own directory; `size` in bytes."""

    sha256: str
    extension: str
    size: int
    media_type: str


class Foreign(msgspec.Struct, frozen=True, omit_defaults=True, tag="foreign", tag_field="t"):
    """Bytes that another tool wrote: `length` bytes from `offset` of `path`, read on demand, never copied.

    Also those of a file of the run's own that grows; then `path` begins at the run's directory.

    encoding   how the bytes there become the blob: "" as they are, "gzip", "base64"; "json-open": JSON of a text or a list
               without its last character, so that more can be written behind it
    """

    path: str
    offset: int
    length: int
    media_type: str
    encoding: str = ""


Blob: TypeAlias = Inline | InFile | Foreign

# --------------------------------------------------------------------------------------- life of a writer


class Opened(_Record, frozen=True, kw_only=True, tag="opened"):
    """First record of a file: who writes it.

    version     schema version, `VERSION`
    role        "main" (called init), "fork" or "worker" (a child of a main writer)
    launch      names the launch: equal for all processes that one launcher started together
    frameworks  name -> version of the frameworks that were imported at that time
    automatic_step  where the automatic step of this writer begins
    """

    version: int
    writer: str
    attempt: int
    rank: int
    wall_time: float
    process: ProcessIdentity
    role: str = "main"
    parent: str = ""
    launch: str = ""
    command: list[str] = []
    directory: str = ""
    python: str = ""
    crossboard: str = ""
    frameworks: dict[str, str] = {}
    automatic_step: int = 0


class FrameworksSeen(_Record, frozen=True, kw_only=True, tag="frameworks"):
    """Frameworks that were imported after the file was opened."""

    wall_time: float
    frameworks: dict[str, str]


class Surroundings(_Record, frozen=True, kw_only=True, tag="surroundings"):
    """What a run knows about itself, secrets masked; what was not wanted or is not known is empty.

    arguments    the whole command line
    git          "commit", "branch", "remote", "changed" (number of changed files)
    diff         what was not committed, as text
    packages     zlib of lines "name==version"
    host         "name", "system", "cpu", "cpus", "memory_bytes", "disk_bytes", "gpus" ...
    environment  variables of an allow-list
    """

    wall_time: float
    arguments: list[str] = []
    git: dict[str, Any] = {}
    diff: Blob | None = None
    packages: bytes = b""
    host: dict[str, Any] = {}
    environment: dict[str, str] = {}


class TagDeclared(_Record, frozen=True, kw_only=True, tag="tag"):
    """The name behind a tag id of this writer's points journal. Ids count from 1; two ids may name one tag.

    attempt  of the points under this id, where it is another than the writer's own (0): a series that was drawn anew
    """

    id: int
    tag: str
    attempt: int = 0


class Ended(_Record, frozen=True, kw_only=True, tag="ended"):
    """This writer is done: nothing of it comes after.

    status      "finished" or "failed"
    error       last line of the exception, for people
    traceback   the whole of it
    exit_code   of the process, where known
    points      how many points this writer kept; dropped: how many it had to drop
    """

    wall_time: float
    status: str
    error: str = ""
    traceback: str = ""
    exit_code: int | None = None
    points: int = 0
    dropped: int = 0


class Sealed(_Record, frozen=True, kw_only=True, tag="sealed"):
    """The points journal was replaced by a Parquet file.

    journal, journal_bytes   the file it replaces and how many bytes of it
    file, length, crc32c     the Parquet file, its length in bytes, and the CRC-32C of all of it
    points                   rows in it; damaged: records of the journal that were not whole
    """

    wall_time: float
    journal: str
    journal_bytes: int
    file: str
    length: int
    crc32c: int
    points: int
    damaged: int = 0


# --------------------------------------------------------------------------------------- panes of a board


class PaneTrace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trace of a plot pane whose numbers are a series.

    index    its place among the traces in the pane's content, which hold no x and y for it
    tag      the series; attempt: the one that holds its points, 0 for the default view
    x        "" when x is the step, else the tag of the series that holds x at the same step
    """

    index: int
    tag: str
    attempt: int = 0
    x: str = ""


class Pane(_Record, frozen=True, kw_only=True, tag="pane"):
    """A window of an environment of panes (Visdom's) as it stands from here on; the newest of a window counts.

    window   its id, unique in the run; order: its place among the others
    type     as Visdom names it: "plot", "image", "image_history", "text", "properties", "network", "embeddings" ...
    content  what Visdom keeps under "content", as JSON: for a plot Plotly's {"data", "layout"}, without the numbers that are `traces`
    tag      under which the pane's pictures, sounds, texts are points too, or ""
    width, height  in pixels, None for the type's default
    place    where it stood: "x", "y", "w", "h", "i" in cells of Visdom's grid, what is known of it
    options  every other field of the pane, as it came
    """

    wall_time: float
    window: str
    type: str
    content: Blob
    title: str = ""
    order: int = 0
    tag: str = ""
    traces: list[PaneTrace] = []
    width: float | None = None
    height: float | None = None
    place: dict[str, Any] = {}
    options: dict[str, Any] = {}


class PaneClosed(_Record, frozen=True, kw_only=True, tag="pane_closed"):
    """The window is gone; what it showed stays in the run."""

    wall_time: float
    window: str


# ---------------------------------------------------------------------------------------- kind: config


class ConfigSet(_Record, frozen=True, kw_only=True, tag="config"):
    """Config entries, nested as the program gave them; merged into what was set before, key by key."""

    wall_time: float
    config: dict[str, Any]


class SummarySet(_Record, frozen=True, kw_only=True, tag="summary"):
    """Summary entries that the program set itself; they win over computed ones."""

    wall_time: float
    summary: dict[str, Any]


class MetricDefined(_Record, frozen=True, kw_only=True, tag="metric"):
    """How a scalar tag is to be read. `tag` may hold ``*``. goal: "min", "max" or "". x: a tag to draw it over, or ""."""

    wall_time: float
    tag: str
    goal: str = ""
    x: str = ""
    unit: str = ""


# ----------------------------------------------------------------------------------------- kind: event


class Alert(_Record, frozen=True, kw_only=True, tag="alert"):
    """Something worth a person's look. level: "info", "warn" or "error"."""

    wall_time: float
    title: str
    text: str = ""
    level: str = "info"
    step: int | None = None
    tag: str = ""


class Warned(_Record, frozen=True, kw_only=True, tag="warned"):
    """A warning that logging gave (once per place), so that the board can show it too."""

    wall_time: float
    text: str
    where: str = ""


class ConsoleLines(_Record, frozen=True, kw_only=True, tag="console"):
    """Lines that the program printed. stream: "stdout", "stderr", or "log" for what it said by `logging`.

    A line may hold colours and weights as SGR sequences of ECMA-48, ``ESC [ codes m``, and no other control character by our loggers.
    """

    wall_time: float
    stream: str
    lines: list[str]


# ---------------------------------------------------------------------------------- edits made on the board


class Edited(_Record, frozen=True, kw_only=True, tag="edited"):
    """What a person changed on the board; None leaves a field as it is. The newest edit by wall time wins, per field."""

    wall_time: float
    name: str | None = None
    group: str | None = None
    tags: list[str] | None = None
    notes: str | None = None
    hidden: bool | None = None
    archived: bool | None = None
    color: str | None = None
    user: str = ""


# ------------------------------------------------------------------------------- points that are no scalars


class _Point(_Record, frozen=True, kw_only=True):
    """Base of all points that are no scalars: they name their tag themselves."""

    tag: str
    step: int
    wall_time: float


class HistogramPoint(_Point, frozen=True, kw_only=True, tag="histogram"):
    """A distribution.

    edges    n + 1 ascending float64; counts: n, exact. Bucket i holds edges[i] <= v < edges[i+1], the last one both ends.
    count    how many values there were, finite or not; nan, pos_inf, neg_inf: how many of them were so
    min, max, mean, std   over the finite values, None when there is none; std with n in the denominator
    """

    edges: list[float]
    counts: list[int]
    count: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0


class Box(msgspec.Struct, frozen=True, omit_defaults=True):
    """A box on an image: left, top, width, height in pixels from the upper left corner."""

    left: float
    top: float
    width: float
    height: float
    label: str = ""
    score: float | None = None
    group: str = ""


class Mask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A class map of the image's size as a PNG with one 8 or 16 bit channel; labels: class number -> name."""

    blob: Blob
    labels: dict[int, str] = {}
    name: str = ""


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """One encoded image; width and height in pixels."""

    blob: Blob
    width: int
    height: int
    caption: str = ""
    boxes: list[Box] = []
    masks: list[Mask] = []


class ImagePoint(_Point, frozen=True, kw_only=True, tag="image"):
    """One or more images logged together."""

    images: list[Picture]


class Clip(msgspec.Struct, frozen=True, omit_defaults=True):
    """One encoded sound. sample_rate in Hz, frames a channel."""

    blob: Blob
    sample_rate: float
    frames: int
    channels: int = 1
    caption: str = ""


class AudioPoint(_Point, frozen=True, kw_only=True, tag="audio"):
    """One or more sounds logged together."""

    clips: list[Clip]


class VideoPoint(_Point, frozen=True, kw_only=True, tag="video"):
    """One encoded video (MP4, WebM or GIF). fps in frames a second."""

    blob: Blob
    width: int
    height: int
    frames: int
    fps: float
    caption: str = ""


class TextPoint(_Point, frozen=True, kw_only=True, tag="text"):
    """Text. format: "markdown", "plain" or "html" (shown only inside a sandbox). shape: of a text tensor, row by row."""

    texts: list[str]
    format: str = "markdown"
    shape: list[int] = []


class TablePoint(_Point, frozen=True, kw_only=True, tag="table"):
    """A table: an Arrow IPC stream as blob.

    media   column -> kind ("image", "audio", "video", "figure") of the columns whose cells hold the MessagePack of a `Blob`;
            or of a `Picture` or `Clip`, where that has more to tell than its blob
    files   those of their blobs that lie in files, so that who looks for the blobs of a record finds them
    """

    columns: list[str]
    rows: int
    blob: Blob
    media: dict[str, str] = {}
    files: list[InFile] = []


class FigurePoint(_Point, frozen=True, kw_only=True, tag="figure"):
    """A figure. blob, by its media type: a Plotly figure (application/json), or how it was drawn (image/svg+xml, image/png).

    picture   what it looked like where it was drawn (matplotlib): a PNG
    """

    blob: Blob
    picture: Picture | None = None


class GraphScope(msgspec.Struct, frozen=True, omit_defaults=True):
    """A module, layer or name scope. path is the dotted name; parent is its enclosing scope's path, "" at the top.

    parameters, trainable: number of scalars directly in this scope. flops: multiply-adds times two of one call, scopes
    inside included, or None.
    """

    path: str
    parent: str = ""
    type: str = ""
    parameters: int = 0
    trainable: int = 0
    flops: int | None = None
    attributes: dict[str, Any] = {}
    source: str = ""


class TensorShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What flows along an edge: shape with None for a free axis, dtype by NumPy's name."""

    shape: list[int | None] | None = None
    dtype: str = ""


class GraphOperation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation. scope is the path it stands in. source: "file.py:line". kind: "op", "input", "output", "parameter"."""

    name: str
    scope: str = ""
    type: str = ""
    kind: str = "op"
    inputs: list[TensorShape] = []
    outputs: list[TensorShape] = []
    flops: int | None = None
    attributes: dict[str, Any] = {}
    source: str = ""
    device: str = ""


class GraphEdge(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge from output `from_port` of operation `source` to input `to_port` of `target`; control: no data flows."""

    source: str
    target: str
    from_port: int = 0
    to_port: int = 0
    tensor: TensorShape = TensorShape()
    control: bool = False


class GraphPoint(_Point, frozen=True, kw_only=True, tag="graph"):
    """A model graph. framework: "torch", "keras", "tensorflow", "onnx". Large graphs lie in `blob`: the MessagePack of
    {"scopes": ..., "operations": ..., "edges": ...}, and the three lists are empty then."""

    framework: str
    scopes: list[GraphScope] = []
    operations: list[GraphOperation] = []
    edges: list[GraphEdge] = []
    blob: Blob | None = None


class PRCurvePoint(_Point, frozen=True, kw_only=True, tag="pr_curve"):
    """Counts at ascending thresholds: all lists of one length. Precision and recall follow from them."""

    thresholds: list[float]
    true_positives: list[float]
    false_positives: list[float]
    true_negatives: list[float]
    false_negatives: list[float]
    label: str = ""


class ConfusionMatrixPoint(_Point, frozen=True, kw_only=True, tag="confusion_matrix"):
    """counts[i][j]: examples of true class i that were called j."""

    labels: list[str]
    counts: list[list[float]]


class EmbeddingPoint(_Point, frozen=True, kw_only=True, tag="embedding"):
    """Vectors: blob of float32, row-major (rows, dimensions). metadata: a table blob (Arrow IPC), one row a vector."""

    blob: Blob
    rows: int
    dimensions: int
    metadata: Blob | None = None
    sprite: Picture | None = None
    sprite_size: list[int] = []


class MeshPoint(_Point, frozen=True, kw_only=True, tag="mesh"):
    """Vertices (n, 3) float32, optional faces (m, 3) int32 and colors (n, 3) uint8; without faces a point cloud."""

    vertices: Blob
    vertex_count: int
    faces: Blob | None = None
    face_count: int = 0
    colors: Blob | None = None
    config: dict[str, Any] = {}


class TensorPoint(_Point, frozen=True, kw_only=True, tag="tensor"):
    """Any array: row-major little-endian bytes, dtype by NumPy's name, or ml_dtypes' where NumPy has none ("float32", "bfloat16",
    "datetime64[ns]"). dtype "object": strings, one MessagePack list of all items, str or bytes, row by row."""

    blob: Blob
    shape: list[int]
    dtype: str
    plugin: str = ""


Point: TypeAlias = (
    HistogramPoint
    | ImagePoint
    | AudioPoint
    | VideoPoint
    | TextPoint
    | TablePoint
    | FigurePoint
    | GraphPoint
    | PRCurvePoint
    | ConfusionMatrixPoint
    | EmbeddingPoint
    | MeshPoint
    | TensorPoint
)
Record: TypeAlias = (
    Opened
    | FrameworksSeen
    | Surroundings
    | TagDeclared
    | Ended
    | Sealed
    | ConfigSet
    | SummarySet
    | MetricDefined
    | Pane
    | PaneClosed
    | Alert
    | Warned
    | ConsoleLines
    | Edited
    | Point
)

KIND_OF: Final[dict[type[Any], Kind]] = {
    HistogramPoint: Kind.HISTOGRAM,
    ImagePoint: Kind.IMAGE,
    AudioPoint: Kind.AUDIO,
    VideoPoint: Kind.VIDEO,
    TextPoint: Kind.TEXT,
    TablePoint: Kind.TABLE,
    FigurePoint: Kind.FIGURE,
    GraphPoint: Kind.GRAPH,
    PRCurvePoint: Kind.PR_CURVE,
    ConfusionMatrixPoint: Kind.CONFUSION_MATRIX,
    EmbeddingPoint: Kind.EMBEDDING,
    MeshPoint: Kind.MESH,
    TensorPoint: Kind.TENSOR,
    ConfigSet: Kind.CONFIG,
    SummarySet: Kind.CONFIG,
    MetricDefined: Kind.CONFIG,
    Pane: Kind.CONFIG,
    PaneClosed: Kind.CONFIG,
    Alert: Kind.EVENT,
    Warned: Kind.EVENT,
    ConsoleLines: Kind.EVENT,
    Opened: Kind.EVENT,
    FrameworksSeen: Kind.EVENT,
    Surroundings: Kind.EVENT,
    Ended: Kind.EVENT,
    Sealed: Kind.EVENT,
    Edited: Kind.EVENT,
}
"""The kind of every record but `TagDeclared`, which is the name of scalar points that lie elsewhere."""

MEDIA_EXTENSIONS: Final = frozenset(
    [
        "png",
        "jpg",
        "webp",
        "gif",
        "wav",
        "mp3",
        "ogg",
        "flac",
        "mp4",
        "webm",
        "svg",
        "json",
        "txt",
        "html",
        "arrow",
        "npy",
        "bin",
        "msgpack",
        "ply",
        "obj",
        "gz",
    ]
)
"""Every extension a file under ``media/`` may have; never taken from input."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Record)
_name: Final = msgspec.msgpack.Decoder(dict[str, Any])


def encode_record(record: Record) -> bytes:
    """Return `record` as MessagePack. Text that is no UTF-8 is written as `encodable` makes it."""
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        return _encoder.encode(_encodable(msgspec.to_builtins(record, builtin_types=(bytes,))))


def encodable(text: str) -> str:
    r"""`text` with lone surrogates, which UTF-8 cannot hold, as escapes: "\\udce9". Python makes them of file names and command lines
    that are no UTF-8 (PEP 383)."""
    return text.encode("utf-8", "backslashreplace").decode()


def _encodable(plain: Any) -> Any:
    if isinstance(plain, str):
        return encodable(plain)
    if isinstance(plain, dict):
        return {_encodable(key): _encodable(value) for key, value in plain.items()}
    return [_encodable(one) for one in plain] if isinstance(plain, (list, tuple)) else plain


def decode_record(payload: bytes, *, path: str, offset: int) -> Record:
    """Return the record in `payload`.

    Raises:
        FormatTooNew: a schema, or a file version, that this crossboard does not know.
        Damaged: no MessagePack, or fields of another type than the schema's.
    """
    try:
        record: Record = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        try:
            name = _name.decode(payload).get("t")
        except msgspec.MsgspecError:
            name = None
        if isinstance(name, str) and name not in _NAMES:
            raise FormatTooNew(
                f"record {name!r}: this crossboard (records version {VERSION}) does not know it; upgrade crossboard to "
                f"read it at byte {offset} of {path}"
            ) from None
        raise Damaged(f"record: {error} at byte {offset} of {path}") from None
    except msgspec.DecodeError as error:
        raise Damaged(f"record: no MessagePack: {error} at byte {offset} of {path}") from None
    if isinstance(record, Opened) and record.version > VERSION:
        raise FormatTooNew(f"records version {record.version}, this crossboard reads up to {VERSION}; upgrade crossboard to open {path}")
    return record


_NAMES: Final = {"tag", *(cls.__struct_config__.tag for cls in KIND_OF)}
