"""`python -m hasten` is the command `hasten`."""

from __future__ import annotations

from hasten.cli.main import run

if __name__ == "__main__":
    run()
