"""What `import crossboard` and `init` cost, beside `import numpy` and trackio, in processes of their own, alternating.

    python3 dev.py bench start_up [ROUNDS]

Bars (DESIGN): import <= 60 ms over numpy's, init <= 20 ms. Python keeps what it compiled, as it does for everybody: where
PYTHONDONTWRITEBYTECODE is set, it is not passed on, and the first round is not counted.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile

SCRIPTS = {
    "import numpy": "import time; a = time.perf_counter(); import numpy; print((time.perf_counter() - a) * 1e3)",
    "import crossboard, over numpy": (
        "import numpy, time; a = time.perf_counter(); import crossboard as cb; cb.init; print((time.perf_counter() - a) * 1e3)"
    ),
    "crossboard init": (
        "import time, crossboard as cb; f = cb.init; a = time.perf_counter(); f(); print((time.perf_counter() - a) * 1e3, flush=True);"
        "import os; os._exit(0)"
    ),
    "trackio init": (
        "import time, trackio, os, sys; a = time.perf_counter(); o = sys.stdout; sys.stdout = open(os.devnull, 'w');"
        "trackio.init(project='p'); b = time.perf_counter(); print((b - a) * 1e3, file=o, flush=True); os._exit(0)"
    ),
}


def main(rounds: int) -> None:
    found: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for number in range(rounds + 1):
        for name, script in SCRIPTS.items():
            if name.startswith("trackio") and importlib.util.find_spec("trackio") is None:
                continue
            with tempfile.TemporaryDirectory() as directory:
                env = {**kept, "HOME": directory, "TRACKIO_DIR": directory, "CROSSBOARD_SEAL": "0"}
                done = subprocess.run(
                    [sys.executable, "-c", script], cwd=directory, env=env, capture_output=True, text=True, timeout=60, check=False
                )
                if done.stdout.strip() and number:
                    found[name].append(float(done.stdout.split()[-1]))
    print(f"{'':<34}{'median ms':>12}{'least ms':>12}")
    for name, times in found.items():
        print(f"{name:<34}" + (f"{statistics.median(times):>12.1f}{min(times):>12.1f}" if times else f"{'not installed':>24}"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
