"""``python -m crossboard``: the same as the command ``crossboard``."""

import sys

from crossboard.cli import main

if __name__ == "__main__":
    sys.exit(main())
