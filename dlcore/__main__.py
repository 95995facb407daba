"""`python -m dlcore`, and the console script `dlcore`."""

import sys


def main() -> None:
    try:
        from .app.cli import main as run  # here: Ctrl-C during its imports is no traceback either
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


if __name__ == "__main__":
    main()
