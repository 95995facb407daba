"""Learning rates too small, right and too large, on a bowl whose limit is known, and on digits for several optimizers.

On J = ½ h θ² each step multiplies θ by 1 − η h: it diverges if, and only if, η h > 2.

Change one line: a rate of exactly 2 / h, which neither comes nearer nor goes away.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting
from dlcore.data import load_digits

H = 2.0
RATES = {"too small, 0.02": 0.02, "right, 0.4": 0.4, "overshoots, 0.95": 0.95, "diverges, 1.02": 1.02}
OPTIMIZERS = {"SGD": dl.SGD, "momentum 0.9": lambda rate: dl.SGD(rate, momentum=0.9)}
OPTIMIZERS |= {"AdaGrad": dl.AdaGrad, "RMSProp": dl.RMSProp, "Adam": dl.Adam}


def bowl(theta):
    return 0.5 * H * theta[0] ** 2, H * theta


def valleys(theta):
    """A narrow valley at −1.5 beside a wide one at 1: a large step jumps out of the narrow one."""
    x = theta[0]
    narrow, wide = np.exp(-((x + 1.5) ** 2) / 0.02), np.exp(-((x - 1) ** 2) / 1.5)
    slope = 0.7 * narrow * 2 * (x + 1.5) / 0.02 + wide * 2 * (x - 1) / 1.5
    return 1 - 0.7 * narrow - wide, np.array([slope])


def final_loss(optimizer, scale, epochs):
    """The loss on digits after some epochs; infinite if it diverged."""
    data = load_digits()
    model = dl.Sequential(dl.Dense(64, 32), dl.ReLU(), dl.Dense(32, 10))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), optimizer)
    try:
        return trainer.fit(scale * data.X, data.y, epochs=epochs, batch_size=64)["loss"][-1]
    except dl.DivergenceError:
        return np.inf


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, rates = (1, np.logspace(-3, 1, 2)) if script.quick else (5, np.logspace(-4, 2, 13))
    paths = {name: dl.descend(bowl, 1.0, dl.SGD(rate), 40).path[:, 0] for name, rate in RATES.items()}
    small, large = (dl.descend(valleys, -1.7, dl.SGD(rate), 100).path[:, 0] for rate in (0.001, 0.3))

    figure, axes = plotting.panels(4, 2, width=5.2, height=3.8)
    plotting.lines({k: abs(p) for k, p in paths.items()}, xlabel="step", ylabel="|θ|", log_y=True, axes=axes[0])
    x = np.linspace(-2.3, 2.5, 500)
    axes[1].plot(x, [valleys([v])[0] for v in x], color="0.3")
    for path, color, name in ((small, 0, "η = 0.001 stays"), (large, 1, "η = 0.3 jumps out")):
        heights = [valleys([v])[0] for v in path]
        axes[1].plot(path, heights, ".-", color=plotting.COLORS[color], linewidth=0.8, label=name)
    axes[1].set(xlabel="θ", ylabel="J", title="a narrow valley beside a wide one")
    axes[1].legend(fontsize="small", loc="lower left")
    found = {}
    for scale, panel in ((1.0, axes[2]), (10.0, axes[3])):
        for name, kind in OPTIMIZERS.items():
            found[scale, name] = np.array([final_loss(kind(rate), scale, epochs) for rate in rates])
        curves = {name: (rates, np.where(np.isfinite(v), v, np.nan)) for (s, name), v in found.items() if s == scale}
        plotting.lines(curves, xlabel="learning rate", ylabel="loss", log_x=True, log_y=True, marker="o", axes=panel)
        panel.set_title(f"digits, inputs from 0 to {scale:g}, epochs: {epochs}")
    script.save("learning_rates.png", figure)
    for name, path in paths.items():
        print(f"{name:17s} |θ| after 40 steps: {abs(path[-1]):.2e}")
    for name in OPTIMIZERS:
        best = [rates[found[scale, name].argmin()] for scale in (1.0, 10.0)]
        print(f"Look: {name} does best with {best[0]:.1e}, with inputs ten times as large {best[1]:.1e}")
    return {"paths": paths, "small": small, "large": large, "found": found, "rates": rates}


if __name__ == "__main__":
    main()
