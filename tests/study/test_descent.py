"""Descent on functions of a few numbers takes the steps that a network takes."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

CURVATURE = np.array([1.0, 30.0])
START = [1.0, 1.0]


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """½ θᵀ diag(1, 30) θ"""
    return 0.5 * CURVATURE @ theta**2, CURVATURE * theta


def test_plain_descent_is_a_loop() -> None:
    """θ ← θ − η g"""
    theta, path = np.array(START), [np.array(START)]
    for _ in range(7):
        theta = theta - 0.02 * CURVATURE * theta
        path.append(theta)
    np.testing.assert_allclose(dl.descend(bowl, START, dl.SGD(0.02), 7).path, path, rtol=1e-14)


@pytest.mark.parametrize(
    "optimizer",
    [
        dl.SGD(0.02, l2=0.1),
        dl.SGD(0.02, momentum=0.9, nesterov=True),
        dl.MovingAverageSGD(0.02, 0.9, nesterov=True),
        dl.Adam(0.1, schedule=dl.schedules.CosineDecay(10)),
        dl.AdamW(0.1, clip_norm=0.5),
        dl.AdamW(0.1, weight_decay=0.5, decay_schedule=dl.schedules.StepDecay(2)),
    ],
)
def test_a_network_takes_the_same_path(optimizer: dl.Optimizer) -> None:
    """A Dense layer without bias on two rows √2·(1, 0), √2·(0, √30) with targets 0 has the bowl for its loss."""
    network = dl.Trainer(dl.Sequential(dl.Dense(2, 1, bias=False)), dl.SquaredError(), optimizer, dtype="float64")
    network.set_weights([np.array(START)[:, None]])
    path = [network.get_weights()[0][:, 0]]
    for _ in range(6):
        network.fit(np.diag(np.sqrt(2 * CURVATURE)), np.zeros(2), epochs=1, batch_size=None)
        path.append(network.get_weights()[0][:, 0])
    np.testing.assert_allclose(dl.descend(bowl, START, optimizer, 6).path, path, rtol=1e-12)


def test_values_are_those_where_the_gradient_was_taken() -> None:
    done = dl.descend(bowl, START, dl.SGD(0.02), 3)
    np.testing.assert_allclose(done.values, [bowl(theta)[0] for theta in done.path], rtol=1e-14)
    np.testing.assert_array_equal(done.end, done.path[3])


def test_how_it_ends() -> None:
    """Step limit, gradient norm, change of the value, divergence: the reason is recorded."""
    assert dl.descend(bowl, START, dl.SGD(0.02), 5).reason == "steps"
    gradient = dl.descend(bowl, START, dl.SGD(0.05), 10_000, gradient_tolerance=1e-3)
    assert gradient.reason == "gradient"
    assert np.linalg.norm(CURVATURE * gradient.end) <= 1e-3 < np.linalg.norm(CURVATURE * gradient.path[-2])
    value = dl.descend(bowl, START, dl.SGD(0.05), 10_000, value_tolerance=1e-6, patience=3)
    assert value.reason == "value"
    assert (np.abs(np.diff(value.values))[-3:] <= 1e-6).all()
    diverged = dl.descend(bowl, START, dl.SGD(1.0), 10_000)
    assert diverged.reason == "not finite"
    assert np.isfinite(diverged.path).all()


def test_a_saddle_point_is_stationary_too() -> None:
    """x² − y² from y = 0 ends at (0, 0), which is no minimum."""
    done = dl.descend(
        lambda t: (t[0] ** 2 - t[1] ** 2, [2 * t[0], -2 * t[1]]), [1.0, 0.0], dl.SGD(0.1), 1000, gradient_tolerance=1e-9
    )
    assert done.reason == "gradient"
    assert done.end[1] == 0
    assert abs(done.end[0]) < 1e-9


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"start": []}, dl.DataError),
        ({"start": [np.nan]}, dl.DataError),
        ({"optimizer": "adam"}, dl.ConfigurationError),
        ({"optimizer": dl.SGD(0.1, max_norm=1)}, dl.ConfigurationError),
        ({"steps": -1}, dl.ConfigurationError),
        ({"patience": 0}, dl.ConfigurationError),
        ({"gradient_tolerance": -1.0}, dl.ConfigurationError),
        ({"f": lambda theta: (0.0, [1.0])}, dl.ShapeError),
    ],
)
def test_bad_arguments_are_refused(change: dict, error: type[Exception]) -> None:
    arguments = {"f": bowl, "start": START, "optimizer": dl.SGD(0.1)} | change
    with pytest.raises(error, match="descend"):
        dl.descend(**arguments)
