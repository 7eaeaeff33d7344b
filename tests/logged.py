"""Log in one run, read it back through the real store: what the tests of media kinds share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

import crossboard as cb
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Kind
from crossboard.store.native import NativeSource
from crossboard.store.records import TagDeclared


class Logged:
    """The only run under `root`, as it can be read."""

    def __init__(self, root: Path) -> None:
        self.store = EmbeddedStore([NativeSource(root)], memory=True)
        self.store.refresh()
        [self.run] = self.store.runs()

    def points(self, tag: str) -> list[Any]:
        """Every point of `tag` that is no scalar, in order of arrival."""
        found = []
        for kind in Kind:
            if kind not in (Kind.SCALAR, Kind.CONFIG, Kind.EVENT):
                placed = self.store.records(self.run.key, kind, tag=tag)
                found += [one.record for one in placed if not isinstance(one.record, TagDeclared)]
        return found

    def point(self, tag: str) -> Any:
        """The only one."""
        points = self.points(tag)
        assert len(points) == 1, f"{tag}: {len(points)} points"
        return points[0]

    def bytes(self, blob: Any) -> bytes:
        return self.store.blob(self.run.key, blob)

    def pixels(self, picture: Any) -> Any:
        """A picture or mask as NumPy, decoded by Pillow: (H, W) or (H, W, C)."""
        with Pillow.open(io.BytesIO(self.bytes(picture.blob))) as image:
            if hasattr(picture, "width"):
                assert image.size == (picture.width, picture.height)
            return np.asarray(image)

    def numbers(self, tag: str) -> list[float]:
        found = self.store.series(run=self.run.key, tag=tag, kind=Kind.SCALAR)
        return [value for one in found for value in self.store.points(one.key).value.tolist()]


def log(root: Path, metrics: dict[str, Any], *, strict: bool = True, step: int = 0) -> Logged:
    """Log once in a new run under `root`, finish it, and read it back."""
    with cb.init(dir=root, strict=strict) as run:
        run.log(metrics, step=step)
    return Logged(root)
