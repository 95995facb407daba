"""Programs that are kept with the functions which run them, by what they were recorded for."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ..arrays import Array
from ..kernels.table import Buffer
from .program import Bound, Program
from .workspace import Workspace

_MOST = 8


class Cache:
    """`cache(place, record, array)`: the program recorded for this place, or record(), and its functions on these arrays.

    The program that was used longest ago goes when there are too many.  Recording and binding take milliseconds, as much as
    hundreds of steps of a small network.  Pass any function that maps buffers to the same arrays; programs are bound again when
    `workspace.generation` has changed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: dict[Hashable, tuple[Program, Bound, int]] = {}

    def __call__(
        self, place: Hashable, record: Callable[[], Program], array: Callable[[Buffer], Array]
    ) -> tuple[Program, Bound]:
        if place not in self._kept:
            if len(self._kept) >= _MOST:
                self._kept.pop(next(iter(self._kept)))
            self._kept[place] = record(), {}, -1
        program, bound, generation = self._kept[place] = self._kept.pop(place)  # the last one used goes to the end
        if generation != self._workspace.generation:  # a larger program since then has replaced arrays
            bound = program.bind(array)
            self._kept[place] = program, bound, self._workspace.generation
        return program, bound
