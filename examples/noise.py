"""A constant rate never settles: at the minimum the gradients of single rows are not 0.  A decaying rate converges.

On ½ (θ − x_t)², rows x ~ N(0, 1) drawn one at a time, the variance around the minimum becomes η / (2 − η);
with η_t = 1/t, θ_t is the running mean of the rows.

Change one line: η = 0.5 in RATES; what does the formula say?
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

RATES = (0.1, 0.05, 0.025)


def walk(optimizer, steps, start=3.0, seed=1):
    """θ after each of `steps` single rows, and the rows."""
    rows = np.random.default_rng(seed).normal(size=steps + 1)
    row = iter(rows)

    def f(theta):
        error = theta - next(row)
        return 0.5 * float(error[0]) ** 2, error

    return dl.descend(f, start, optimizer, steps).path[:, 0], rows


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps = 2000 if script.quick else 40000
    figure, axes = plotting.panels(2, width=5.0, height=3.8)
    variances = {}
    for i, eta in enumerate(RATES[:1] if script.quick else RATES):
        path = walk(dl.SGD(eta), steps)[0][500:]
        variances[eta] = path.var()
        color, name = plotting.COLORS[i], f"η = {eta}"
        axes[0].hist(path, bins=60, density=True, histtype="step", linewidth=1.6, color=color, label=name)
        print(f"η = {eta}: variance {path.var():.4f}, η/(2 − η) = {eta / (2 - eta):.4f}")
    axes[0].set(title="the cloud around the minimum", xlabel="θ after the first 500 steps", ylabel="density")
    axes[0].legend()

    steps = 300 if script.quick else 3000
    optimizers = {
        "constant, η = 0.1": dl.SGD(0.1),
        "1/t": dl.SGD(1.0, schedule=dl.schedules.InverseTimeDecay(1)),
        "cosine, from 0.1": dl.SGD(0.1, schedule=dl.schedules.CosineDecay(steps)),
    }
    distances = {}
    for name, optimizer in optimizers.items():
        runs = np.array([walk(optimizer, steps, seed=seed)[0] for seed in range(2 if script.quick else 10)])
        distances[name] = np.sqrt((runs**2).mean(axis=0))
        print(f"{name}: distance from the minimum after {steps} steps {distances[name][-1]:.4f}")
    plotting.lines(distances, xlabel="step", ylabel="distance from the minimum", log_y=True, axes=axes[1])
    script.save("noise.png", figure)
    path, rows = walk(optimizers["1/t"], 200)
    first, *rest = variances.items()
    for eta, variance in rest:
        print(f"Look: η = {eta} in place of {first[0]}: {variance / first[1]:.2f} of the variance, and not 0")
    print("Look at the curves: which comes to rest on a floor?  1/t has Σ η = ∞ and Σ η² < ∞.")
    return {"variances": variances, "distances": distances, "path": path, "rows": rows}


if __name__ == "__main__":
    main()
