"""Scheduled numbers of the next updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.plan.recipe import Recipe
from dlcore.training.schedule_table import schedule_table

MODEL = dl.Sequential(dl.Dense(2, 1))


def rates(optimizer: dl.Optimizer, learning_rate: float, first: int, count: int, dtype: str) -> np.ndarray:
    return schedule_table(Recipe(MODEL, dl.SquaredError(), optimizer, dtype, 0), learning_rate, first, count)[:, 0]


def test_without_a_schedule_the_rate_is_constant() -> None:
    assert rates(dl.SGD(0.1), 0.3, 5, 4, "float64").tolist() == [0.3] * 4


def test_a_schedule_is_asked_for_the_number_of_each_update() -> None:
    asked: list[int] = []

    def factor(step: int) -> float:
        asked.append(step)
        return 1 / (1 + step)

    found = rates(dl.SGD(0.1, schedule=factor), 0.6, 2, 3, "float64")
    np.testing.assert_allclose(found, [0.6 / 3, 0.6 / 4, 0.6 / 5], rtol=1e-15)
    assert asked == [2, 3, 4]


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (lambda step: -1.0 if step == 7 else 1.0, "the learning rate of update 7 is -0.5, expected a number >= 0 within float32"),
        (lambda step: float("nan"), "the learning rate of update 5 is nan"),
        (lambda step: 1e39, r"the learning rate of update 5 is 5e\+38, .* within float32"),
        (lambda step: "fast", "schedule: no factor for update 5"),
        (lambda step: None, "schedule: no factor for update 5"),
    ],
)  # fmt: skip
def test_a_rate_that_cannot_be_is_named_with_its_update(factor: Callable[[int], Any], message: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=message):
        rates(dl.SGD(0.1, schedule=factor), 0.5, 5, 4, "float32")
