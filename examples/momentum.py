"""Momentum averages gradients: v ← β v + (1 − β) g, θ ← θ − η v.  Constant signs add up, alternating signs cancel.

Nesterov's form takes the gradient at the point where momentum leads.  With β = 0 both are plain gradient descent.

Change one line: β = 0.99, and count the steps until the average believes a constant gradient.
"""

import numpy as np
from ravine import START, ravine
from script import Script

import dlcore as dl
from dlcore import plotting

BETA = 0.9


def effective_rate(signs):
    """How far θ moves at each step, in units of η, when the gradients are ±1."""
    gradients = iter([*signs, 0.0])
    path = dl.descend(lambda theta: (0.0, [next(gradients)]), 0.0, dl.MovingAverageSGD(1.0, BETA), len(signs)).path
    return np.abs(np.diff(path[:, 0]))


def triangles(axes, before=2):
    """Draw where momentum and Nesterov take their gradients, after some common steps."""
    run = dl.descend(ravine, START, dl.MovingAverageSGD(0.1, BETA), before)
    theta, v = run.path[-1], (run.path[-2] - run.path[-1]) / 0.1
    ahead = theta - 0.1 * v
    g, g_ahead = ravine(theta)[1], ravine(ahead)[1]
    corners = np.array([theta, ahead, theta - 0.1 * (BETA * v + (1 - BETA) * g)])
    margin = np.array([0.03, 0.15])
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + margin
    plotting.contours(ravine, (low[0], high[0]), (low[1], high[1]), points=41, axes=axes)
    arrows = [  # from, to, colour, name
        (theta, theta - 0.1 * BETA * v, 6, "β v, the momentum"),
        (theta - 0.1 * BETA * v, theta - 0.1 * (BETA * v + (1 - BETA) * g), 0, "(1 − β) g at 1: momentum"),
        (theta - 0.1 * BETA * v, theta - 0.1 * (BETA * v + (1 - BETA) * g_ahead), 1, "(1 − β) g at 4: Nesterov"),
    ]
    for start, end, color, name in arrows:
        arrow = {"arrowstyle": "-|>", "color": plotting.COLORS[color], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops=arrow)
        axes.plot([], [], color=plotting.COLORS[color], linewidth=2, label=name)
    for point, name in ((theta, "1"), (ahead, "4")):
        axes.plot(*point, "o", color="black", markersize=5)
        axes.annotate(name, point, (7, 4), textcoords="offset points", weight="bold")
    axes.legend(fontsize="small", loc="best")
    axes.set_title("one step: the gradient at 1, or at 4 = θ − η v")


def main(arguments=None):
    script = Script(__doc__, arguments)
    constant, alternating = effective_rate([1.0] * 60), effective_rate([1.0, -1.0] * 30)
    paths = {
        "plain, η = 0.06": dl.descend(ravine, START, dl.SGD(0.06), 25).path,
        "momentum, η = 0.06": dl.descend(ravine, START, dl.MovingAverageSGD(0.06, 0.6), 25).path,
    }
    figure, axes = plotting.panels(3, width=4.8, height=4.0)
    rates = {"gradients +1, +1, …": (range(1, 61), constant), "gradients +1, −1, …": (range(1, 61), alternating)}
    plotting.lines(rates, xlabel="step t", ylabel="step length / η", axes=axes[0])
    axes[0].set_title("η (1 − βᵗ), and η (1 − β)/(1 + β)")
    plotting.contours(
        ravine, (-2.4, 0.4), (-1.2, 1.2), paths=paths, minimum=(0, 0), title="the zigzag is averaged away", axes=axes[1]
    )
    triangles(axes[2])
    script.save("momentum.png", figure)
    print("effective rate / η at t = 1, 2, 10, 22: " + ", ".join(f"{constant[t - 1]:.2f}" for t in (1, 2, 10, 22)))
    print(
        f"with alternating gradients it is {alternating[-1]:.4f} at t = 60, and tends to (1 − β)/(1 + β) = {(1 - BETA) / (1 + BETA):.4f}"
    )
    return {"constant": constant, "alternating": alternating, "paths": paths}


if __name__ == "__main__":
    main()
