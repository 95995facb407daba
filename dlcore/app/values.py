"""Readers of settings: from the text of a flag, or from a value of TOML, to the value of a field; ConfigurationError for others."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from ..errors import ConfigurationError
from ..suggestions import did_you_mean


def integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value if isinstance(value, str) else "")
    except ValueError:
        raise ConfigurationError(f"{value!r} is not an integer") from None


def count(value: Any) -> int:
    if integer(value) < 1:
        raise ConfigurationError(f"{value!r} is not a positive integer")
    return integer(value)


def number(value: Any) -> float:
    try:
        result = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise ConfigurationError(f"{value!r} is not a number")
    return result


def share(value: Any) -> float:
    if not 0 <= number(value) < 1:
        raise ConfigurationError(f"{value!r} is not a share: a number from 0 to below 1")
    return number(value)


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{value!r} is not a name" if value != "" else "the name is empty")
    return value


def widths(value: Any) -> tuple[int, ...]:
    """(256, 128) from "256,128" or [256, 128]; () from "none", "" or []."""
    if isinstance(value, str):
        value = () if value.strip().lower() in ("", "none") else value.split(",")
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(f"{value!r} is not a list of widths")
    return tuple(count(width) for width in value)


def words(value: Any) -> tuple[str, ...]:
    """("a", "b") from "a,b" or ["a", "b"]"""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) for word in value):
        raise ConfigurationError(f"{value!r} is not a list of words")
    return tuple(word.strip() for word in value)


def forms(value: Any) -> tuple[str, ...]:
    """("%d.%m.%Y",) or ("a=%d/%m/%Y", "b=%b %d, %Y"): a comma separates formats only before COLUMN=."""
    if isinstance(value, str):
        value = re.split(r",(?=[^,=%]+=)", value)
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(form, str) and "%" in form for form in value)
    ):
        raise ConfigurationError(f"{value!r} is not a format such as %d.%m.%Y, or COLUMN=FORM")
    return tuple(form.strip() for form in value)


def yes_or_no(value: Any) -> bool:
    known = {"yes": True, "true": True, "no": False, "false": False}
    if isinstance(value, bool) or str(value).lower() in known:
        return value if isinstance(value, bool) else known[value.lower()]
    raise ConfigurationError(f"{value!r} is not yes or no")


def one_of(*known: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise ConfigurationError(f"{value!r} is none of {', '.join(known)}{hint}")
        return str(value)

    return read


def character(value: Any) -> str:
    """One character, or a name of one."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{value!r} is not a character")
    return value
