"""Plans that are kept with the functions which run them, by what they were recorded for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from .memory import Memory
from .plan import Plan

_MOST = 8

Runners = dict[str, Callable[[int], None]]
P = TypeVar("P", bound=Plan)


class BoundPlans(Generic[P]):
    """`plans(place, record, parts)`: the plan that was recorded for this place, or `record()`, and its functions.

    All plans go when the parts are others than before, and the oldest when there are too many.  Recording and binding take
    milliseconds, as much as hundreds of steps of a small network.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept: dict[Hashable, tuple[P, Runners, int]] = {}
        self._parts: tuple[object, ...] = ()

    def __call__(self, place: Hashable, record: Callable[[], P], parts: tuple[object, ...] = ()) -> tuple[P, Runners]:
        if parts != self._parts:
            self._kept, self._parts = {}, parts
        if place not in self._kept:
            if len(self._kept) >= _MOST:
                self._kept.pop(next(iter(self._kept)))
            self._kept[place] = record(), {}, -1
        plan, run, generation = self._kept[place]
        if generation != self._memory.generation:  # a larger plan since then has replaced arrays
            run = plan.bind(self._memory.array)
            self._kept[place] = plan, run, self._memory.generation
        return plan, run
