"""Methods of the run handle whose machinery is loaded when they are first called: media, watching a model, its graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any


class Methods:
    """What `Run` inherits: ``run.log_image(tag, image, ...)`` is ``run.log({tag: Image(image, ...)})``, and so on for each kind.

    Arguments and options are those of the class of that name in `media`; step and errors are as in `Run.log`.
    """

    _next: int

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

    def log_graph(self, model: Any, /, *inputs: Any, tag: str = "graph", step: int | None = None, **keywords: Any) -> None:
        """Log the graph of `model`, called once with `inputs` and `keywords`; see `media.graph.Graph` for what has a graph.

        Args:
            model: any torch module, Keras model, ``tf.function``, exported or scripted graph, GraphDef.
            inputs, keywords: as training gives them. ``inputs={...}`` holds keyword inputs whose names this method
                has itself (tag, step); a model whose own call takes an argument `inputs` gets it as it is.
            tag: where it is logged.
            step: None: the newest step so far; the automatic step does not move on.
        """
        with self._harmless(f"log_graph {tag!r}"):
            from .media.graph import Graph, keyword_inputs

            graph = Graph(model, *inputs, **keyword_inputs(model, keywords))
            if step is not None:
                self.log({tag: graph}, step)
                return
            following = self._next
            try:
                self.log({tag: graph}, max(following - 1, 0))
            finally:
                self._next = following

    def log_estimator(self, estimator: Any, x: Any, y: Any = None, **options: Any) -> dict[str, float]:
        """Log a fitted scikit-learn estimator and how it does on data; see `sklearn.log_estimator`."""
        with self._harmless("log_estimator"):
            from .sklearn import log_estimator

            return log_estimator(self, estimator, x, y, **options)  # type: ignore[arg-type]  # this is the run
        return {}

    def watch(
        self,
        model: Any,
        every: int = 100,
        gradients: bool = True,
        parameters: bool = True,
        activations: Any = False,
        *,
        nan: str = "every",
        bins: int = 64,
        name: str = "",
        ranks: str = "first",
        step: Callable[[], int] | None = None,
    ) -> Any:
        """Log what `model` does while it trains: histograms and norms of weights and gradients, how far updates move the weights,
        and where the first NaN or infinity came from, as an alert. `watch.plan` lists the tags.

        Args:
            model: a torch module (also compiled, or in DistributedDataParallel), or a Keras model. Watching it again replaces.
            every: look in the first optimizer step, and in every so many after it.
            gradients, parameters: whether to look at them.
            activations: whether to look at what layers of a torch module put out. For a Keras model: a batch of inputs, which is
                sent through the model in each look.
            nan: "every": the first NaN or infinity is looked for in every step, so that the layer or gradient and the step are
                exact; "sampled": only when a look is taken; "": not at all.
            bins: buckets of each histogram, at most.
            name: put before all names, where a run watches several models.
            ranks: "first": in a distributed training only rank 0 watches; "all": every rank, into its own series.
            step: called for the step to log at. Default: the newest step that the run has logged anything else at, so that all
                charts share one x axis: in a loop that logs behind the update, the step of the update before.

        Returns:
            The watch: ``close()`` ends it, as do `unwatch`, the end of the run and the end of the model. A loop that updates without
            ``torch.optim`` says ``with watched.step():`` around its update. For a Keras model give ``watched.callback`` to ``fit``.

        Gradients are seen as the optimizer gets them: accumulated, unscaled where a GradScaler scaled them, clipped. Nothing waits
        for the device; nothing that goes wrong in it reaches training.
        """
        from .watch import NotWatching, begin
        from .watch.plan import Plan

        with self._harmless("watch"):
            plan = Plan(every, gradients, parameters, activations, nan, bins, name, ranks, step)
            return begin(self, model, plan)  # type: ignore[arg-type]  # every `Methods` is a `Run`
        return NotWatching()

    def unwatch(self, model: Any = None) -> None:
        """Watch `model` no more, or no model when None is given. Every hook is taken away."""
        with self._harmless("unwatch"):
            from .watch import end

            end(self, model)  # type: ignore[arg-type]  # as above
