"""How many rows per step?  The cost of copies in the data, the loss after equal epochs and after equal updates, and memory.

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
    many = np.tile(X, (copies, 1)), np.tile(y, copies)
    history = trainer.fit(*many, epochs=epochs, batch_size=batch_size, validation=(X, y))
    return 200 * copies * np.arange(1, epochs + 1), history["val_loss"]


def trained(batch_size, epochs, seed, updates=None):
    """Losses on training and test rows, and the bytes that the trainer holds; after `updates` or `epochs`."""
    model = dl.Sequential(dl.Dense(64, 64), dl.ReLU(), dl.Dense(64, 10))
    rows = np.arange(len(DATA.X))
    if updates:
        random, needed = np.random.default_rng(seed), updates * (batch_size or len(rows))
        rows = np.concatenate([random.permutation(rows) for _ in range(-(-needed // len(rows)))])[:needed]
    tracemalloc.start()
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.1), seed=seed)
    trainer.fit(DATA.X[rows], DATA.y[rows], epochs=epochs, batch_size=batch_size or len(DATA.X), shuffle=not updates)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return trainer.evaluate(DATA.X, DATA.y)["loss"], trainer.evaluate(DATA.X_test, DATA.y_test)["loss"], held


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, seeds, updates, passes = (1, 1, 20, 8) if script.quick else (20, 5, 200, 20)
    cases, sizes = [(size, copies) for size in (None, 20) for copies in (1, 4)], (4, 16, 64, 256, None)
    seen = {f"{size or 'all'} rows a step, data × {copies}": redundancy(copies, size, passes) for size, copies in cases}
    rows = [size or len(DATA.X) for size in sizes]
    trained(sizes[0], 1, 0)  # first, because compiling takes memory too
    losses = np.array([[trained(size, epochs, seed) for seed in range(seeds)] for size in sizes])  # size, seed, kind
    equal = np.array([[trained(size, 1, seed, updates)[0] for seed in range(seeds)] for size in sizes])  # size, seed
    memory = losses[:, 0, 2]
    figure, axes = plotting.panels(4, 2, width=5.2, height=3.8)
    log = {"log_x": True, "log_y": True}
    by_size = log | {"xlabel": "rows a step, B", "marker": "o"}
    plotting.lines(seen, xlabel="rows seen", ylabel="loss", axes=axes[0], **log)
    both = {"training rows": losses[..., 0], "test rows": losses[..., 1]}
    compared = {f"epochs: {epochs}": both, f"updates: {updates}": {"training rows": equal}}
    for panel, (title, kinds) in zip(axes[1:], compared.items(), strict=False):
        means = {name: (rows, values.mean(axis=1)) for name, values in kinds.items()}
        plotting.lines(means, ylabel="loss", title=title, axes=panel, **by_size)
        for color, values in zip(plotting.COLORS, kinds.values(), strict=False):
            panel.plot(rows, values, ".", color=color, markersize=4)  # every seed
    plotting.lines({"": (rows, memory / 1e6)}, ylabel="memory of a trainer, MB", axes=axes[3], **by_size)
    script.save("batch_size.png", figure)
    for size, (train, test, held), same in zip(rows, losses.mean(axis=1), equal.mean(axis=1), strict=True):
        by = f"after {epochs} epochs training loss {train:.4f}, test loss {test:.4f}; {updates} updates: {same:.4f}"
        print(f"B = {size:5d}, mean of {seeds} seeds, {by}; {held / 1e6:.2f} MB")
    (once, losses_once), (often, losses_often) = list(seen.values())[:2]
    change = np.abs(np.array(losses_once) - losses_often).max()
    print(f"Look: with four copies a step sees {often[0] / once[0]:g} times the rows; losses change by {change:.0e}.")
    return {"seen": seen, "losses": losses, "equal": equal, "memory": memory}


if __name__ == "__main__":
    main()
