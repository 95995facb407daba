"""Every activation with its derivative, softmax with its Jacobian, and why hidden layers need one.

Change one line: set `limit` to 10, and see which derivatives die out (saturation) and on which side.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

LAYERS = [
    dl.Identity(), dl.BinaryStep(), dl.Sigmoid(), dl.Tanh(), dl.ArcTan(), dl.ReLU(), dl.LeakyReLU(0.1), dl.PReLU(),
    dl.ELU(), dl.Softplus(), dl.GELU(), dl.SiLU(), dl.SELU(),
]  # fmt: skip


def softmax(z):
    """A Softmax layer applied to one row, and its Jacobian S_i (1[i=j] − S_j) by differences."""
    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(len(z), len(z)), dl.Softmax()), dl.SquaredError(), dl.SGD(1.0), dtype="float64"
    )
    trainer.set_weights([np.eye(len(z)), np.zeros(len(z))])

    def layer(row):
        return trainer.predict(np.array([row]))[0]

    jacobian = [dl.numerical_gradient(lambda row, i=i: layer(row)[i], z) for i in range(len(z))]
    return layer(z), np.array(jacobian)


def output_of(*layers):
    """The output for input 10 of layers with one weight each: 10, 2 and 0.05, as in the lecture."""
    weights = [w for factor in (10.0, 2.0, 0.05) for w in (np.array([[factor]]), np.zeros(1))]
    trainer = dl.Trainer(dl.Sequential(*layers), dl.SquaredError(), dl.SGD(1.0), dtype="float64")
    trainer.set_weights(weights)
    return [float(trainer.predict(np.array([[x]]))[0, 0]) for x in (10.0, -10.0)]


def main(arguments=None):
    script = Script(__doc__, arguments)
    script.save("activations.png", plotting.activations(LAYERS, limit=4.0))

    S, J = softmax(np.array([0.1, 1.3, 2.5]))
    figure, axes = plotting.panels(2)
    axes[0].bar(["0.1", "1.3", "2.5"], S, color=plotting.COLORS[0])
    for i, value in enumerate(S):
        axes[0].text(i, value + 0.01, f"{value:.4f}", ha="center")
    axes[0].set(xlabel="score z", ylabel="softmax(z)", ylim=(0, 0.8))
    image = axes[1].imshow(J, cmap="PuOr", vmin=-0.4, vmax=0.4)
    for i, j in np.ndindex(3, 3):
        axes[1].text(j, i, f"{J[i, j]:.4f}", ha="center", va="center")
    axes[1].set(title="∂S_i / ∂z_j", xlabel="j", ylabel="i", xticks=range(3), yticks=range(3))
    axes[1].grid(False)
    figure.colorbar(image, ax=axes[1])
    script.save("softmax.png", figure)

    linear = output_of(dl.Dense(1, 1), dl.Dense(1, 1), dl.Dense(1, 1))
    bent = output_of(dl.Dense(1, 1), dl.ReLU(), dl.Dense(1, 1), dl.ReLU(), dl.Dense(1, 1))
    print(f"softmax(0.1, 1.3, 2.5) = {S.round(4)}, sum {S.sum():.4f}; each row of its Jacobian sums to 0")
    print(f"three linear layers 10, 2, 0.05 are one layer with weight 1: 10 → {linear[0]:g}, −10 → {linear[1]:g}")
    print(f"with ReLU between them they are not: 10 → {bent[0]:g}, −10 → {bent[1]:g}")
    print("Look: σ′ never exceeds ¼; tanh′ reaches 1; ReLU′ is 0 on the whole left side, which is how units die.")
    return {"softmax": S, "jacobian": J, "linear": linear, "bent": bent}


if __name__ == "__main__":
    main()
