"""A convex landscape: the line ŷ = θ₀ + θ₁ x with squared error.  Every start ends where the closed form says.

J = ½ mean (ŷ − y)²;  its gradient is 0 at the solution of the normal equations;  it diverges if η > 2 / λ_max of its Hessian.

Change one line: η = 1.01 times the limit.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

RANDOM = np.random.default_rng(2)
X = RANDOM.uniform(-2, 2, 40)
Y = 0.5 + 1.5 * X + 0.3 * RANDOM.normal(size=40)
ONES = np.stack([np.ones(40), X], axis=1)  # a column of ones carries the bias θ₀
CLOSED = np.linalg.solve(ONES.T @ ONES, ONES.T @ Y)
LIMIT = 2 / np.linalg.eigvalsh(ONES.T @ ONES / 40)[-1]
STARTS = {"start 1": (-2.5, -1.0), "start 2": (3.0, 3.5), "start 3": (3.0, -0.5)}


def loss(theta):
    error = ONES @ theta - Y
    return 0.5 * np.mean(error**2), ONES.T @ error / 40


def trained(steps):
    """The same line, fitted by a network of one Dense layer."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.5), dtype="float64")
    trainer.fit(X[:, None], Y, epochs=steps, batch_size=None)
    W, b = trainer.get_weights()
    return np.array([b[0], W[0, 0]])


def main(arguments=None):
    script = Script(__doc__, arguments)
    window = (-3, 4), (-1.5, 4)
    points = 21 if script.quick else 61
    runs = {name: dl.descend(loss, start, dl.SGD(0.3 * LIMIT), 60) for name, start in STARTS.items()}
    paths = {name: run.path for name, run in runs.items()}
    over = dl.descend(loss, STARTS["start 1"], dl.SGD(1.05 * LIMIT), 100)

    figure, axes = plotting.panels(1, width=5.6, height=5, three_d=True)
    plotting.surface(loss, *window, points=points, axes=axes[0], names=("θ₀", "θ₁"))
    floor = -9.0
    for a, b in np.ndindex(7, 6):  # the gradients, drawn on the floor below the surface
        theta = np.array([-2.7 + a * 1.05, -1.2 + b * 0.95])
        g = loss(theta)[1]
        axes[0].quiver(
            *theta, floor, *(0.15 * g), 0, color=plotting.COLORS[1], linewidth=1.0, arrow_length_ratio=0.35, zorder=1
        )
    axes[0].set_zlim(bottom=floor)
    axes[0].set(zlabel="J", zticks=range(0, 13, 4))  # the floor has no value
    script.save("convex_surface.png", figure)
    figure, axes = plotting.panels(2, width=5.2, height=4.0)
    plotting.contours(loss, *window, paths=paths, minimum=tuple(CLOSED), points=points, axes=axes[0])
    curves = {f"η = 0.3 · limit, {name}": run.values - loss(CLOSED)[0] + 1e-16 for name, run in runs.items()}
    curves["η = 1.05 · limit"] = over.values - loss(CLOSED)[0]
    plotting.lines(curves, xlabel="step", ylabel="J − J at the closed form", log_y=True, axes=axes[1])
    script.save("convex.png", figure)

    network, at_closed = trained(200), loss(CLOSED)[1]
    print(f"closed form {CLOSED.round(4)}, network after 200 steps {network.round(4)}")
    print(f"gradient at the closed form {np.abs(at_closed).max():.1e}; the limit of η is {LIMIT:.3f}")
    away = [float(np.linalg.norm(p[-1] - CLOSED)) for p in paths.values()]
    print("Look at the arrows, the gradients: they point uphill and shrink towards the minimum.  Distances from it at")
    print("the end: " + ", ".join(f"{name} {value:.1e}" for name, value in zip(paths, away, strict=True)))
    ends = [p[-1] for p in paths.values()]
    return {"closed": CLOSED, "network": network, "ends": ends, "over": over, "gradient": at_closed}


if __name__ == "__main__":
    main()
