"""`python -m dlcore`, and the console script `dlcore`."""

import sys

from .app.cli import main as run


def main() -> None:
    sys.exit(run())


if __name__ == "__main__":
    main()
