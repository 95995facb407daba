"""Suggestions for mistyped words."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Text to append to `word`: the nearest known word in parentheses, or "" if none is near.  Case does not matter."""
    from difflib import get_close_matches  # imported here: only errors need it, and the command line must start quickly

    names = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), list(names), n=1)
    return f" (did you mean {names[nearest[0]]!r}?)" if nearest else ""
