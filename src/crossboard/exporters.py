"""The file formats that a board offers for download, wired to `store.export`: ``/api/export/csv`` and ``/api/export/parquet``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crossboard.store.export import FORMATS, Format, export
from crossboard.store.store import Store


@dataclass(frozen=True, slots=True)
class TableExporter:
    """The long table of all points, as ``crossboard export`` writes it."""

    name: Format

    @property
    def file_name(self) -> str:
        """What the downloaded file is called."""
        return f"crossboard.{self.name}"

    def write(self, store: Store, output: Path, *, runs: str, tags: str) -> None:
        """Write the points of the runs that the query `runs` means, of tags that the regular expression `tags` finds."""
        export(store, output, format=self.name, runs=runs, tags=tags)


def table_exporters() -> list[TableExporter]:
    """One for each format."""
    return [TableExporter(name) for name in FORMATS]
