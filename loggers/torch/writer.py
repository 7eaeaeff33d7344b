"""`SummaryWriter`: the methods and arguments of torch's writer (2.13) and of tensorboardX's (2.6.5), logged into a run.

    from crossboard.loggers.torch import SummaryWriter      # instead of torch.utils.tensorboard

What differs from theirs, all of it on purpose:

- No extra runs. `add_scalars` logs ``main_tag/key`` into this run; `add_hparams` puts the hyperparameters into the run's config.
- ``global_step=None`` is no longer step 0 every time: each tag counts on by itself from 0 (in a resumed run: behind its largest step,
  or from `purge_step`).
- Everything is kept at once: `max_queue` and `flush_secs` are taken and not needed; `filename_suffix` is that of event files.
- `add_images` keeps its images apart instead of in one tiled picture; texts have the tag that was given, without ``/text_summary``.
- Nothing is raised into training: what cannot be logged is one warning at the line that logged it.
- `add_onnx_graph` and `add_openvino_graph` are not supported and say so: log the model itself with `add_graph`.

With ``tensorboard=True`` the same is also written as event files that TensorBoard opens, by a mirror (`mirrors`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..mirrors import makers
from .home import Home

if TYPE_CHECKING:
    from ..media.value import Media

HPARAMS_KEY: Final = "hparams"
LAYOUT_KEY: Final = "custom_scalars"


class SummaryWriter(Home):
    """Every method of torch's writer, and those that tensorboardX has beside them. Arguments of the constructor: `Home`.

    A step that is None counts on by itself for each tag; walltime is in seconds since the Unix epoch, None: now.
    """

    # -------------------------------------------------------------------------------------------------- numbers

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
        *,
        display_name: str = "",
        summary_description: str = "",
    ) -> None:
        """Log one number (any framework's, also on a device), kept as float64.

        walltime: seconds since the Unix epoch. new_style, double_precision: how an event file stores the tag. display_name,
        summary_description: taken and not kept.
        """
        if self._plain and walltime is None and new_style is False:
            try:
                metrics = {tag: scalar_value}
                step = next(self._counters[tag]) if global_step is None else global_step
            except (KeyError, TypeError):  # the first without a step, or a tag that is no text
                pass
            else:
                self._log(metrics, step)
                return
        with self._call("add_scalar"):
            if new_style and self._events is not None:
                self._events.form(tag, "double" if double_precision else "tensor")
            self._keep(tag, {tag: scalar_value}, global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Log several numbers at one step, as ``main_tag/key``."""
        if self._plain and walltime is None:
            try:
                metrics = {f"{main_tag}/{key}": value for key, value in tag_scalar_dict.items()}
                step = next(self._counters[main_tag]) if global_step is None else global_step
                for tag in metrics:
                    self._grouped.setdefault(tag, 0)
            except Exception:  # noqa: BLE001  the first without a step, or no mapping: the slow way says what it is
                pass
            else:
                self._log(metrics, step)
                return
        with self._call("add_scalars"):
            values = {f"{main_tag}/{key}": value for key, value in tag_scalar_dict.items()}
            for tag in values:
                self._grouped.setdefault(tag, 0)
            self._keep(main_tag, values, global_step, walltime)

    def export_scalars_to_json(self, path: str | os.PathLike[str]) -> None:
        """Write what `add_scalars` logged since the last export as JSON, as tensorboardX does: {``<log_dir>/<tag>``: [[wall time,
        step, value], ...]}."""
        with self._call("export_scalars_to_json") as run:
            logged = run.own_points()
            found = {}
            for tag, done in self._grouped.items():
                points = logged.get(tag)
                if points is not None and len(points) > done:
                    rows = zip(points.wall_time[done:].tolist(), points.step[done:].tolist(), points.value[done:].tolist(), strict=True)
                    found[os.path.join(str(self.log_dir), tag)] = [list(row) for row in rows]
                    self._grouped[tag] = len(points)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(found, file)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: Any = None,
        *,
        name: str | None = None,
    ) -> None:
        """Put hyperparameters into the run's config and log metrics as scalars, at the run's newest step where none is given.

        A call with other values than an earlier one is another session: the config then has the newest values, and all sessions with
        their metrics under ``hparams``, each by its label: `run_name` (tensorboardX: `name`), else its number. The metrics of such a
        session are scalars ``hparams/<label>/<metric>``. In event files it is a run of its own, since TensorBoard takes one a run.
        """
        with self._call("add_hparams") as run:
            from .inputs import hyperparameters

            if not isinstance(hparam_dict, Mapping) or not isinstance(metric_dict, Mapping):
                raise TypeError("want two dicts: hyperparameters and metrics")
            given, metrics = hyperparameters(hparam_dict), hyperparameters(metric_dict)
            label = str(run_name or name or len(self._hparams))
            differs = any(key in before and before[key] != value for _, before, _ in self._hparams for key, value in given.items())
            self._hparams.append((label, given, metrics))
            run.config.update(given)
            if hparam_domain_discrete:
                run.config.update({"hparam_domain_discrete": {str(key): list(value) for key, value in hparam_domain_discrete.items()}})
            if differs:
                run.config.update({HPARAMS_KEY: {one: {"hparams": values, "metrics": said} for one, values, said in self._hparams}})
            step = global_step
            if step is None and self._default[0] is None:
                step = self._metrics_step = max(run._next - 1, self._metrics_step + 1)
            before = f"{HPARAMS_KEY}/{label}/" if differs else ""
            self._keep(HPARAMS_KEY, {f"{before}{metric}": value for metric, value in metric_dict.items()}, step, None)
            self._say_hparams(given, metrics, hparam_domain_discrete, label if differs else "", step)

    def _say_hparams(self, given: dict[str, Any], metrics: dict[str, Any], discrete: Any, label: str, step: Any) -> None:
        """Tell event files. label: not "" for a session that needs a run of its own."""
        events, now = self._events, time.time()
        if events is None:
            return
        if not label:
            events.hparams(given, metrics, now, step=int(step or 0), discrete=discrete)
            return
        own = makers["tensorboard"](os.path.join(os.path.abspath(self._given or self.run.dir), label))
        own.hparams(given, metrics, now, step=int(step or 0), discrete=discrete)
        for tag, value in metrics.items():
            own.scalar(tag, float(value), int(step or 0), now)
        own.close()

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Log the distribution of `values`, counted exactly; NaN and infinities are counted apart.

        bins: "tensorflow": 64 buckets (or `max_bins`) from the smallest to the largest value; a number; edges; or the name of one of
        NumPy's rules.
        """
        with self._call("add_histogram"):
            from .inputs import histogram

            self._keep(tag, {tag: histogram(values, bins, max_bins)}, global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: Any,  # noqa: A002  torch's name
        max: Any,  # noqa: A002  torch's name
        num: Any,
        sum: Any,  # noqa: A002  torch's name
        sum_squares: Any,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Log a distribution that was counted already. bucket_limits: the upper end of each bucket, ascending."""
        with self._call("add_histogram_raw"):
            from .inputs import raw_histogram

            made = raw_histogram(min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
            self._keep(tag, {tag: made}, global_step, walltime)

    def add_tensor(self, tag: str, tensor: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """Log an array as it is."""
        with self._call("add_tensor"):
            from ..media.tensors import Tensor

            self._keep(tag, {tag: Tensor(tensor)}, global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Log a precision-recall curve. labels: 0 or 1; predictions: 0..1, of the same shape."""
        with self._call("add_pr_curve"):
            from .inputs import pr_curve

            self._keep(tag, {tag: pr_curve(labels, predictions, num_thresholds, weights)}, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Log a precision-recall curve that was counted already, at thresholds evenly from 0 to 1, as many as there are counts.

        precision, recall: taken and not kept, since they follow from the counts; num_thresholds, weights: not needed.
        """
        with self._call("add_pr_curve_raw"):
            from .inputs import raw_pr_curve

            counts = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts)
            self._keep(tag, {tag: raw_pr_curve(counts)}, global_step, walltime)

    # --------------------------------------------------------------------------------------------------- media

    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None, dataformats: str = "CHW"
    ) -> None:
        """Log an image: uint8, or floats in 0..1. dataformats: its axes in order, "CHW", "HWC", "HW"; with N as `add_images`."""
        with self._call("add_image"):
            from .inputs import pictures

            self._keep(tag, {tag: pictures(img_tensor, dataformats)}, global_step, walltime)

    def add_images(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None, dataformats: str = "NCHW"
    ) -> None:
        """Log a batch of images, or a list of them, which stay single images."""
        with self._call("add_images"):
            from .inputs import pictures

            self._keep(tag, {tag: pictures(img_tensor, dataformats)}, global_step, walltime)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Any = None,
        **kwargs: Any,
    ) -> None:
        """Log an image with boxes (n, 4): left, top, right, bottom in pixels. The boxes are kept beside the image, not drawn into it.

        labels: one for each box. rescale and tensorboardX's further options: taken and not needed, since the image keeps its size.
        """
        with self._call("add_image_with_boxes"):
            from .inputs import boxed

            self._keep(tag, {tag: boxed(img_tensor, box_tensor, dataformats, labels)}, global_step, walltime)

    def add_figure(self, tag: str, figure: Any, global_step: Any = None, close: bool = True, walltime: float | None = None) -> None:
        """Log a matplotlib figure as it looks, a list of them side by side, or a Plotly figure.

        close: let pyplot close matplotlib's figures afterwards.
        """
        with self._call("add_figure"):
            from ..media.figures import Figure
            from ..media.images import Images

            made: Media = Images(figure) if isinstance(figure, list) and not _is_traces(figure) else Figure(figure)
            try:
                self._keep(tag, {tag: made}, global_step, walltime)
            finally:
                if close:
                    _close_figures(figure)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: Any = None,
        fps: float = 4,
        walltime: float | None = None,
        *,
        dataformats: str = "NTCHW",
    ) -> None:
        """Log videos (N, T, C, H, W), side by side: uint8, or floats in 0..1. As MP4 where it can be had; as GIF with event files."""
        with self._call("add_video"):
            from .inputs import video

            self._keep(tag, {tag: video(vid_tensor, fps, dataformats, gif=self._tensorboard)}, global_step, walltime)

    def add_audio(
        self, tag: str, snd_tensor: Any, global_step: Any = None, sample_rate: int = 44100, walltime: float | None = None
    ) -> None:
        """Log a sound: samples (1, L) or (L,) in -1..1, or several channels."""
        with self._call("add_audio"):
            from .inputs import audio

            self._keep(tag, {tag: audio(snd_tensor, sample_rate)}, global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None) -> None:
        """Log a text, which is shown as Markdown."""
        with self._call("add_text"):
            from ..media.texts import Text

            self._keep(tag, {tag: Text(text_string)}, global_step, walltime)

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: dict[str, Any] | None = None,
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Log meshes or point clouds (B, n, 3); of a batch each under ``tag/0``, ``tag/1`` ..."""
        with self._call("add_mesh"):
            from .inputs import meshes

            self._keep(tag, meshes(tag, vertices, colors, faces, config_dict), global_step, walltime)

    def add_embedding(
        self,
        mat: Any,
        metadata: Any = None,
        label_img: Any = None,
        global_step: Any = None,
        tag: str = "default",
        metadata_header: Any = None,
    ) -> None:
        """Log vectors (n, d), with a label or a row of `metadata_header`'s columns for each, and images (n, C, H, W) of them."""
        with self._call("add_embedding"):
            from .inputs import embedding

            self._keep(tag, {tag: embedding(mat, metadata, label_img, metadata_header)}, global_step, None)

    # --------------------------------------------------------------------------------------- graphs and layouts

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True) -> None:
        """Log the graph of a model by one call with `input_to_model`: one input, or a tuple or list of them.

        verbose, use_strict_trace: taken and not needed.
        """
        with self._call("add_graph") as run:
            inputs = () if input_to_model is None else input_to_model if isinstance(input_to_model, (tuple, list)) else (input_to_model,)
            run.log_graph(model, *inputs)

    def add_onnx_graph(self, prototxt: Any) -> None:
        """Not supported."""
        with self._call("add_onnx_graph") as run:
            run._complain("add_onnx_graph: ONNX files are not read; log the model itself with add_graph", about="onnx")

    def add_openvino_graph(self, xmlname: Any) -> None:
        """Not supported."""
        with self._call("add_openvino_graph") as run:
            run._complain("add_openvino_graph: OpenVINO files are not read; log the model itself with add_graph", about="openvino")

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep charts of several tags in the run's config, as ``custom_scalars``: category -> title -> [form, tags]; form "Multiline",
        or "Margin" with three tags: value, lower, upper. Further calls add to it."""
        with self._call("add_custom_scalars") as run:
            from .inputs import layout as checked

            run.config.update({LAYOUT_KEY: checked(layout)})

    def add_custom_scalars_multilinechart(self, tags: list[str], category: str = "default", title: str = "untitled") -> None:
        """One chart of several tags; see `add_custom_scalars`."""
        self.add_custom_scalars({str(category): {str(title): ["Multiline", tags]}})

    def add_custom_scalars_marginchart(self, tags: list[str], category: str = "default", title: str = "untitled") -> None:
        """One chart of a value and its lower and upper bound; see `add_custom_scalars`."""
        self.add_custom_scalars({str(category): {str(title): ["Margin", tags]}})


def _is_traces(figure: list[Any]) -> bool:
    """Whether a list is one Plotly figure: its traces."""
    return bool(figure) and all(isinstance(one, dict) or "plotly" in type(one).__module__ for one in figure)


def _close_figures(figure: Any) -> None:
    """What pyplot holds of it; matplotlib is not imported for that."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        for one in figure if isinstance(figure, list) else [figure]:
            if hasattr(one, "savefig"):
                pyplot.close(one)
