"""`python -m hasten` is the command `hasten`."""

from __future__ import annotations

import sys

from hasten.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
