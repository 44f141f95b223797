"""`python -m umbel`, where scripts are not on the path."""

import sys

from umbel.cli import run

if __name__ == "__main__":
    sys.exit(run())
