"""How many rows per step?  The cost of copies in the data, the loss on other rows after the same number of epochs, and memory.

A step on B rows costs about B; an epoch has m / B steps.  A batch that is too large also stops fitting into caches and
memory: activations take B numbers for each unit.

Change one line: the rate in `trained`, the same for all sizes.  A larger batch bears, and needs, a larger rate.
"""

import tracemalloc

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting
from dlcore.data import load_digits

DATA = load_digits()


def redundancy(copies, batch_size, epochs):
    """Rows seen and the full loss after each epoch, when every row is in the data `copies` times."""
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 5))
    y = X @ [1.0, -2, 0.5, 0, 3] + 0.1 * random.normal(size=200)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(5, 1)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    history = trainer.fit(
        np.tile(X, (copies, 1)), np.tile(y, copies), epochs=epochs, batch_size=batch_size, validation=(X, y)
    )
    return 200 * copies * np.arange(1, epochs + 1), history["val_loss"]


def trained(batch_size, epochs, seed):
    """Losses on the training and on the test rows of the digits, and the bytes that the trainer holds."""
    model = dl.Sequential(dl.Dense(64, 64), dl.ReLU(), dl.Dense(64, 10))
    tracemalloc.start()
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.1), seed=seed)
    trainer.fit(DATA.X, DATA.y, epochs=epochs, batch_size=batch_size)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return trainer.evaluate(DATA.X, DATA.y)["loss"], trainer.evaluate(DATA.X_test, DATA.y_test)["loss"], held


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, seeds, sizes = (1, 1, (16, 256)) if script.quick else (20, 5, (4, 16, 64, 256, None))
    seen = {
        f"{size or 'all'} rows a step, data × {copies}": redundancy(copies, size, 8 if script.quick else 20)
        for size in (None, 20)
        for copies in (1, 4)
    }
    rows = [1437 if size is None else size for size in sizes]
    trained(sizes[0], 1, 0)  # first, because compiling takes memory too
    losses = np.array([[trained(size, epochs, seed) for seed in range(seeds)] for size in sizes])  # size, seed, kind
    memory = losses[:, 0, 2]

    figure, axes = plotting.panels(3, width=4.6, height=3.8)
    plotting.lines(seen, xlabel="rows seen", ylabel="loss", log_x=True, log_y=True, axes=axes[0])
    means = {"training rows": (rows, losses[..., 0].mean(1)), "test rows": (rows, losses[..., 1].mean(1))}
    loss = f"loss, epochs: {epochs}"
    plotting.lines(means, xlabel="rows a step, B", ylabel=loss, log_x=True, log_y=True, marker="o", axes=axes[1])
    for kind in (0, 1):
        axes[1].plot(rows, losses[..., kind], ".", color=plotting.COLORS[kind], markersize=4)  # every seed
    plotting.lines({"": (rows, memory / 1e6)}, xlabel="rows a step, B", ylabel="memory of a trainer, MB", log_x=True, log_y=True,
                   marker="o", axes=axes[2])  # fmt: skip
    script.save("batch_size.png", figure)
    for size, (train, test, _), held in zip(rows, losses.mean(axis=1), memory, strict=True):
        print(
            f"B = {size:5d}: training loss {train:.4f}, test loss {test:.4f}, mean of {seeds} seeds; {held / 1e6:.2f} MB"
        )
    (once, losses_once), (often, losses_often) = list(seen.values())[:2]
    change = np.abs(np.array(losses_once) - losses_often).max()
    print(
        f"Look: with four copies a batch step sees {often[0] / once[0]:g} times the rows; losses change by {change:.0e}."
    )
    return {"seen": seen, "losses": losses, "memory": memory}


if __name__ == "__main__":
    main()
