"""Methods of the run handle whose machinery is loaded when they are first called: media, watching a model, its graph."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any


class Methods:
    """What `Run` inherits: ``run.log_image(tag, image, ...)`` is ``run.log({tag: Image(image, ...)})``, and so on for each kind.

    Arguments and options are those of the class of that name in `media`; step and errors are as in `Run.log`.
    """

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """See `Run.log`."""
        raise NotImplementedError

    def _harmless(self, call: str) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _log_as(self, module: str, kind: str, tag: str, step: int | None, *args: Any, **options: Any) -> None:
        with self._harmless(f"log {tag!r} as {kind}"):
            made = getattr(import_module(f".media.{module}", __package__), kind)
            self.log({tag: made(*args, **options)}, step)

    def log_histogram(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.histograms.Histogram`."""
        self._log_as("histograms", "Histogram", tag, step, value, **options)

    def log_image(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.images.Image`."""
        self._log_as("images", "Image", tag, step, value, **options)

    def log_images(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.images.Images`."""
        self._log_as("images", "Images", tag, step, value, **options)

    def log_audio(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.sounds.Audio`."""
        self._log_as("sounds", "Audio", tag, step, value, **options)

    def log_video(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.videos.Video`."""
        self._log_as("videos", "Video", tag, step, value, **options)

    def log_text(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.texts.Text`."""
        self._log_as("texts", "Text", tag, step, value, **options)

    def log_table(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.tables.Table`."""
        self._log_as("tables", "Table", tag, step, value, **options)

    def log_figure(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.figures.Figure`."""
        self._log_as("figures", "Figure", tag, step, value, **options)

    def log_pr_curve(self, tag: str, *values: Any, step: int | None = None, **options: Any) -> None:
        """See `media.classification.PRCurve`."""
        self._log_as("classification", "PRCurve", tag, step, *values, **options)

    def log_confusion_matrix(self, tag: str, *values: Any, step: int | None = None, **options: Any) -> None:
        """See `media.classification.ConfusionMatrix`."""
        self._log_as("classification", "ConfusionMatrix", tag, step, *values, **options)

    def log_embedding(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.embeddings.Embedding`."""
        self._log_as("embeddings", "Embedding", tag, step, value, **options)

    def log_mesh(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.meshes.Mesh`."""
        self._log_as("meshes", "Mesh", tag, step, value, **options)

    def log_point_cloud(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.meshes.PointCloud`."""
        self._log_as("meshes", "PointCloud", tag, step, value, **options)

    def log_tensor(self, tag: str, value: Any, step: int | None = None, **options: Any) -> None:
        """See `media.tensors.Tensor`."""
        self._log_as("tensors", "Tensor", tag, step, value, **options)
