"""Adaline takes the error before the step function: it knows how wrong it is, and can follow a gradient.

f(x) = w·x + b, J = ½ Σ (y − f)²;  w ← w + λ (y − f) x,  b ← b + λ (y − f) for every row, right or wrong.

Change one line: a rate of 0.01 crawls, 0.5 is near the end at once and never settles.  What does 0.1 do?
"""

import numpy as np
from perceptron import clouds, perceptron
from script import Recorder, Script

import dlcore as dl
from dlcore import plotting


def adaline(X, y, start, rate, epochs):
    """A linear unit trained on targets −1 and 1 (the class changes at 0), and its weights after each epoch."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 1)), dl.SquaredError(), dl.SGD(rate), dtype="float64")
    trainer.set_weights([np.array(start[:2])[:, None], np.array(start[2:])])
    recorder = Recorder()
    history = trainer.fit(X, 2.0 * y - 1, epochs=epochs, batch_size=1, callbacks=[recorder])
    return trainer, history["loss"], np.array([[*w.ravel(), *b] for w, b in recorder.weights])


def main(arguments=None):
    script = Script(__doc__, arguments)
    X, y = clouds(spread=0.45)
    epochs = 30
    best = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), 2.0 * y - 1, rcond=None)[0]  # the lowest J there is
    starts = [2.0, -3.0, 1.0], [-1.0, 2.5, -2.0]

    figure, axes = plotting.panels(6, 3)
    ends = []
    for start, above, below in zip(starts, axes, axes[3:], strict=False):
        trainer, _, path = adaline(X, y, start, 0.1, epochs)
        ends.append(path[-1])
        name = f"start ({start[0]:g}, {start[1]:g}, {start[2]:g})"
        plotting.decision_boundary(trainer.predict, X, y, threshold=0, title=f"Adaline, {name}", axes=above)
        plotting.decision_boundary(
            perceptron(X, y, start, 0.5, epochs)[0].predict, X, y, title=f"perceptron, {name}", axes=below
        )
    distance, losses = {}, {}
    for rate in (0.01, 0.1, 0.5):
        _, losses[f"λ = {rate}"], path = adaline(X, y, starts[0], rate, epochs)
        distance[f"λ = {rate}"] = np.linalg.norm(path - best, axis=1)
        print(f"λ = {rate}: distance to the least squares solution after 1, 5, {epochs} epochs", end=" ")
        print(*distance[f"λ = {rate}"][[1, 5, epochs]].round(4))
    plotting.lines(distance, xlabel="epoch", ylabel="‖(w, b) − least squares‖", log_y=True, axes=axes[2])
    plotting.lines(losses, xlabel="epoch", ylabel="mean loss of the epoch", log_y=True, axes=axes[5])
    script.save("adaline.png", figure)
    print("Look: Adaline ends at nearly one line from both starts, the perceptron at any that separates.")
    return {"ends": ends, "best": best, "distance": distance}


if __name__ == "__main__":
    main()
