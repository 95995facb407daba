"""Names of the columns of a frame: fit remembers them, and rows that come later are compared by them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from ..errors import DataError

_NAMED = 5  # names in a message


def feature_names(X: object) -> tuple[str, ...] | None:
    """The names of the columns of a frame of pandas, polars or Arrow.

    None for an array, and for a frame of which a name is no text: numbers are what pandas calls columns without names.
    """
    names = getattr(X, "column_names", getattr(X, "columns", ()))
    found = tuple(names) if isinstance(names, Iterable) else ()
    return found if found and all(isinstance(name, str) for name in found) else None


def check_feature_names(seen: tuple[str, ...] | None, X: object, name: str = "X") -> None:
    """Compare a frame with the names that fit saw.  An array has no names: it is warned of, as in scikit-learn.

    Raises DataError for other names, and for the same ones in another order.
    """
    if seen is None:
        return
    found = feature_names(X)
    if found == seen:
        return
    if found is None:
        warnings.warn(
            f"{name} has no names of columns, and the frame that fit saw had; its columns are taken for {_short(seen)}",
            stacklevel=4,
        )
        return
    if sorted(found) == sorted(seen):
        raise DataError(
            f"{name} has the columns {_short(found)}, and fit saw them in another order, {_short(seen)}; "
            f"use {name}[list(trainer.feature_names)]"
        )
    missing, other = [n for n in seen if n not in found], [n for n in found if n not in seen]
    parts = [f"lacks {_short(missing)}"] * bool(missing) + [f"has {_short(other)} too"] * bool(other)
    raise DataError(f"{name} {' and '.join(parts) or 'has columns twice'}; fit saw the columns {_short(seen)}")


def _short(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED]))
    return f"{shown}, … ({len(names)})" if len(names) > _NAMED else shown
