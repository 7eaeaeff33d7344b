"""Makes tests/golden/visdom_0.3.0: environments that a real Visdom 0.3.0 saved, what it answered of them, and its log of messages.

    <python 3.12 with visdom==0.3.0, plotly and pytest> tests/golden/make_visdom.py DIRECTORY

Run once; the files are kept. In answers/<first 8 letters of the environment>.answer stand the panes as /win_data gave them; log.jsonl is
what the client's `log_to_filename` wrote of the environment "main".
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("real_visdom", Path(__file__).parents[1] / "real_visdom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw_new(viz: Any) -> None:
    """What Visdom 0.2.4 has not."""
    viz.line(np.array([1.0, np.nan, 3.0]), np.arange(3), win="nan", opts={"title": "nan", "caption": "below", "comment": "a note"})
    viz.line(np.array([4.0]), np.array([3]), win="nan", update="append")
    for epoch in range(2):
        viz.line(np.arange(3.0) * epoch, np.arange(3), win="epochs", opts={"title": "epochs", "store_history": True})
    viz.learning_curve({"train": 0.5, "val": 0.75}, step=0, win="curves", opts={"title": "curves"})
    viz.learning_curve({"train": 0.25, "val": 0.5}, step=1, win="curves", opts={"title": "curves"})
    viz.confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), win="confusion", opts={"title": "confusion"})
    viz.violin(np.random.default_rng(0).random((10, 2)), win="violin", opts={"title": "violin"})
    viz.table(["a", "b"], [[1, 2], [3, 4]], win="table", opts={"title": "table"})


def main(target: Path) -> None:
    """Make the folder `target`."""
    real = _load()
    target.mkdir(parents=True)
    (target / "answers").mkdir()
    with tempfile.TemporaryDirectory() as home:
        saved = Path(home, ".visdom")
        saved.mkdir()
        log = Path(home, "log.jsonl")
        with real.serve(saved) as port:
            viz = real.client(port, log_to_filename=str(log))
            real.draw_all(viz)
            draw_new(viz)
            long_name = "long-" + "x" * 300
            quiet = real.client(port)
            quiet.experiment("first try", {"lr": 0.1, "net": "small", "deep": True}, {"team": "vision"}, "as it began", env="sweep_1")
            quiet.log_metrics({"acc": 0.5}, step=0, env="sweep_1")
            quiet.log_metrics({"acc": 0.75, "val/loss": 1.25}, step=5, env="sweep_1")
            quiet.finish_experiment(env="sweep_1")
            quiet.line(np.array([1.0, 2.0]), win="line", env="sweep_1", opts={"title": "loss"})
            quiet.text("long", win="text", env=long_name)
            quiet.save(["main", "sweep_1", long_name])
            for name in ("main", "sweep_1", long_name):
                answer = real.panes_of(port, name)
                (target / "answers" / f"{name[:8]}.answer").write_text(json.dumps(answer))
        for path in saved.glob("*.json"):
            (target / path.name).write_bytes(path.read_bytes())
        (target / "log.jsonl").write_bytes(log.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
