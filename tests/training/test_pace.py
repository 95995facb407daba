"""The length of a chunk, on steps of a given time."""

from __future__ import annotations

import pytest

from dlcore.plan.recorder import TABLE
from dlcore.training.pace import CHUNK_SECONDS, Pace


def lengths(pace: Pace, step_seconds: float, chunks: int) -> list[int]:
    found = []
    for _ in range(chunks):
        found.append(pace.steps)
        pace.took(pace.steps, pace.steps * step_seconds)
    return found


def test_a_chunk_doubles_until_it_takes_its_time() -> None:
    """Steps of a tenth: 1, 2, 4, 8, then ten."""
    assert lengths(Pace(), CHUNK_SECONDS / 10.5, 6) == [1, 2, 4, 8, 10, 10]


def test_a_slow_step_is_a_chunk() -> None:
    assert lengths(Pace(), 3 * CHUNK_SECONDS, 3) == [1, 1, 1]


def test_the_table_of_rates_is_the_most() -> None:
    assert lengths(Pace(), 1e-12, 30)[-1] == TABLE


def test_a_chunk_that_was_cut_short_says_nothing_unless_it_took_long() -> None:
    """The end of an epoch cuts it; a step that has become slow shortens the next one."""
    pace = Pace()
    lengths(pace, CHUNK_SECONDS / 100, 8)
    before = pace.steps
    pace.took(3, 3e-6)
    assert pace.steps == before
    pace.took(3, 30 * CHUNK_SECONDS)
    assert pace.steps == 1


@pytest.mark.parametrize(("operations", "steps"), [(1000, 64), (2000, 1)])
def test_another_program_begins_with_one_step(operations: int, steps: int) -> None:
    pace = Pace()
    pace.begin(1000)
    lengths(pace, 1e-9, 6)
    pace.begin(operations)
    assert pace.steps == steps
