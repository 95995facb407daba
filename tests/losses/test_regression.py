"""Losses of numbers as a user meets them: an outlier, and counts."""

from __future__ import annotations

import numpy as np

import dlcore as dl

from .rows import X, random, trainer_for


def test_huber_resists_an_outlier() -> None:
    """One target off by 1000 moves the line by little; squared error follows it."""
    y = X @ [1.0, 2.0] + 1
    y[0] += 1000
    slopes = {}
    for loss in (dl.Huber(0.1), dl.SquaredError()):
        trainer = trainer_for(loss)
        trainer.fit(X, y, epochs=500, batch_size=None)
        slopes[type(loss)] = trainer.get_weights()[0][:, 0]
    np.testing.assert_allclose(slopes[dl.Huber], [1, 2], atol=0.05)
    assert np.abs(slopes[dl.SquaredError] - [1, 2]).max() > 5


def test_poisson_finds_the_rate() -> None:
    """Without features that tell anything, the expected count is the mean."""
    counts = random.poisson(3.0, 40)
    trainer = trainer_for(dl.Poisson())
    trainer.fit(np.zeros((40, 2)), counts, epochs=300, batch_size=None)
    np.testing.assert_allclose(trainer.predict(np.zeros((1, 2))), [[counts.mean()]], rtol=1e-9)
