"""Messages to the user, each one line on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from ...errors import DlcoreError
from .streams import lead_nowhere, visible


def say(message: str) -> None:
    """Write a line to stderr.  If that fails, training goes on."""
    say_lines(f"dlcore: {' '.join(message.split())}")


def say_lines(text: str) -> None:
    """Write lines to stderr, as `say` does."""
    try:
        if sys.stderr is not None:
            print(visible(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # ValueError: it was closed, or cannot encode the message
        lead_nowhere(sys.stderr)


def text_of(error: Exception) -> str:
    """The message of an error for the user."""
    if isinstance(error, DlcoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    return f"{type(error).__name__}: {error} (not expected; --debug shows where)"


@contextlib.contextmanager
def plain_messages() -> Iterator[None]:
    """Print each log record and warning of the library as one line."""
    import logging
    import warnings

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    def warn(message: Warning | str, *where: object, **details: object) -> None:
        say(f"warning: {message}")

    logger, lines = logging.getLogger("dlcore"), Lines()
    logger.addHandler(lines)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=UserWarning, module=r"dlcore\.")
            warnings.showwarning = warn
            yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(lines)
