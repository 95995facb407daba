"""The command line.  `dlcore train digits` trains a network, `dlcore info` describes the machine.

Results go to stdout, messages to stderr.  An error is one line on stderr, with a traceback only with --debug; its exit code is
in errors.py.  130 and 143 stand for SIGINT and SIGTERM, 141 for a closed output pipe.
A command is a file here with SUMMARY, add_arguments(parser) and run(arguments) -> exit code, and an entry in COMMANDS.
`run` imports what it needs: NumPy alone takes longer to import than --help may take.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ...errors import CheckpointError, DlcoreError
from . import evaluate, info, init, predict, train
from .arguments import parse
from .messages import plain_messages, say, say_lines, text_of
from .streams import lead_nowhere, replacing_characters

COMMANDS = {"train": train, "evaluate": evaluate, "predict": predict, "init": init, "info": info}

FAILED, INTERRUPTED, NO_READER = 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    with replacing_characters(sys.stdout):
        return _ended(words)


def _ended(words: Sequence[str]) -> int:
    """Run a command; the exit code, also of its errors."""
    try:
        code = _command(words)
        if sys.stdout is not None:  # None if it was closed when Python started
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        lead_nowhere(sys.stdout)
        return NO_READER
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if "--debug" in words:
            import traceback

            say_lines(traceback.format_exc())
        say(f"error: {text_of(error)}")
        if isinstance(error, OSError):
            lead_nowhere(sys.stdout)
            return CheckpointError.exit_code
        return error.exit_code if isinstance(error, DlcoreError) else FAILED


def _command(words: Sequence[str]) -> int:
    try:
        arguments = parse(words, COMMANDS)
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    with plain_messages():
        code: int = arguments.run(arguments)
    return code
