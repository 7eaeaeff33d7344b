"""A batch of a TensorBoard source with the points that it left unread, each where it stands in its file."""

from __future__ import annotations

from dataclasses import replace

from crossboard.store.source import Batch, FoundRun, ReadsLater


def read_whole(source: ReadsLater, run: FoundRun, batch: Batch) -> Batch:
    """`batch` with what is unread among its records, in the order of the files, and with what was wrong with it."""
    records, problems = list(batch.records), list(batch.problems)
    for unread in batch.unread:
        found, met = source.read_points(run, unread)
        assert {one.offset for one in found} | {one.offset for one in met if one.offset >= 0} == set(unread.offset.tolist())
        records += found
        problems += met
    paths = list(dict.fromkeys(one.path for one in records))
    records.sort(key=lambda one: (paths.index(one.path), one.offset))
    return replace(batch, records=records, problems=problems, unread=[])
