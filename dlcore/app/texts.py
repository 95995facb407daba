"""Texts for files and programs: JSON as its standard has it, and UTF-8 whatever the locale is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from ..errors import ConfigurationError


def dumps(value: object, indent: int | None = None) -> str:
    """The text of a JSON value; NaN and infinities, which Python would write as words that JSON does not have, are null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def utf8(text: str, file: str) -> bytes:
    """The text of this file as UTF-8, also where the locale has no encoding for a path in it.

    Python then holds its bytes as lone surrogates.  Raises ConfigurationError where they are no text in UTF-8.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode().encode()
    except UnicodeError:
        where = next(line for line in text.splitlines() if any("\ud800" <= c <= "\udfff" for c in line))
        raise ConfigurationError(f"{file} is written in UTF-8, and this name is not: {where}; rename it") from None
