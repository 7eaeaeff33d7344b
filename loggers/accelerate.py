"""Accelerate's trackers into a run.

    import crossboard.loggers.accelerate                          # makes the name known
    accelerator = Accelerator(log_with="crossboard")
    accelerator.init_trackers("my_project", config=..., init_kwargs={"crossboard": {"name": "baseline"}})

or, with any version: ``Accelerator(log_with=CrossboardTracker("my_project", name="baseline"))``.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelerate import tracking

from .destination import began, destination
from .run import Run


class CrossboardTracker(tracking.GeneralTracker):
    """Logs what ``accelerator.log`` is given into a run, on the main process.

    Args:
        project: of the run.
        run: log into this run. Default: the current one where nothing else is said and the program began it, else a new one, begun
            by ``init_trackers``. One that this tracker began ends in ``end_training``.
        options: of `crossboard.init`: name, dir, group, tags, notes, resume, console ...
    """

    name = "crossboard"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, project: str | None = None, *, run: Run | None = None, **options: Any) -> None:
        super().__init__()
        self._options = {"project": project, **options}
        self._run = run

    @tracking.on_main_process
    def start(self) -> None:
        """Begin the run; older versions do not call this, then the first use begins it."""
        if self._run is None:
            self._run = destination(self._options)

    @property
    def tracker(self) -> Run | None:
        """The run; None on other processes than the main one."""
        if self._run is None:
            self.start()
        return self._run

    @tracking.on_main_process
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Merge `values` into the run's config."""
        run = self.tracker
        assert run is not None
        with run._harmless("store_init_configuration"):
            run.config.update(values)

    @tracking.on_main_process
    def log(self, values: Mapping[str, Any], step: int | None = None, **options: Any) -> None:
        """Log numbers, strings (as text), nested mappings of them (tags with "/" between), and whatever else `Run.log` takes."""
        run = self.tracker
        assert run is not None
        run.log(_flat(values), step)

    @tracking.on_main_process
    def log_images(self, values: Mapping[str, Any], step: int | None = None, **options: Any) -> None:
        """Log lists of images by tag; options are those of `crossboard.Images`."""
        for tag, images in values.items():
            run = self.tracker
            assert run is not None
            run.log_images(tag, images, step, **options)

    @tracking.on_main_process
    def log_table(
        self,
        table_name: str,
        columns: list[str] | None = None,
        data: list[list[Any]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
        **options: Any,
    ) -> None:
        """Log a table, from `columns` and rows of `data`, or from a dataframe."""
        run = self.tracker
        assert run is not None
        if dataframe is None:
            options = {"columns": columns, **options}
        run.log_table(table_name, data if dataframe is None else dataframe, step, **options)

    @tracking.on_main_process
    def finish(self) -> None:
        """End the run when this tracker began it."""
        if self._run is not None and began(self._run):
            self._run.finish()


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    from .media.texts import Text

    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{key}/")
        else:
            found[f"{before}{key}"] = Text(value, format="plain") if isinstance(value, str) else value
    return found


if hasattr(tracking, "register_tracker_class"):
    tracking.register_tracker_class(CrossboardTracker)
