"""Mini-batches: every step sees another cost function, cheap and noisy; their gradients average to the full one.

One object gives all three: batch_size None for all rows (batch), 2 … N − 1 (mini-batch), 1 (stochastic).

Change one line: B, the size of the batches in the first picture.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=9)
Y = 1.2 * X - 0.5 + 0.8 * RANDOM.normal(size=9)
B = 3
BATCHES = [slice(i, i + B) for i in range(0, 9, B)]  # the last one may be smaller


def loss(theta, rows=slice(None)):
    """½ mean (θ₀ + θ₁ x − y)² over some rows, and its gradient."""
    error = theta[0] + theta[1] * X[rows] - Y[rows]
    return 0.5 * np.mean(error**2), np.array([np.mean(error), np.mean(error * X[rows])])


def in_batches():
    """A function that takes the loss of the next batch at each call: every row once, then again from the first batch."""
    count = iter(range(10**9))
    return lambda theta: loss(theta, BATCHES[next(count) % len(BATCHES)])


def main(arguments=None):
    script = Script(__doc__, arguments)
    points = 21 if script.quick else 81
    theta = np.array([-1.5, -0.5])
    full, parts = loss(theta)[1], [loss(theta, rows)[1] for rows in BATCHES]
    window = (-2.2, 1.2), (-1.2, 2.6)
    figure, axes = plotting.panels(1 + len(BATCHES), 2, width=5.0, height=4.2)
    for i, panel in enumerate(axes):
        rows = slice(None) if i == 0 else BATCHES[i - 1]
        title = "a) all 9 rows" if i == 0 else f"{'abcdefghij'[i]}) the cost of batch {i}"
        plotting.contours(lambda t, rows=rows: loss(t, rows), *window, title=title, points=points, axes=panel)
        for j, g in enumerate((full, *parts)):
            if i in (0, j):
                color = "black" if j == 0 else plotting.COLORS[(j - 1) % 6]
                arrow = {"arrowstyle": "-|>", "linewidth": 2, "color": color}
                panel.annotate("", theta - 0.5 * g, theta, arrowprops=arrow)
        panel.plot(*theta, "ko", markersize=4)
    script.save("minibatches.png", figure)

    figure, axes = plotting.panels(2, width=4.8, height=3.8)
    run = dl.descend(in_batches(), theta, dl.SGD(0.15), 60)
    whole = [loss(t)[0] for t in run.path]
    plotting.lines(
        {"loss of the batch": run.values, "loss of all rows": whole}, xlabel="step", ylabel="loss", axes=axes[0]
    )
    paths = {"batch": dl.descend(loss, theta, dl.SGD(0.15), 60).path, f"mini-batches of {B}": run.path}
    plotting.contours(loss, *window, paths=paths, points=points, axes=axes[1])
    script.save("minibatch_costs.png", figure)
    mean = np.average(parts, axis=0, weights=[len(X[rows]) for rows in BATCHES])  # each row counts once
    print(f"gradient of all rows {full.round(4)}, mean of those of the {len(BATCHES)} batches {mean.round(4)}")
    ups = [int((np.diff(values) > 0).sum()) for values in (run.values, whole)]
    print(
        f"Look: in {len(whole) - 1} steps the loss of the batch rises {ups[0]} times, that of all rows {ups[1]} times;",
        end=" ",
    )
    print("each batch has its own valley.")
    return {"full": full, "mean": mean, "parts": parts, "values": run.values, "whole": whole}


if __name__ == "__main__":
    main()
