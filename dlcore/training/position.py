"""Where training is, as small frozen values: how an epoch is cut into batches and updates, and the place in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Batching:
    """How an epoch is cut: n rows as batches of `size` rows, of which the last may be smaller; `accumulate` batches make an update,
    the last one fewer."""

    n: int
    size: int
    shuffle: bool = True
    accumulate: int = 1

    @property
    def full(self) -> int:
        """Batches of `size` rows."""
        return self.n // self.size

    @property
    def ragged(self) -> int:
        """Rows of the smaller last batch, or 0."""
        return self.n % self.size

    @property
    def batches(self) -> int:
        return -(-self.n // self.size)

    @property
    def updates(self) -> int:
        return self.updates_by(self.batches)

    def updates_by(self, batch: int) -> int:
        """Updates that are made by the first `batch` batches of an epoch."""
        return -(-batch // self.accumulate) if batch == self.batches else batch // self.accumulate

    def batches_by(self, update: int) -> int:
        """Batches that the first `update` updates of an epoch take."""
        return min(update * self.accumulate, self.batches)

    def rows_of(self, first: int, count: int) -> np.ndarray:
        """Rows of each of `count` updates from number `first` of an epoch on; only its last one may have fewer."""
        size = self.accumulate * self.size
        rows = np.full(count, size)
        if count and first + count == self.updates:
            rows[-1] = self.n - (self.updates - 1) * size
        return rows


@dataclass(frozen=True)
class Position:
    """Where training is; JSON both ways.

    epoch    epochs finished
    order    number of the data order that the next batch comes from: that of an epoch left unfinished does not come again
    batch    batches of the unfinished epoch; 0 between two epochs
    loss     Σ w · loss over the updates of the unfinished epoch, where w is the weight of an update's rows, their number where
             rows have none; `weight` is Σ w, `seconds` the time
    batching      how the unfinished epoch is batched; None between two epochs
    """

    epoch: int = 0
    order: int = 0
    batch: int = 0
    loss: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0
    batching: Batching | None = None

    def without_unfinished(self) -> Position:
        """Between two epochs; the order of an unfinished one is used up."""
        return Position(self.epoch, self.order + bool(self.batch))

    def next_epoch(self) -> Position:
        """After the last batch of an epoch."""
        return Position(self.epoch + 1, self.order + 1)

    def describe(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of(cls, facts: Mapping[str, object]) -> Self:
        """What `describe` gave.  Raises TypeError or ValueError for anything else."""
        values = dict(facts)
        batching = values.pop("batching", None)
        kinds = {"loss": float, "weight": float, "seconds": float}
        for name in (f.name for f in fields(cls) if f.name != "batching"):
            kind, value = kinds.get(name, int), values.get(name)
            if type(value) is not kind or (kind is int and not 0 <= value < 2**62):
                raise ValueError(f"{name}={value!r}")
        made = _batching_of(batching) if isinstance(batching, Mapping) else None
        position = cls(**values, batching=made)  # type: ignore[arg-type]
        if (position.batch > 0) != (made is not None) or (made and position.batch > made.batches):
            raise ValueError(f"batch={position.batch} of {made}")
        return position


def _batching_of(facts: Mapping[str, object]) -> Batching:
    batching = Batching(**facts)  # type: ignore[arg-type]
    for name in ("n", "size", "accumulate"):
        value = getattr(batching, name)
        if type(value) is not int or not 0 < value < 2**62:
            raise ValueError(f"{name}={value!r}")
    if type(batching.shuffle) is not bool:
        raise ValueError(f"shuffle={batching.shuffle!r}")
    return batching
