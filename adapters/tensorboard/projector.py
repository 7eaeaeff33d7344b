"""Embeddings as the files of TensorBoard's projector, which has no events.

    projector_config.pbtxt                      which embeddings there are (a ProjectorConfig in text form)
    <step, 5 digits>/<tag>/tensors.tsv          a row a vector
    <step, 5 digits>/<tag>/metadata.tsv         a row a vector; with a header where there are several columns
    <step, 5 digits>/<tag>/sprite.png           all images in one

Source: tensorboard/plugins/projector/projector_config.proto; the layout of directories is torch's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import numpy as np

from ...store.records import Blob, EmbeddingPoint

CONFIG: Final = "projector_config.pbtxt"


def folder_name(tag: str) -> str:
    """`tag` as the name of a directory: its %, / and \\ escaped, as torch does; never "." or ".."."""
    escaped = tag.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")
    return escaped.replace(".", "%2e") if not escaped.strip(".") else escaped


def quoted(value: str) -> str:
    """`value` as a string of protocol buffers' text form."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(letter, letter) for letter in value) + '"'


class Projector:
    """The projector's files in one directory. An earlier program's embeddings stay listed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._known: dict[str, str] | None = None

    def write(self, point: EmbeddingPoint, blob: Callable[[Blob], bytes]) -> None:
        """Add an embedding. Raises OSError, and what `blob` raises."""
        inside = f"{point.step:05d}/{folder_name(point.tag)}"
        folder = os.path.join(self._directory, inside)
        os.makedirs(folder, exist_ok=True)
        vectors = np.frombuffer(blob(point.blob), "<f4").reshape(point.rows, point.dimensions)
        with open(os.path.join(folder, "tensors.tsv"), "w", encoding="utf-8") as file:
            file.writelines("\t".join(map(repr, row)) + "\n" for row in vectors.astype(float).tolist())
        entry = [f"  tensor_name: {quoted(f'{point.tag}:{point.step:05d}')}", f"  tensor_path: {quoted(inside + '/tensors.tsv')}"]
        if point.metadata is not None:
            self._write_metadata(os.path.join(folder, "metadata.tsv"), blob(point.metadata))
            entry.append(f"  metadata_path: {quoted(inside + '/metadata.tsv')}")
        if point.sprite is not None and len(point.sprite_size) == 2:
            with open(os.path.join(folder, "sprite.png"), "wb") as binary:
                binary.write(blob(point.sprite.blob))
            width, height = point.sprite_size
            path = quoted(inside + "/sprite.png")
            entry.append(f"  sprite {{\n    image_path: {path}\n    single_image_dim: {width}\n    single_image_dim: {height}\n  }}")
        self._list(f"{point.tag}:{point.step:05d}", "embeddings {\n" + "\n".join(entry) + "\n}\n")

    def _write_metadata(self, path: str, table: bytes) -> None:
        import pyarrow as pa

        columns = pa.ipc.open_stream(table).read_all()
        cells = [[_cell(value) for value in column.to_pylist()] for column in columns.columns]
        rows = ["\t".join(row) for row in zip(*cells, strict=True)]
        if len(columns.column_names) > 1:
            rows.insert(0, "\t".join(map(_cell, columns.column_names)))
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(row + "\n" for row in rows)

    def _list(self, name: str, entry: str) -> None:
        """Write the list anew: whole or not at all."""
        path = os.path.join(self._directory, CONFIG)
        if self._known is None:
            self._known = {}
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    self._known["\0before"] = file.read()
        before = self._known.get("\0before", "")
        if name not in self._known and f"tensor_name: {quoted(name)}" in before:
            return  # the same embedding, written by an earlier program: its files were just replaced
        self._known[name] = entry
        temporary = f"{path}.{os.getpid()}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(self._known.values())
        os.replace(temporary, path)


def _cell(value: object) -> str:
    return " ".join(("" if value is None else str(value)).split("\t")).replace("\n", " ").replace("\r", " ")
