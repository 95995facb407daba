"""A landscape with local minima: ŷ = sin(u) exp(−u²/32), u = θ₀ + 0.06 θ₁ x.  Where the descent starts decides where it ends.

θ₀ moves the curve (its centre is at x = −θ₀ / (0.06 θ₁)), θ₁ squeezes it.  The loss is ½ of the mean squared error.

Change one line: another entry in STARTS, or an optimizer with momentum.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

RANDOM = np.random.default_rng(4)
X = RANDOM.uniform(-15, 15, 30)
MINIMA = [(0.0, 16.6), (-6.3, 17.6), (6.3, 16.9), (-6.0, 11.5), (9.2, 4.3)]  # near them; the first is the global one
STARTS = {"1": (1.5, 12.0), "2": (7.5, 14.0), "3": (-1.5, 20.0)}
WINDOW = (-10, 10), (2.5, 22.5)


def gabor(theta, x):
    u = theta[0] + 0.06 * theta[1] * x
    return np.sin(u) * np.exp(-(u**2) / 32)


Y = gabor((0, 16.6), X) + 0.05 * RANDOM.normal(size=30)


def loss(theta, rows=slice(None)):
    """½ mean (ŷ − y)² over some rows, and its gradient by the chain rule."""
    x, y = X[rows], Y[rows]
    u = theta[0] + 0.06 * theta[1] * x
    error = gabor(theta, x) - y
    slope = np.exp(-(u**2) / 32) * (np.cos(u) - u / 16 * np.sin(u))
    return 0.5 * np.mean(error**2), np.array([np.mean(error * slope), np.mean(error * slope * 0.06 * x)])


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps, points = (150, 31) if script.quick else (1000, 101)
    curve = np.linspace(-15, 15, 300)
    figure, axes = plotting.panels(2)
    for panel, moved in zip(axes, ([(-4, 16), (0, 16), (4, 16)], [(0, 5), (0, 16), (0, 22)]), strict=True):
        curves = {f"θ = {theta}": (curve, gabor(theta, curve)) for theta in moved}
        plotting.lines(curves, xlabel="x", ylabel="ŷ", axes=panel)
    script.save("gabor_curves.png", figure)

    figure, axes = plotting.panels(6, 3)
    plotting.contours(loss, *WINDOW, title="a) the landscape and its minima", points=points, axes=axes[0])
    found = [dl.descend(loss, near, dl.SGD(5.0, momentum=0.5), steps).end for near in MINIMA]
    for letter, theta, panel in zip("cbdef", found, [axes[i] for i in (2, 1, 3, 4, 5)], strict=True):
        axes[0].plot(*theta, "o", color=plotting.COLORS[1])
        axes[0].annotate(letter, theta, (5, 4), textcoords="offset points", weight="bold")
        panel.plot(curve, gabor(theta, curve), color=plotting.COLORS[1], linewidth=1.6)
        panel.plot(X, Y, "o", color=plotting.COLORS[0], markersize=4)
        kind = "global" if letter == "c" else "local"
        panel.set(
            title=f"{letter}) {kind} minimum, loss {loss(theta)[0]:.4f}", xlabel="x", ylabel="ŷ, y", ylim=(-1.3, 1.3)
        )
    script.save("gabor_minima.png", figure)

    ways = {f"start {name}": dl.descend(loss, start, dl.SGD(5.0), steps).path for name, start in STARTS.items()}
    figure = plotting.contours(loss, *WINDOW, paths=ways, minimum=tuple(found[0]), points=points)
    script.save("gabor_starts.png", figure)
    ends = {name: loss(way[-1])[0] for name, way in ways.items()}
    print("loss at the end: " + ", ".join(f"{name} {value:.4f}" for name, value in ends.items()))
    tries = [dl.descend(loss, start, dl.SGD(5.0), steps) for start in RANDOM.uniform((-10, 2.5), (10, 22.5), (10, 2))]
    best = min(loss(t.end)[0] for t in tries)
    reached = sum(loss(t.end)[0] < 1.05 * loss(found[0])[0] for t in tries)
    print(
        f"10 random restarts: {reached} reach the global minimum; the best has loss {best:.4f}, it is {loss(found[0])[0]:.4f}"
    )
    near = {name: "cbdef"[np.linalg.norm(found - way[-1], axis=1).argmin()] for name, way in ways.items()}
    print(f"Look: c is the global minimum.  Nearest to where they end: {near}")
    return {"minima": found, "ends": ends, "best": best}


if __name__ == "__main__":
    main()
