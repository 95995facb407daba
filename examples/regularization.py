"""Under- and overfitting, and what ℓ2 regularization does: J + λ/(2m) Σ w², biases left out.  In dlcore λ = l2 · m.

Change one line: 10 times more rows, and see how much less the regularization matters.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting


def data(rows, seed):
    """A sine with noise."""
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 3, (rows, 1))
    return x, np.sin(1.5 * x[:, 0]) + 0.3 * random.normal(size=rows)


def losses(width, l2, epochs):
    """A network trained with this width and l2, and its loss on its 20 training rows and on 500 others."""
    X, y = data(20, 0)
    hidden = dl.Dense(1, width, init=dl.initializers.Normal(2.0)), dl.Tanh()
    trainer = dl.Trainer(dl.Sequential(*hidden, dl.Dense(width, 1)), dl.SquaredError(), dl.Adam(0.02, l2=l2), seed=1)
    trainer.fit(X, y, epochs=epochs, batch_size=None)
    return trainer, trainer.evaluate(X, y)["loss"], trainer.evaluate(*data(500, 1))["loss"]


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs = 300 if script.quick else 3000
    l2s = [1e-4, 1e-3, 1e-2, 1e-1, 1.0] if script.quick else [1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0]
    widths = [1, 4, 8, 16, 50] if script.quick else [1, 2, 4, 8, 16, 50, 200]
    X, y = data(20, 0)
    curve = np.linspace(-3.3, 3.3, 200)[:, None]

    figure, axes = plotting.panels(6, 3)
    cases = {"too stiff: l2 = 1": (50, 1.0), "about right: l2 = 0.001": (50, 0.001), "too free: l2 = 0": (50, 0.0)}
    gap = {}
    for (title, (width, l2)), panel in zip(cases.items(), axes, strict=False):
        trainer, train, test = losses(width, l2, epochs)
        gap[title] = test - train
        panel.plot(curve, np.sin(1.5 * curve), color="0.6", linestyle="--", label="truth")
        panel.plot(curve, trainer.predict(curve), color=plotting.COLORS[1], label="network, 50 units")
        panel.plot(X, y, "o", color=plotting.COLORS[0], markersize=4, label="20 training rows")
        panel.set(title=f"{title}\nloss {train:.3f}, on other rows {test:.3f}", xlabel="x", ylim=(-2, 2))
    axes[0].legend(fontsize="x-small", loc="lower right")
    by_l2 = np.array([losses(50, l2, epochs)[1:] for l2 in l2s])
    by_width = np.array([losses(width, 0.0, epochs)[1:] for width in widths])
    best = {width: min((losses(width, l2, epochs)[2], l2) for l2 in l2s) for width in widths}  # on other rows
    for panel, x, values, name in (
        (axes[3], l2s, by_l2, "l2, with 50 units"),
        (axes[4], widths, by_width, "units, with l2 = 0"),
    ):
        series = {"training rows": (x, values[:, 0]), "other rows": (x, values[:, 1])}
        plotting.lines(series, xlabel=name, ylabel="loss", log_x=True, log_y=True, marker="o", axes=panel)
    with_best = widths, [loss for loss, _ in best.values()]
    series = {"other rows, l2 = 0": (widths, by_width[:, 1]), "the best l2, as written": with_best}
    plotting.lines(series, xlabel="units", ylabel="loss", log_x=True, log_y=True, marker="o", axes=axes[5])
    axes[5].set_ylim(bottom=0.85 * min(with_best[1]))  # room for the texts
    for width, (loss, l2) in best.items():
        axes[5].annotate(f"{l2:g}", (width, loss), (0, -12), textcoords="offset points", ha="center", fontsize=7)
    script.save("regularization.png", figure)

    norms = {l2: float(sum((w**2).sum() for w in losses(50, l2, epochs)[0].get_weights()[::2])) for l2 in (0.0, 0.01)}
    print(f"Σ w² without l2 {norms[0.0]:.1f}, with l2 = 0.01 {norms[0.01]:.1f}")
    lowest = l2s[by_l2[:, 1].argmin()]
    print(
        f"lowest loss on other rows, of {len(l2s)} tried, at l2 = {lowest:g}; the lectures' λ there is {20 * lowest:g}"
    )
    print("Look at the curves, and how much higher the loss on other rows is: ", end="")
    print(", ".join(f"{title.split(': ')[1]} {value:.3f}" for title, value in gap.items()))
    return {"gap": gap, "by_l2": by_l2, "norms": norms, "best": best}


if __name__ == "__main__":
    main()
