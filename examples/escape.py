"""With the noise of mini-batches, descent leaves a local minimum and a saddle point, where descent on all rows stays.

Change one line: 3 rows per step in place of 1, which have less noise.
"""

import numpy as np
from gabor import WINDOW, X, loss
from script import Script

import dlcore as dl
from dlcore import plotting

START, RATE = (-6.0, 11.5), 2.0  # near a shallow local minimum of the Gabor landscape


def in_batches(size, seed):
    """The loss of rows drawn without replacement, epoch after epoch."""
    random, left = np.random.default_rng(seed), []

    def f(theta):
        nonlocal left
        left = left if len(left) >= size else list(random.permutation(len(X)))
        rows, left = left[:size], left[size:]
        return loss(theta, rows)

    return f


def saddle(noise):
    """x² − y² + y⁴/4, its gradient with noise of this size: (0, 0) is a saddle point, the minima are at y = ±√2."""
    random = np.random.default_rng(0)

    def f(theta):
        x, y = theta
        return x**2 - y**2 + y**4 / 4, np.array([2 * x, -2 * y + y**3]) + noise * random.normal(size=2)

    return f


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps, points, tries = (600, 21, 2) if script.quick else (800, 81, 20)
    stays = dl.descend(loss, START, dl.SGD(RATE), steps)
    runs = [dl.descend(in_batches(1, seed), START, dl.SGD(RATE), steps) for seed in range(tries)]
    away = [bool(np.linalg.norm(run.end - stays.end) > 2) for run in runs]
    lower = [loss(run.end)[0] < loss(stays.end)[0] for run in runs]
    ridge, leaves = (dl.descend(saddle(noise), (1.5, 0.0), dl.SGD(0.1), 80) for noise in (0.0, 0.05))

    figure, axes = plotting.panels(2, width=5.4, height=4.4)
    ways = {"one row a step": runs[0].path, "all rows": stays.path}  # which hardly moves, so on top
    plotting.contours(loss, *WINDOW, paths=ways, points=points, title="a local minimum", axes=axes[0])
    ways = {"noise 0.05": leaves.path, "no noise": ridge.path}
    window = (-1.8, 1.8), (-2.2, 2.2)
    plotting.contours(saddle(0.0), *window, paths=ways, names=("x", "y"), points=points, axes=axes[1])
    axes[1].set_title("a saddle point")
    script.save("escape.png", figure)
    print(f"local minimum: all rows stay at loss {loss(stays.end)[0]:.4f}; one row a step, η = {RATE}:")
    print(f"  {sum(away)} of {tries} seeds have left after {steps} steps, {sum(lower)} are lower than it")
    print(f"saddle point: without noise descent ends at {ridge.end.round(4)}, with noise at {leaves.end.round(2)}")
    print(
        f"Look: at y = 0 the gradient has no part along y; without noise |y| is never above {abs(ridge.path[:, 1]).max():g}."
    )
    found = {"stays": stays.end, "away": sum(away), "tries": tries, "lower": sum(lower)}
    return found | {"ridge": ridge.end, "leaves": leaves.end}


if __name__ == "__main__":
    main()
