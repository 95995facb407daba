"""Forty rows that a line separates, and a trainer with one layer."""

from __future__ import annotations

import numpy as np

import dlcore as dl

random = np.random.default_rng(0)
X = random.standard_normal((40, 2))
SEPARABLE = (X @ [2.0, -1.0] + 0.3 > 0).astype(int)


def trainer_for(loss: dl.Loss, outputs: int = 1, rate: float = 0.1) -> dl.Trainer:
    return dl.Trainer(dl.Sequential(dl.Dense(2, outputs)), loss, dl.SGD(rate), dtype="float64", seed=3)
