"""kill -9, 200 times, 4 processes of a run, every call acknowledged through shared memory: points lost. Bar: 0.

python3 dev.py bench kill [KILLS]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    LOOP = Path(__file__).resolve().parents[1] / "tests" / "kill_loop.py"
    raise SystemExit(subprocess.call([sys.executable, str(LOOP), *(sys.argv[1:] or ["200"]), "4"]))
