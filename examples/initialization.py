"""Initial weights: equal ones stay equal, large ones saturate, zero output weights do no harm, and restarts help.

Change one line: the hidden activation, to ReLU; its units die where sigmoid units saturate.
"""

import numpy as np
from script import Recorder, Script

import dlcore as dl
from dlcore import plotting
from dlcore.data.digits import load_digits
from dlcore.initializers import Constant, GlorotUniform, Normal

SCALES = (0.01, 0.1, 1.0, 10.0, 100.0)


def network(data, hidden, output, epochs, seed=0, units=32, rate=0.5):
    """64 pixels, one layer of sigmoid units, 10 classes; the trainer and its history."""
    model = dl.Sequential(dl.Dense(64, units, init=hidden), dl.Sigmoid(), dl.Dense(units, 10, init=output))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(rate), dtype="float64", seed=seed)
    recorder = Recorder()
    history = trainer.fit(data.X, data.y, epochs=epochs, batch_size=64, callbacks=[recorder])
    return trainer, history, recorder.weights


def distinct(weights):
    """How many hidden units, columns of the first matrix, differ from each other."""
    return len(np.unique(weights[0].round(6), axis=1).T)


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, data = (2 if script.quick else 30), load_digits()
    same, _, _ = network(data, Constant(0.1), Constant(0.1), epochs, units=6)
    other, _, _ = network(data, GlorotUniform(), GlorotUniform(), epochs, units=6)
    _, zero_history, ways = network(data, GlorotUniform(), Constant(0.0), epochs)
    moved = [float(np.abs(weights[0] - ways[0][0]).max()) for weights in ways]

    figure, axes = plotting.panels(4, 2, width=5.0, height=3.6)
    for trainer, title, panel in ((same, "all start at 0.1", axes[0]), (other, "Glorot uniform", axes[1])):
        W = trainer.get_weights()[0]
        tiles = [np.pad(unit.reshape(8, 8), 1, constant_values=np.nan) for unit in W.T]
        limit = np.abs(W).max()
        panel.imshow(np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])]), cmap="PuOr", vmin=-limit, vmax=limit)
        panel.set(title=f"{title}: {distinct([W])} of 6 units differ", xticks=[], yticks=[])
        panel.grid(False)
    scales, saturation = {}, {}
    for scale in SCALES:
        start = dl.Trainer(
            network(data, Normal(scale / 8), Normal(scale / 8), 0)[0].model, dl.SoftmaxCrossEntropy(), dl.SGD(0.5)
        )
        a = dl.layer_outputs(start, data.X[:200])[1]
        saturation[scale] = float((a * (1 - a)).mean())  # mean σ′ at the start; ¼ where nothing is saturated
        scales[f"N(0, {scale:g}²/64)"] = network(data, Normal(scale / 8), Normal(scale / 8), epochs)[1]["loss"]
    plotting.lines(scales, xlabel="epoch", ylabel="loss", log_y=True, axes=axes[2])
    restarts = [network(data, GlorotUniform(), GlorotUniform(), epochs, seed)[1]["loss"][-1] for seed in range(5)]
    axes[3].bar(range(5), restarts, color=[plotting.COLORS[1 if v == min(restarts) else 0] for v in restarts])
    axes[3].set(title="restarts: the best is kept", xlabel="seed", ylabel="loss", ylim=(0, None))
    script.save("initialization.png", figure)
    weights = {
        f"{'after' if i else 'before'} {name}": ways[i][j] for j, name in ((0, "0.W"), (2, "2.W")) for i in (0, -1)
    }
    script.save("weights.png", plotting.histograms(weights, xlabel="weight"))

    print("mean σ′ at the start: " + ", ".join(f"scale {s:g}: {v:.4f}" for s, v in saturation.items()))
    print(f"output weights 0, hidden random: loss {zero_history['loss'][0]:.3f} → {zero_history['loss'][-1]:.3f}")
    print("Look: units that start equal stay equal: six pictures of one unit.")
    return {"same": distinct(same.get_weights()), "other": distinct(other.get_weights()), "saturation": saturation,
            "zero": zero_history["loss"], "moved": moved, "scales": scales}  # fmt: skip


if __name__ == "__main__":
    main()
