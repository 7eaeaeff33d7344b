"""What crossboard writes for TensorBoard, opened in TensorBoard itself, in real Chromium: every page that it has a plugin for.

One TensorBoard over an export of two runs and over a run that was mirrored while it trained. Each page is asked for what a person
would look at; the hyperparameters for all runs in one table.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.event_export import export_events
from crossboard.store.embedded import EmbeddedStore
from crossboard.wiring import sources_for

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.tensorboard, pytest.mark.torch, pytest.mark.slow]

LAYOUT = {"losses": {"both": ["Multiline", ["loss/train", "loss/val"]], "band": ["Margin", ["mid", "low", "high"]]}}
RUNS = {"export/p/run0", "export/p/run1", "mirror/p/run2"}
PAGES = {
    "scalars",
    "custom_scalars",
    "images",
    "audio",
    "graphs",
    "distributions",
    "histograms",
    "text",
    "pr_curves",
    "hparams",
    "mesh",
    "projector",
    "timeseries",
}
WAIT_MS = 60_000


def log(root: Path, number: int, **options: Any) -> None:
    import torch

    rng = np.random.default_rng(number)
    config = {
        "lr": 0.25 * (number + 1),
        "optimizer": ["adam", "sgd", "lion"][number],
        "custom_scalars": LAYOUT,
        **({"late": True} if number else {}),
    }
    with cb.init(dir=root, project="p", id=f"run{number}", config=config, **options) as run:
        for step in range(8):
            run.log({"loss/train": 1 / (step + 1), "loss/val": 1.2 / (step + 1), "low": step, "mid": step + 1, "high": step + 2}, step=step)
        for step in range(3):
            run.log(
                {
                    "weights": cb.Histogram(rng.normal(size=200)),
                    "picture": cb.Image(np.full((14, 23, 3), 90 * step, np.uint8)),
                    "sound": cb.Audio(np.zeros(8000, np.float32), sample_rate=4000),
                    "note": cb.Text(f"**bold** {step}"),
                    "curve": cb.PRCurve(rng.integers(0, 2, 100), rng.random(100)),
                    "shape": cb.Mesh(rng.random((8, 3)), faces=rng.integers(0, 8, (6, 3)), colors=rng.integers(0, 255, (8, 3))),
                },
                step=step,
            )
        run.log({"words": cb.Embedding(rng.normal(size=(17, 5)), metadata=[f"word {n}" for n in range(17)])}, step=1)
        run.log_graph(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=-1)), torch.zeros(1, 4))


def answer(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    native, logdir = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("logs")
    log(native, 0)
    log(native, 1)
    log(logdir / "mirror", 2, mirror="tensorboard")
    store = EmbeddedStore(sources_for([native]), memory=True)
    store.refresh()
    export_events(store, logdir / "export")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    listed: set[str] = set()
    url, end = f"http://127.0.0.1:{port}/", time.monotonic() + 120
    try:
        while True:
            with contextlib.suppress(OSError, ValueError):
                listed = {name for name, one in answer(f"{url}data/plugins_listing").items() if one["enabled"]}
                if (
                    listed >= PAGES
                    and set(answer(f"{url}data/plugin/mesh/tags")) >= RUNS
                    and set(answer(f"{url}data/plugin/graphs/info")) >= RUNS
                ):
                    break
            assert time.monotonic() < end, f"TensorBoard did not read the runs within 120 s: {listed}"
            assert server.poll() is None, "TensorBoard ended"
            time.sleep(0.2)
        yield url
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def page(url: str, chromium: str, chromium_arguments: list[str]) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=chromium_arguments)
        page = browser.new_page(viewport={"width": 1400, "height": 1800})
        page.set_default_timeout(WAIT_MS)
        yield page
        browser.close()


def there(page: Page, url: str, tab: str, selector: str, text: str = "") -> Locator:
    """What `selector` finds first on a page of TensorBoard, once it stands there."""
    if not page.url.startswith(url):
        page.goto(f"{url}#{tab}")
    else:
        page.evaluate(f"location.hash = {tab!r}")
    found = page.locator(selector, has_text=text).first if text else page.locator(selector).first
    found.wait_for()
    return found


def settles(page: Page, read: Any, wanted: Any) -> None:
    """Wait until `read` gives `wanted`; the page goes on meanwhile."""
    end = time.monotonic() + WAIT_MS / 1000
    while (got := read()) != wanted:
        assert time.monotonic() < end, f"want {wanted!r}, got {got!r}"
        page.wait_for_timeout(100)


def test_no_other_page_is_offered(url: str) -> None:
    listed = answer(f"{url}data/plugins_listing")
    assert {name for name, one in listed.items() if one["enabled"]} == PAGES


def test_scalars(page: Page, url: str) -> None:
    there(page, url, "scalars", "tf-scalar-card", "high")
    there(page, url, "timeseries", "scalar-card", "high")


def test_custom_scalars(page: Page, url: str) -> None:
    there(page, url, "custom_scalars", "tf-custom-scalar-multi-line-chart-card", "Matches (6)")
    there(page, url, "custom_scalars", "tf-custom-scalar-margin-chart-card", "Matches (3)")


def test_images(page: Page, url: str) -> None:
    image = there(page, url, "images", "tf-image-loader img")
    settles(page, lambda: image.evaluate("img => [img.naturalWidth, img.naturalHeight]"), [23, 14])


def test_audio(page: Page, url: str) -> None:
    sound = there(page, url, "audio", "tf-audio-loader audio")
    settles(page, lambda: sound.evaluate("one => one.duration"), 2.0)


def test_distributions_and_histograms(page: Page, url: str) -> None:
    there(page, url, "distributions", "tf-distribution-loader svg path")
    there(page, url, "histograms", "tf-histogram-loader svg path")


def test_text_is_markdown(page: Page, url: str) -> None:
    there(page, url, "text", "tf-text-loader", "bold 2")
    assert page.locator("tf-text-loader strong").first.inner_text() == "bold"


def test_pr_curves(page: Page, url: str) -> None:
    there(page, url, "pr_curves", "tf-pr-curve-card", "export/p/run0 is at step 2")


def test_hyperparameters_are_one_experiment_over_all_runs(page: Page, url: str) -> None:
    there(page, url, "hparams", "tf-hparams-table-view vaadin-grid-cell-content", "mirror/p/run2")
    cells = page.locator("tf-hparams-table-view vaadin-grid-cell-content")
    wanted = {*RUNS, "adam", "sgd", "lion", "0.25000", "0.50000", "0.75000", "late", "lr", "optimizer", "loss/train"}
    settles(page, lambda: wanted - {text.strip() for text in cells.all_text_contents()}, set())


def test_meshes(page: Page, url: str) -> None:
    there(page, url, "mesh", "tf-mesh-loader canvas")


def test_the_graph_has_its_scopes(page: Page, url: str) -> None:
    nodes = page.locator("tf-graph-scene g.node")
    there(page, url, "graphs", "tf-graph-scene g.node .nodelabel", "Sequential")
    assert "0" not in nodes.evaluate_all("all => all.map(node => node.dataset.name)")
    nodes.filter(has_text="Sequential").first.locator(".nodecolortarget").first.dblclick()
    settles(page, lambda: {"0", "1"} - set(nodes.locator(".nodelabel").evaluate_all("all => all.map(one => one.firstChild.data)")), set())


def test_the_projector(page: Page, url: str) -> None:
    there(page, url, "projector", "iframe")

    def told() -> set[str]:
        inside = [frame for frame in page.frames if frame.url.endswith("projector_binary.html")]
        return {text for text in ("Points: 17", "Dimension: 5") for frame in inside if frame.get_by_text(text).count()}

    settles(page, told, {"Points: 17", "Dimension: 5"})
