"""Interleaved rounds and their statistics: medians, and ratios with their spread.

A shared machine drifts by more than contestants differ.  So all of them run in every round, in turn, and ratios are taken
within each round, before the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

Result = TypeVar("Result")

FEWEST = 7  # rounds of a run that may be published


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some numbers."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of these values.  Raises ValueError if there are none."""
        return cls(median(values), min(values), max(values))


def ratios(times: Sequence[float], others: Sequence[float]) -> Spread:
    """The spread of times[r] / others[r] over the rounds r.  Raises ValueError unless both have the same, non-zero number."""
    return Spread.of([a / b for a, b in zip(times, others, strict=True)])


def interleaved(turns: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """The results of each turn in each round; each round starts one turn later, so that the order varies."""
    results: dict[str, list[Result]] = {name: [] for name in turns}
    for name in order(list(turns), rounds):
        results[name].append(turns[name]())
    return results


def order(names: Sequence[str], rounds: int) -> Iterator[str]:
    """a b c, b c a, c a b, …"""
    for r in range(rounds):
        first = r % len(names) if names else 0
        yield from (*names[first:], *names[:first])
