"""What somebody may have meant by a word that is not known."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remark to put behind `word`: the nearest known one in parentheses, or nothing where none is near."""
    from difflib import get_close_matches  # here: only an error needs it, and the command line must start quickly

    nearest = get_close_matches(word, list(known), n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
