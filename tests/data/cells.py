"""The cells of a column, as Python has them."""

from __future__ import annotations

from typing import Any

from dlcore.data.tables import Table


def cells(found: Table, name: str) -> list[Any]:
    column = found.columns[name]
    return [None if gone else column.cell(row) for row, gone in enumerate(column.missing())]
