"""Adaline takes the error before the step function: it knows how wrong it is, and can follow a gradient.

f(x) = w·x + b, J = ½ Σ (y − f)²;  w ← w + λ (y − f) x,  b ← b + λ (y − f) for every row, right or wrong.
It decides midway between the targets: at 0 for −1 and 1, at ½ for 0 and 1.

Change one line: a rate of 0.01 crawls, 0.5 is near the end at once and never settles.  What does 0.1 do?
"""

import numpy as np
from perceptron import clouds, perceptron
from script import Recorder, Script

import dlcore as dl
from dlcore import plotting


def adaline(X, y, start, rate, epochs, targets=(-1.0, 1.0)):
    """A linear unit trained with these targets for the two classes, its loss and its weights after each epoch."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 1)), dl.SquaredError(), dl.SGD(rate), dtype="float64")
    trainer.set_weights([np.array(start[:2])[:, None], np.array(start[2:])])
    recorder = Recorder()
    history = trainer.fit(X, np.take(targets, y), epochs=epochs, batch_size=1, callbacks=[recorder])
    return trainer, history["loss"], np.array([[*w.ravel(), *b] for w, b in recorder.weights])


def angle(w, v):
    """The angle between two lines, in degrees."""
    return float(np.degrees(np.arccos(np.clip(w @ v / np.linalg.norm(w) / np.linalg.norm(v), -1, 1))))


def main(arguments=None):
    script = Script(__doc__, arguments)
    X, y = clouds(spread=0.45)
    epochs = 30
    best = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), 2.0 * y - 1, rcond=None)[0]  # the lowest J there is
    starts = [2.0, -3.0, 1.0], [-1.0, 2.5, -2.0]

    figure, axes = plotting.panels(8, 4)
    ends, lines = [], []  # for Adaline, for the perceptron
    for start, above, below in zip(starts, axes, axes[4:], strict=False):
        trainer, _, path = adaline(X, y, start, 0.1, epochs)
        ends.append(path[-1])
        name = f"start ({start[0]:g}, {start[1]:g}, {start[2]:g})"
        plotting.decision_boundary(trainer.predict, X, y, threshold=0, title=f"Adaline, {name}", axes=above)
        rule, _, weights = perceptron(X, y, start, 0.5, epochs)
        lines.append(weights[-1][0].ravel())
        plotting.decision_boundary(rule.predict, X, y, title=f"perceptron, {name}", axes=below)
    # half the weights on half the distance between targets: the same unit in another coding
    zero_one, _, coded = adaline(X, y, np.array(starts[0]) / 2 + [0, 0, 0.5], 0.1, epochs, targets=(0.0, 1.0))
    plotting.decision_boundary(zero_one.predict, X, y, threshold=0.5, title="Adaline, targets 0 and 1", axes=axes[2])
    along = np.linspace(-2, 2, 50)[:, None] * ends[0][:2] / np.linalg.norm(ends[0][:2])
    outputs = {"targets −1 and 1": along @ ends[0][:2] + ends[0][2], "0 and 1": zero_one.predict(along)[:, 0]}
    plotting.lines({k: (np.linspace(-2, 2, 50), v) for k, v in outputs.items()}, xlabel="place along w",
                   ylabel="output w·x + b", title="it decides at 0, or at ½", axes=axes[6])  # fmt: skip
    for threshold, color in zip((0, 0.5), plotting.COLORS, strict=False):
        axes[6].axhline(threshold, color=color, linestyle=":")
    distance, losses = {}, {}
    for rate in (0.01, 0.1, 0.5):
        _, losses[f"λ = {rate}"], path = adaline(X, y, starts[0], rate, epochs)
        distance[f"λ = {rate}"] = np.linalg.norm(path - best, axis=1)
        print(f"λ = {rate}: distance to the least squares solution after 1, 5, {epochs} epochs", end=" ")
        print(*distance[f"λ = {rate}"][[1, 5, epochs]].round(4))
    plotting.lines(distance, xlabel="epoch", ylabel="‖(w, b) − least squares‖", log_y=True, axes=axes[3])
    plotting.lines(losses, first=1, xlabel="epoch", ylabel="mean loss of the epoch", log_y=True, axes=axes[7])
    script.save("adaline.png", figure)
    apart = [angle(ends[0][:2], ends[1][:2]), angle(*lines)]
    print(
        "Look: between the lines that the two starts end at are {:.2f}° for Adaline, {:.2f}° for the perceptron.".format(
            *apart
        )
    )
    same = np.array_equal(zero_one.predict(X)[:, 0] >= 0.5, X @ ends[0][:2] + ends[0][2] >= 0)
    print(f"Both codings decide alike: {same}.")
    return {"ends": ends, "best": best, "distance": distance, "same": same, "coded": coded[-1],
            "apart": apart}  # fmt: skip


if __name__ == "__main__":
    main()
