"""The embedded store keeps the contract of every store, in memory and over sources with a cache."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from crossboard.store.embedded import EmbeddedStore
from crossboard.store.source import Batch, FoundRun


def load(name: str) -> ModuleType:
    """A shared test module beside this one."""
    path = Path(__file__).parent / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


suite = load("conformance/store_suite.py")
lists = load("conformance/list_source.py")


class TestInMemory(suite.StoreSuite):  # type: ignore[name-defined]
    implementation = EmbeddedStore

    @pytest.fixture
    def store(self) -> Iterator[EmbeddedStore]:
        store = EmbeddedStore(memory=True)
        yield store
        store.close()


class FedStore(EmbeddedStore):
    """An embedded store over a source and with a cache: what is appended goes into the source, and is read from there."""

    def __init__(self, cache: Path) -> None:
        self.fed = lists.ListSource()
        super().__init__([self.fed], cache=cache)

    def append(self, run: FoundRun, batch: Batch, *, source: str) -> None:
        self.fed.put(run, batch)
        self.refresh()

    def remove(self, run: str) -> None:
        self.fed.runs.pop(run, None)
        super().remove(run)


class TestOverASourceWithACache(suite.StoreSuite):  # type: ignore[name-defined]
    implementation = FedStore

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedStore]:
        monkeypatch.setattr("crossboard.store.keeping.EVERY_S", 0.0)  # a checkpoint after every batch
        monkeypatch.setattr("crossboard.store.keeping.SHARE", 0)
        store = FedStore(tmp_path / "cache")
        assert store.cache_note == ""
        yield store
        assert store.cache_note == ""
        store.close()


class TestOverASourceWithATinyMemory(TestOverASourceWithACache):
    """Every overview is dropped from memory as soon as it may be, and read from the catalog again."""

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedStore]:
        monkeypatch.setattr("crossboard.store.keeping.EVERY_S", 0.0)
        monkeypatch.setattr("crossboard.store.keeping.SHARE", 0)
        store = FedStore(tmp_path / "cache")
        store._keeper.residents.limit = 0
        yield store
        assert store.cache_note == ""
        store.close()
