"""Tables in Markdown, aligned so that they are readable in a terminal too; times and ratios with three digits."""

from __future__ import annotations

from collections.abc import Sequence

from rounds import Spread


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its first column aligned left, the others right.  Raises ValueError for a row of another length."""
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"rows of {[len(row) for row in rows]} cells under a header of {len(header)}")
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = cells
        aligned = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        return f"| {' | '.join(aligned)} |"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (w - 1) + ":" for w in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def seconds(value: float) -> str:
    """12.3 µs"""
    for factor, unit in ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms")):
        if value < 999.5 * factor:
            return f"{digits(value / factor)} {unit}"
    return f"{digits(value)} s"


def digits(value: float) -> str:
    """Three digits, and no exponent below a million: 0.123, 1.23, 12.3, 123, 1235"""
    if not 1e-4 < abs(value) < 1e6:
        return f"{value:.3g}"
    decimals = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 else 3
    return f"{value:.{decimals}f}"


def spread(ratio: Spread) -> str:
    """2.03 (1.98 to 2.31)"""
    return f"{digits(ratio.median)} ({digits(ratio.least)} to {digits(ratio.most)})"
