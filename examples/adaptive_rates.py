"""A rate for each parameter: normalized gradient, AdaGrad, RMSProp, Adam, on known gradients.

AdaGrad divides by √(Σ g²) and slows down for ever, like 1/√t; RMSProp averages g² and recovers; Adam corrects the bias
of averages that start at 0.  The lectures write η g / √(G + ε), the papers η g / (√G + ε).

Change one line: RMSProp's rho = 0.99, which recovers ten times as slowly.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting


def steps_of(optimizer, gradients):
    """How far θ moves, for gradients given one by one; the rate is 1."""
    given = iter([*gradients, gradients[-1]])
    path = dl.descend(lambda theta: (0.0, next(given)), np.zeros_like(gradients[0]), optimizer, len(gradients)).path
    return -np.diff(path, axis=0)


def uncorrected(t, beta1=0.9, beta2=0.999):
    """Adam's step for a constant gradient if its averages were not corrected."""
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps = 100 if script.quick else 1000
    t, constant = np.arange(1, steps + 1), np.ones((steps, 1))
    rates = {
        "AdaGrad": steps_of(dl.AdaGrad(1.0), constant)[:, 0],
        "RMSProp, ρ = 0.9": steps_of(dl.RMSProp(1.0, rho=0.9), constant)[:, 0],
        "Adam": steps_of(dl.Adam(1.0), constant)[:, 0],
        "Adam without correction": uncorrected(t),
    }
    sparse = np.stack(
        [np.ones(steps), (t % 20 == 0).astype(float)], axis=1
    )  # every row has feature 1, few have feature 2
    moves = steps_of(dl.AdaGrad(1.0), sparse)
    seen = {"in every row": (t, moves[:, 0]), "in every 20th row": (t[19::20], moves[19::20, 1])}
    circling = dl.descend(lambda x: (0.5 * x[0] ** 2, x), 0.35, dl.NormalizedGradient(0.1), 30).path[:, 0]
    settling = dl.descend(lambda x: (0.5 * x[0] ** 2, x), 0.35, dl.AdaGrad(0.1), 30).path[:, 0]

    g = np.logspace(-12, 0, 25)  # one for each coordinate; after the first step G = g²
    places = {"inside, η g / √(G + ε)": True, "outside, η g / (√G + ε)": False}
    rules = {name: dl.AdaGrad(1.0, epsilon=1e-8, epsilon_inside_root=inside) for name, inside in places.items()}
    first = {name: (g, steps_of(rule, g[None])[0]) for name, rule in rules.items()}
    figure, axes = plotting.panels(4, 2, width=5.4, height=3.8)
    series = {name: (t, rate) for name, rate in rates.items()}
    plotting.lines(series, xlabel="step t", ylabel="step length / η", log_x=True, log_y=True, axes=axes[0])
    axes[0].set_title("constant gradient")
    plotting.lines(seen, xlabel="step t", ylabel="step length / η", log_x=True, log_y=True, marker=".", axes=axes[1])
    axes[1].set_title("AdaGrad: a rare feature keeps its rate")
    ways = {"normalized gradient, ±η": circling, "AdaGrad": settling}
    plotting.lines(ways, xlabel="step", ylabel="θ", marker=".", axes=axes[2])
    axes[2].set_title("½ θ² from 0.35, η = 0.1")
    plotting.lines(
        first, xlabel="gradient g", ylabel="step length / η", log_x=True, log_y=True, marker=".", axes=axes[3]
    )
    axes[3].set_title("AdaGrad's first step, ε = 1e-8")
    script.save("adaptive_rates.png", figure)
    print("AdaGrad's rate at t = 1, 4, 100: " + ", ".join(f"{rates['AdaGrad'][i - 1]:.3f} η" for i in (1, 4, 100)))
    print(
        "RMSProp's at t = 1, 10, 100:     "
        + ", ".join(f"{rates['RMSProp, ρ = 0.9'][i - 1]:.3f} η" for i in (1, 10, 100))
    )
    print("Adam without correction at t = 1, 10, 100: " + ", ".join(f"{uncorrected(i):.2f} η" for i in (1, 10, 100)))
    print(f"Look: the normalized gradient is at {circling[-2]:.2f} and {circling[-1]:.2f} in its last two steps.")
    for name, (_, lengths) in first.items():
        print(f"ε {name}: half of η from g = {g[np.argmax(lengths >= 0.5)]:.0e} on")
    return {"rates": rates, "moves": moves, "circling": circling, "first": first}


if __name__ == "__main__":
    main()
