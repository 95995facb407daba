"""How an epoch is batched, against batches counted one by one, and a position as JSON and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dlcore.training.position import Batching, Position


def updates_of(n: int, size: int, accumulate: int) -> list[list[int]]:
    """The rows of each batch of each update, counted."""
    batches = [min(size, n - start) for start in range(0, n, size)]
    return [batches[i : i + accumulate] for i in range(0, len(batches), accumulate)]


@pytest.mark.parametrize("accumulate", [1, 2, 3, 7])
@pytest.mark.parametrize(("n", "size"), [(1, 1), (12, 4), (13, 4), (22, 4), (4, 4), (3, 4), (10, 1)])
def test_an_epoch_is_cut_into_batches_and_updates(n: int, size: int, accumulate: int) -> None:
    batching, updates = Batching(n, size, accumulate=accumulate), updates_of(n, size, accumulate)
    sizes = [rows for update in updates for rows in update]
    assert (batching.batches, batching.updates) == (len(sizes), len(updates))
    assert [size] * batching.full + [batching.ragged] * (batching.ragged > 0) == sizes
    done, ends = 0, np.cumsum([len(update) for update in updates])
    for batch in range(batching.batches + 1):
        done += batch in ends
        assert batching.updates_by(batch) == done
    assert [batching.batches_by(update) for update in range(batching.updates + 1)] == [0, *ends]
    for first in range(len(updates)):
        for count in range(len(updates) - first + 1):
            assert batching.rows_of(first, count).tolist() == [sum(update) for update in updates[first : first + count]]


INSIDE = Position(
    3, 4, batch=2, loss=1.5, weight=8.0, seconds=0.25, batching=Batching(22, 4, shuffle=False, accumulate=2)
)


@pytest.mark.parametrize(
    "position", [Position(), Position(epoch=5, order=7), INSIDE], ids=["start", "between", "inside"]
)
def test_json_and_back(position: Position) -> None:
    assert Position.of(json.loads(json.dumps(position.describe()))) == position


def test_the_order_of_an_unfinished_epoch_is_used_up() -> None:
    """That of one which is finished was counted then."""
    assert INSIDE.without_unfinished() == Position(epoch=3, order=5)
    assert Position(epoch=3, order=5).without_unfinished() == Position(epoch=3, order=5)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1}, {"epoch": 1.0}, {"order": 2**62}, {"weight": 8}, {"loss": 1}, {"batch": True},
        {"batch": 0},  # between two epochs there is no batching
        {"batching": None},  # and inside one there is
        {"batch": 7},  # of 6
        {"batching": {"n": 0, "size": 4, "shuffle": True, "accumulate": 1}},
        {"batching": {"n": 22, "size": 4, "shuffle": 1, "accumulate": 1}},
        {"batching": {"n": 22}}, {"batching": {"n": 22, "size": 4, "more": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_position_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Position.of(INSIDE.describe() | change)
