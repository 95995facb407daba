"""Standard output: text for people, which every terminal can show, and data for programs, which are UTF-8.

Names of columns and classes come from files, so that they can hold anything, also what a terminal would obey.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO

# control characters but the end of a line, what reverses the direction of text, and halves of characters
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with characters that a terminal would obey as escapes, such as \\x1b."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_data(text: str) -> None:
    """Write data to stdout in UTF-8, whatever the locale says; with escapes where a terminal shows them."""
    stream = sys.stdout
    if stream is None:  # closed when Python started
        return
    if stream.isatty():
        stream.write(visible(text))
    elif (buffer := getattr(stream, "buffer", None)) is not None:
        stream.flush()
        buffer.write(text.encode("utf-8", "replace"))
        buffer.flush()
    else:  # a stream of text alone, such as io.StringIO
        stream.write(text)


@contextlib.contextmanager
def replacing_characters(stream: TextIO | None) -> Iterator[None]:
    """Inside, what the stream's encoding does not have is written as a question mark instead of raising UnicodeEncodeError."""
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    before = stream.errors
    stream.reconfigure(errors="replace")
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile, or its reader has gone
            stream.reconfigure(errors=before)


def lead_nowhere(stream: TextIO | None) -> None:
    """Redirect a stream that cannot be written to the null device: otherwise Python's flush at exit would fail again."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
