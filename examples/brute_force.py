"""Brute force: compute the loss on a grid and take the lowest point.  In two dimensions fine; k^N points for N parameters.

J = 1/N Σ (y − σ(w x + b))², the lecture's loss of one sigmoid neuron, without ½.

Change one line: a grid of 400 points per side, and see what exactness costs.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=50)
Y = 1 / (1 + np.exp(-(2.0 * X - 1.0))) + 0.05 * RANDOM.normal(size=50)


def loss(theta):
    w, b = theta
    return np.mean((Y - 1 / (1 + np.exp(-(w * X + b)))) ** 2)


def trained(epochs):
    """The same neuron by gradient descent: a Sigmoid layer before SquaredError, which is half of J."""
    model = dl.Sequential(dl.Dense(1, 1), dl.Sigmoid())
    trainer = dl.Trainer(model, dl.SquaredError(), dl.Adam(0.1), dtype="float64")
    history = trainer.fit(X[:, None], Y, epochs=epochs, batch_size=None)
    W, b = trainer.get_weights()
    return np.array([W[0, 0], b[0]]), 2 * history["loss"][-1]


def main(arguments=None):
    script = Script(__doc__, arguments)
    side = 31 if script.quick else 101
    w, b = np.linspace(-1, 5, side), np.linspace(-4, 2, side)
    grid = np.array([[loss((i, j)) for i in w] for j in b])
    row, column = np.unravel_index(grid.argmin(), grid.shape)
    best = np.array([w[column], b[row]])
    found, J = trained(300)

    figure, axes = plotting.panels(2, width=5.2, height=4.0)
    plotting.contours(loss, (-1, 5), (-4, 2), names=("w", "b"), points=side, axes=axes[0])
    axes[0].plot(*best, "s", color=plotting.COLORS[0], markersize=9, label=f"best of {side}² grid points")
    axes[0].plot(*found, "o", color=plotting.COLORS[1], label="300 steps of Adam")
    axes[0].legend(fontsize="small")
    parameters = np.array([1, 2, 3, 5, 10, 100, 1000, 7850])
    digits = {
        "brute force: 100ᴺ": (parameters, 2.0 * parameters),
        "300 steps, 2 passes each": (parameters, np.full(len(parameters), np.log10(600))),
    }
    plotting.lines(
        digits, xlabel="parameters N", ylabel="log₁₀ of evaluations", log_x=True, log_y=True, marker="o", axes=axes[1]
    )
    script.save("brute_force.png", figure)
    print(f"grid minimum w, b = {best.round(3)}, J = {grid.min():.5f} after {side**2} evaluations")
    print(f"descent      w, b = {found.round(3)}, J = {J:.5f} after 300 steps")
    print(f"with N = 7850 parameters (784 pixels, 10 classes) the grid has 100^7850 = 10^{2 * 7850} points")
    return {"grid": best, "lowest": grid.min(), "found": found, "J": J, "digits": 2 * 7850}


if __name__ == "__main__":
    main()
