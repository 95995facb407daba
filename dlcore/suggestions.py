"""What somebody may have meant by a word that is not known."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remark to put behind `word`: the nearest known one in parentheses, or nothing where none is near.

    Upper or lower case is no difference.
    """
    from difflib import get_close_matches  # here: only an error needs it, and the command line must start quickly

    names = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), list(names), n=1)
    return f" (did you mean {names[nearest[0]]!r}?)" if nearest else ""
