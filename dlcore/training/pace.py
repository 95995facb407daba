"""How long a chunk may be: the steps between two returns to Python."""

from __future__ import annotations

from ..plan.recorder import TABLE

CHUNK_SECONDS = 0.03  # 5 to 100 ms, so that Ctrl-C, progress and callbacks live


class Pace:
    """`steps` of the present program take about CHUNK_SECONDS; it starts with 1 and doubles until they do."""

    def __init__(self) -> None:
        self.steps = 1
        self._operations: int | None = None

    def begin(self, operations: int) -> None:
        """Another program takes another time: it begins with one step."""
        if self._operations not in (None, operations):
            self.steps = 1
        self._operations = operations

    def took(self, steps: int, seconds: float) -> None:
        """Take note of a chunk; one that was cut short says little unless it took long."""
        if steps == self.steps or seconds > CHUNK_SECONDS:
            self.steps = max(1, min(TABLE, 2 * steps, int(steps * CHUNK_SECONDS / max(seconds, 1e-9))))
