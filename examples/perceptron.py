"""The perceptron learns from its mistakes, one row at a time, until it makes none.

ŷ = 1[w·x + b >= 0];  w ← w + λ (y − ŷ) x,  b ← b + λ (y − ŷ).  A row that is right changes nothing.

Change one line: move the two clouds closer (`spread`), and see whether the mistakes still end.
"""

import numpy as np
from script import Recorder, Script

import dlcore as dl
from dlcore import plotting

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def clouds(spread=0.35, rows=40):
    """Two classes that a line separates."""
    random = np.random.default_rng(1)
    y = np.arange(rows) % 2
    return np.where(y[:, None] == 1, 1.0, -1.0) * [0.6, 0.4] + spread * random.uniform(-1, 1, (rows, 2)), y


def perceptron(X, y, start, rate, epochs):
    """A trained perceptron, and its number of wrong rows after each epoch."""
    model = dl.Sequential(dl.Dense(2, 1))
    trainer = dl.Trainer(model, dl.PerceptronLoss(), dl.SGD(rate), dtype="float64")
    trainer.set_weights([np.array(start[:2])[:, None], np.array(start[2:])])
    recorder = Recorder()
    history = trainer.fit(X, y, epochs=epochs, batch_size=1, shuffle=False, validation=(X, y), callbacks=[recorder])
    return trainer, [round(len(X) * (1 - accuracy)) for accuracy in history["val_accuracy"]], recorder.weights


def main(arguments=None):
    script = Script(__doc__, arguments)
    X, y = clouds()
    epochs = 20

    figure, axes = plotting.panels(4, 2)
    ends, counts = [], []
    for start, panel in zip(([2.0, -3.0, 1.0], [-1.0, 2.5, -2.0]), axes, strict=False):
        trainer, wrong, weights = perceptron(X, y, start, 0.5, epochs)
        still = all(
            np.array_equal(a, b) for a, b in zip(weights[-1], weights[-2], strict=True)
        )  # the bits of the last epoch
        ends.append(trainer.get_weights())
        counts.append(wrong)
        title = f"start w = ({start[0]:g}, {start[1]:g}), b = {start[2]:g}"
        plotting.decision_boundary(trainer.predict, X, y, title=title, axes=panel)
        print(f"{title}: wrong after each epoch {wrong[:6]} …; it ends at w = {ends[-1][0].ravel().round(2)}")

    slow, fast = (perceptron(X, y, [0.0, 0, 0], rate, epochs)[0].get_weights() for rate in (0.01, 0.5))
    print(f"from w = 0 the rate only rescales: w / λ is {slow[0].ravel() / 0.01} and {fast[0].ravel() / 0.5}")

    xor, xor_wrong, _ = perceptron(*XOR, [0.5, -0.5, 0.1], 0.5, 100)
    plotting.decision_boundary(xor.predict, *XOR, title="XOR: no line will do", axes=axes[2])
    mistakes = {"two clouds": counts[0], "XOR": xor_wrong[:epochs]}
    plotting.lines(mistakes, first=1, xlabel="epoch", ylabel="rows wrong", marker="o", axes=axes[3])
    script.save("perceptron.png", figure)
    ended = counts[0][-1] == counts[1][-1] == 0
    lines = "both starts end at a line that separates; is it the same one?" if ended else "the mistakes do not end."
    print(
        f"Look: {lines}  On XOR {min(xor_wrong)} of 4 rows or more are wrong after every one of {len(xor_wrong)} epochs."
    )
    return {"wrong": counts[0], "unchanged": still, "xor": min(xor_wrong), "ends": ends, "scaled": (slow, fast)}


if __name__ == "__main__":
    main()
