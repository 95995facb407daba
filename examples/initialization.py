"""Initial weights: equal ones stay equal, large ones saturate, zero output weights do no harm, and restarts help.

Change one line: the hidden activation, to ReLU; its units die where sigmoid units saturate.
"""

import numpy as np
from script import Recorder, Script

import dlcore as dl
from dlcore import initializers as init
from dlcore import plotting
from dlcore.data import load_digits

HIDDEN, SCALES = dl.Sigmoid(), (0.01, 0.1, 1.0, 10.0, 100.0)
DATA, ZERO, GLOROT = load_digits(), init.Constant(0.0), init.GlorotUniform()
RULES = {"Glorot": GLOROT, "4 × Glorot": init.GlorotUniform(gain=4), "N(0, 1/n)": init.LeCunNormal()}
RULES |= {"U(±√(1/n))": init.FanInUniform(), "He": init.HeNormal()}


def network(epochs, hidden=GLOROT, output=GLOROT, bias=ZERO, seed=0, units=32, batch_size=64):
    """64 pixels, one layer of hidden units, 10 classes; the trainer, its losses and the weights after each epoch."""
    layers = dl.Dense(64, units, init=hidden, bias_init=bias), dl.Dense(units, 10, init=output, bias_init=bias)
    model = dl.Sequential(layers[0], HIDDEN, layers[1])
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.5), dtype="float64", seed=seed)
    recorder = Recorder()
    history = trainer.fit(DATA.X, DATA.y, epochs=epochs, batch_size=batch_size, callbacks=[recorder])
    return trainer, history["loss"], recorder.weights


def distinct(weights):
    """The number of different hidden units, columns of the first matrix."""
    return len(np.unique(weights[0].round(6), axis=1).T)


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs = 2 if script.quick else 30
    same, other = network(epochs, init.Constant(0.1), init.Constant(0.1), units=6)[0], network(epochs, units=6)[0]
    figure, axes = plotting.panels(6, 3, width=4.8, height=3.6)
    for trainer, title, panel in ((same, "all start at 0.1", axes[0]), (other, "Glorot uniform", axes[1])):
        W = trainer.get_weights()[0]
        tiles = [np.pad(unit.reshape(8, 8), 1, constant_values=np.nan) for unit in W.T]
        limit = np.abs(W).max()
        panel.imshow(np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])]), cmap="PuOr", vmin=-limit, vmax=limit)
        panel.set(title=f"{title}: {distinct([W])} distinct of 6 units", xticks=[], yticks=[])
        panel.grid(False)
    scales, saturation = {}, {}
    for scale in SCALES:
        rule = init.Normal(scale / 8)
        trainer, scales[f"N(0, {scale:g}²/64)"], weights = network(epochs, rule, rule)
        trainer.set_weights(weights[0])
        _, slopes = plotting.value_and_slope(HIDDEN, dl.layer_outputs(trainer, DATA.X[:200])[0])
        saturation[scale] = float(slopes.mean())  # ¼ for a sigmoid without saturation
    by_epoch = {"first": 1, "xlabel": "epoch", "ylabel": "loss", "log_y": True}
    plotting.lines(scales, title="scale of the weights", axes=axes[2], **by_epoch)
    ways = {name: network(epochs, rule) for name, rule in RULES.items()}
    ways |= {"biases N(0, 1)": network(epochs, bias=init.Normal(1.0)), "output weights 0": network(epochs, output=ZERO)}
    losses = {name: losses for name, (_, losses, _) in ways.items()}
    plotting.lines(losses, title="rules, biases, outputs", axes=axes[3], **by_epoch)
    moved = {}
    for name, output in (("output weights Glorot", GLOROT), ("output weights 0", ZERO)):
        steps = [weights[0] for weights in network(5, output=output, batch_size=None)[2]]
        moved[name] = [float(np.abs(W - steps[0]).max()) for W in steps]
    plotting.lines(moved, xlabel="step, on all rows", ylabel="largest change", title="hidden weights", marker="o",
                   axes=axes[4])  # fmt: skip
    restarts = [network(epochs, seed=seed)[1][-1] for seed in range(5)]
    axes[5].bar(range(5), restarts, color=[plotting.COLORS[1 if v == min(restarts) else 0] for v in restarts])
    axes[5].set(title="restarts: the best is kept", xlabel="seed", ylabel="loss", ylim=(0, None))
    script.save("initialization.png", figure)
    before, after = (ways["output weights 0"][2][i] for i in (0, -1))
    names = {"before 0.W": before[0], "after 0.W": after[0], "before 2.W": before[2], "after 2.W": after[2]}
    script.save("weights.png", plotting.histograms(names, xlabel="weight"))
    print("mean g′ at the start: " + ", ".join(f"scale {s:g}: {v:.4f}" for s, v in saturation.items()))
    print(f"Look: of 6 units that start equal {distinct(same.get_weights())} are distinct after training.")
    return {"same": distinct(same.get_weights()), "other": distinct(other.get_weights()), "saturation": saturation,
            "moved": moved, "scales": scales, "ways": ways}  # fmt: skip


if __name__ == "__main__":
    main()
