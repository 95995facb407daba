"""Which activation in hidden layers?  Measured: loss, dead and saturated units, and how much gradient reaches each layer.

On MNIST with --data-dir DIR, the folder of its four IDX files, otherwise on the digits that come with dlcore.

Change one line: DEPTH = 8, and see which gradients still arrive at the first layer.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting
from dlcore.data import load_digits, read_idx

ACTIVATIONS = [dl.Sigmoid(), dl.Tanh(), dl.ReLU(), dl.LeakyReLU(), dl.Identity()]
DEPTH, WIDTH = 4, 100


def load(folder):
    if folder is None:
        return load_digits().X, load_digits().y
    X = read_idx(Path(folder) / "train-images-idx3-ubyte.gz").reshape(-1, 784) / np.float32(255)
    return X, read_idx(Path(folder) / "train-labels-idx1-ubyte.gz").astype(int)


def idle(layer, a):
    """Share of units that are 0 for every row (dead), and of outputs where the slope is below a tenth of its maximum."""
    slope = {"Sigmoid": 4 * a * (1 - a), "Tanh": 1 - a * a}.get(type(layer).__name__)
    dead = float((a == 0).all(axis=0).mean())
    return dead, 0.0 if slope is None else float((slope < 0.1).mean())


def train(layer, X, y, epochs):
    layers = [part for i in range(DEPTH) for part in (dl.Dense(X.shape[1] if i == 0 else WIDTH, WIDTH), layer)]
    model = dl.Sequential(*layers, dl.Dense(WIDTH, 10))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.1))
    first = dl.gradients(trainer, X[:500], y[:500])
    norms = [float(np.linalg.norm(g)) for name, g in first.items() if name.endswith(".W")]
    losses = [np.inf] * epochs
    with suppress(dl.DivergenceError):  # a deep linear network may diverge
        losses = trainer.fit(X, y, epochs=epochs, batch_size=64)["loss"]
    outputs = dl.layer_outputs(trainer, X[:500])[1 : 2 * DEPTH : 2]
    shares = np.mean([idle(layer, a) for a in outputs], axis=0)
    return losses, norms, shares, dl.gradients(trainer, X[:500], y[:500])


def main(arguments=None):
    script = Script(__doc__, arguments, data_dir="folder with the IDX files of MNIST")
    X, y = load(script.options.data_dir)
    epochs = 1 if script.quick else 20 if len(X) < 10_000 else 5
    results = {type(layer).__name__: train(layer, X, y, epochs) for layer in ACTIVATIONS}

    figure, axes = plotting.panels(3, width=4.8, height=3.8)
    losses = {name: result[0] for name, result in results.items()}
    plotting.lines(losses, first=1, xlabel="epoch", ylabel="training loss", log_y=True, axes=axes[0])
    norms = {name: result[1] for name, result in results.items()}
    plotting.lines(norms, first=1, xlabel="layer", ylabel="‖∂J/∂W‖", log_y=True, marker="o", axes=axes[1])
    place = np.arange(len(results))
    for shift, kind, name in ((-0.2, 0, "dead units"), (0.2, 1, "saturated outputs")):
        shares = [100 * result[2][kind] for result in results.values()]
        axes[2].bar(place + shift, shares, 0.4, color=plotting.COLORS[kind], label=name)
    axes[2].set(xticks=place, xticklabels=list(results), ylabel="% after training")
    axes[2].tick_params("x", labelsize="small")
    axes[2].legend()
    script.save("hidden_activations.png", figure)
    after = {name: g for name, g in results["ReLU"][3].items() if name.endswith("W")}
    script.save("gradient_histograms.png", plotting.histograms(after, xlabel="∂J/∂W after training, ReLU", color=1))
    for name, (loss, norm, (dead, saturated), _) in results.items():
        gradient = f"gradient of the first layer {norm[0] / norm[-1]:.1e} of the last one's"
        print(f"{name:10s} loss {loss[-1]:.4f}; dead {dead:.1%}, saturated {saturated:.1%}; {gradient}")
    print(f"Look at the middle: least gradient arrives through {min(norms, key=lambda n: norms[n][0] / norms[n][-1])}.")
    return results


if __name__ == "__main__":
    main()
