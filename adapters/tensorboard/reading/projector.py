"""The projector's embeddings, which have no events: a list in text form, and a file for each of vectors, metadata and sprite.

    projector_config.pbtxt := model_checkpoint_path: "..."  embeddings { tensor_name tensor_path tensor_shape* metadata_path
                              bookmarks_path sprite { image_path single_image_dim* } }*

Vectors are rows of numbers parted by tabs, or float32 in binary where `tensor_shape` says how many; metadata is one column without a
header, or several with one. Nothing is kept of them but where they lie: vectors and metadata are turned into float32 and into an
Arrow table when they are asked for. What lies in a checkpoint is named and not read. Paths that lead out of the directory of the
list are refused, as TensorBoard refuses them. Source: tensorboard/plugins/projector/{projector_config.proto,projector_plugin.py};
torch names an embedding ``tag:step``, TensorFlow ends the name in ``:0``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ....store.errors import Damaged
from ....store.records import EmbeddingPoint, Foreign, Picture
from .fields import NotAMessage
from .storage import Bytes, Local, Storage

CONFIG: Final = "projector_config.pbtxt"
VECTORS: Final = "tsv"
TABLE: Final = "tsv-table"
"""Encodings of a `Foreign` blob: what `decoded` turns into float32, or into an Arrow stream."""
MOST_CONFIG: Final = 4 << 20
DEEPEST: Final = 8
_WORDS: Final = re.compile(
    r"""\s+|\#[^\n]*|(?P<word>[A-Za-z_][\w.]*)|(?P<mark>[{}<>:;,\[\]])|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<number>-?[\d.][\w.+-]*)""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", re.DOTALL)
_PLAIN: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_STEP: Final = re.compile(r"(.+):(\d{5,18})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Embedding:
    """One entry of the list. tensor: the path of its vectors, "" for one that lies in a checkpoint."""

    name: str
    tensor: str = ""
    metadata: str = ""
    sprite: str = ""
    sprite_size: list[int] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)


def embeddings_of(data: bytes) -> list[Embedding]:
    """The entries of a list. Raises NotAMessage."""
    if len(data) > MOST_CONFIG:
        raise NotAMessage(f"a list of {len(data)} bytes")
    message = _message(_tokens(data.decode("utf-8", "backslashreplace")), 0)
    found = []
    for entry in message.get("embeddings", []):
        if not isinstance(entry, dict):
            raise NotAMessage("embeddings: want { ... }")
        sprite = next((one for one in entry.get("sprite", []) if isinstance(one, dict)), {})
        tensor = _last(entry, "tensor_path")
        found.append(
            Embedding(
                _last(entry, "tensor_name") or os.path.basename(tensor),
                tensor,
                _last(entry, "metadata_path"),
                _last(sprite, "image_path"),
                _wholes(sprite, "single_image_dim"),
                _wholes(entry, "tensor_shape"),
            )
        )
    return found


def _last(message: dict[str, list[Any]], name: str) -> str:
    words = [one for one in message.get(name, []) if isinstance(one, str)]
    return words[-1] if words else ""


def _wholes(message: dict[str, list[Any]], name: str) -> list[int]:
    return [one for one in message.get(name, []) if isinstance(one, int)]


def _tokens(text: str) -> list[tuple[str, str]]:
    made, at = [], 0
    while at < len(text):
        found = _WORDS.match(text, at)
        if found is None:
            raise NotAMessage(f"{text[at : at + 20]!r} at letter {at}")
        if found.lastgroup:
            made.append((found.lastgroup, found.group()))
        at = found.end()
    made.reverse()
    return made


def _message(tokens: list[tuple[str, str]], depth: int) -> dict[str, list[Any]]:
    """The fields of a message in text form, each a list; `tokens` are taken from the end, up to the bracket that closes it."""
    if depth > DEEPEST:
        raise NotAMessage("nested too deeply")
    made: dict[str, list[Any]] = {}
    while tokens:
        kind, word = tokens.pop()
        if kind == "mark" and word in "}>" and depth:
            return made
        if kind == "mark" and word in ";,":
            continue
        if kind != "word":
            raise NotAMessage(f"want the name of a field, got {word[:20]!r}")
        made.setdefault(word, []).extend(_values(tokens, depth))
    if depth:
        raise NotAMessage("a bracket that is not closed")
    return made


def _values(tokens: list[tuple[str, str]], depth: int) -> list[Any]:
    if tokens and tokens[-1] == ("mark", ":"):
        tokens.pop()
    if not tokens:
        raise NotAMessage("a field without a value")
    kind, word = tokens.pop()
    if kind == "mark" and word in "{<":
        return [_message(tokens, depth + 1)]
    if kind == "mark" and word == "[":
        listed: list[Any] = []
        while tokens and tokens[-1] != ("mark", "]"):
            if tokens[-1] == ("mark", ","):
                tokens.pop()
                continue
            listed += _values(tokens, depth + 1)
        if not tokens:
            raise NotAMessage("a bracket that is not closed")
        tokens.pop()
        return listed
    if kind == "text":
        whole = _unquoted(word)
        while tokens and tokens[-1][0] == "text":  # strings beside one another are one
            whole += _unquoted(tokens.pop()[1])
        return [whole.decode("utf-8", "backslashreplace")]
    if kind == "number":
        return [int(word) if re.fullmatch(r"-?\d{1,18}", word) else word]
    if kind == "word":
        return [word]
    raise NotAMessage(f"want a value, got {word[:20]!r}")


def _unquoted(word: str) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        said = found.group(1)
        if said[:1].isdigit():
            return bytes([int(said, 8) & 255])
        if said[:1] in b"xX" and len(said) > 1:
            return bytes([int(said[1:], 16)])
        return _PLAIN.get(said, said)

    return _ESCAPE.sub(plain, word[1:-1].encode("utf-8", "backslashreplace"))


# ------------------------------------------------------------------------------------------------ as records


def point_of(one: Embedding, directory: str, storage: Storage) -> EmbeddingPoint:
    """The embedding of an entry that names a file. Raises NotAMessage, OSError."""
    found = _STEP.fullmatch(one.name)
    tag, step = (found.group(1), int(found.group(2))) if found else (one.name.removesuffix(":0") or "embedding", 0)
    path = inside(directory, one.tensor, storage)
    opened = storage.open(os.path.join(directory, path))
    try:
        rows, dimensions, encoding = _outline(opened, one.shape)
        size = opened.size
    finally:
        opened.close()
    sprite, sprite_size = None, []
    if one.sprite and len(one.sprite_size) == 2:
        image = inside(directory, one.sprite, storage)
        sprite = _picture(directory, image, storage)
        sprite_size = one.sprite_size
    metadata = None
    if one.metadata:
        table = inside(directory, one.metadata, storage)
        metadata = Foreign(table, 0, storage.state(os.path.join(directory, table)).size, "application/vnd.apache.arrow.stream", TABLE)
    return EmbeddingPoint(
        tag=tag,
        step=step,
        wall_time=storage.state(os.path.join(directory, path)).mtime,
        blob=Foreign(path, 0, size, "application/octet-stream", encoding),
        rows=rows,
        dimensions=dimensions,
        metadata=metadata,
        sprite=sprite,
        sprite_size=sprite_size,
    )


def inside(directory: str, path: str, storage: Storage) -> str:
    """`path` below `directory`, to which it is relative. Raises NotAMessage for one that leads out of it."""
    whole = os.path.normpath(os.path.join(directory, path))
    base = os.path.normpath(directory)
    if isinstance(storage, Local):
        whole, base = os.path.realpath(whole), os.path.realpath(base)
    if not whole.startswith(os.path.join(base, "")):
        raise NotAMessage(f"{path!r} leads out of the directory of the list")
    return os.path.relpath(whole, base)


def _outline(opened: Bytes, shape: list[int]) -> tuple[int, int, str]:
    """(rows, dimensions, encoding) of a file of vectors."""
    head = opened.read(1 << 16, 0)
    line = head.partition(b"\n")[0].strip(b"\r")
    try:
        dimensions = len([float(cell) for cell in line.split(b"\t")])
    except ValueError:
        if len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] * 4 != opened.size:
            raise NotAMessage(f"vectors that are no numbers parted by tabs, and no float32 of shape {shape[:4]}") from None
        return shape[0], shape[1], ""
    rows, at, last = 0, 0, b"\n"
    while at < opened.size:
        piece = opened.read(8 << 20, at)
        if not piece:
            break
        joined = last[-1:] + piece
        rows += piece.count(b"\n") - joined.count(b"\n\n")
        at, last = at + len(piece), piece
    return rows + (last[-1:] != b"\n"), dimensions, VECTORS


def _picture(directory: str, path: str, storage: Storage) -> Picture:
    """A PNG with its size from its own head."""
    opened = storage.open(os.path.join(directory, path))
    try:
        head, size = opened.read(24, 0), opened.size
    finally:
        opened.close()
    is_png = head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 24
    width, height = (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) if is_png else (0, 0)
    kind = "image/png" if is_png else "image/jpeg" if head[:2] == b"\xff\xd8" else "application/octet-stream"
    return Picture(Foreign(path, 0, size, kind), width, height)


def decoded(data: bytes, encoding: str, path: str) -> bytes:
    """What a file of vectors or metadata says: float32, row-major, or an Arrow stream of text columns. Raises Damaged."""
    lines = [line.rstrip("\r") for line in data.decode("utf-8", "replace").split("\n")]
    if encoding == VECTORS:
        try:
            rows = [[float(cell) for cell in line.split("\t")] for line in lines if line]
        except ValueError as error:
            raise Damaged(f"vectors: {error} in {path}") from None
        if len({len(row) for row in rows}) > 1:
            raise Damaged(f"vectors: rows of different lengths in {path}")
        with np.errstate(over="ignore"):
            return np.array(rows, "<f4").tobytes()
    import pyarrow as pa

    while lines and not lines[-1]:
        lines.pop()
    cells = [line.split("\t") for line in lines]
    wide = max((len(row) for row in cells), default=0)
    names = cells.pop(0) if wide > 1 else ["label"]
    names = [name or f"column {place}" for place, name in enumerate([*names, *[""] * (wide - len(names))], start=1)]
    columns = [[row[place] if place < len(row) else "" for row in cells] for place in range(wide)]
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], names=names[:wide])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
