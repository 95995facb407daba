"""Logistic regression twice: every formula by hand in NumPy, and the library's three lines.  The numbers are the same.

ŷ = σ(X w + b);  L = −1/n Σ [y log ŷ + (1 − y) log(1 − ŷ)];  ∂L/∂w = 1/n Xᵀ(ŷ − y),  ∂L/∂b = mean(ŷ − y);
w ← w − α ∂L/∂w,  b ← b − α ∂L/∂b.

Change one line: α = 300.  Both do the same again, also when it is too much.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting
from dlcore.data import load_digits


def by_hand(X, y, w, b, alpha, steps):
    """Gradient descent in NumPy; the loss before each step."""
    losses = []
    for _ in range(steps):
        y_hat = 1 / (1 + np.exp(-(X @ w + b)))
        losses.append(-np.mean(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)))
        w = w - alpha * X.T @ (y_hat - y) / len(y)
        b = b - alpha * np.mean(y_hat - y)
    return w, b, losses


def main(arguments=None):
    script = Script(__doc__, arguments)
    digits = load_digits()
    X, y = digits.X.astype(float), (digits.y >= 5).astype(float)  # is the digit 5 or more?
    steps, alpha = (30 if script.quick else 300), 1.0

    w, b, losses = by_hand(X, y, np.zeros(64), 0.0, alpha, steps)

    start = dl.Dense(64, 1, init=dl.initializers.Constant(0.0))
    trainer = dl.Trainer(dl.Sequential(start), dl.BinaryCrossEntropy(), dl.SGD(alpha), dtype="float64")
    history = trainer.fit(X, y, epochs=steps, batch_size=None)

    W, bias = trainer.get_weights()
    difference = max(np.abs(W[:, 0] - w).max(), abs(bias[0] - b), np.abs(np.array(history["loss"]) - losses).max())
    accuracy = trainer.evaluate(digits.X_test, digits.y_test >= 5)["accuracy"]
    series = {"NumPy by hand": losses, "dlcore": history["loss"]}
    figure, axes = plotting.panels(2)
    plotting.lines(series, xlabel="step", ylabel="loss L", axes=axes[0])
    axes[0].get_lines()[1].set_linestyle((0, (1, 3)))  # dots on the line: they coincide
    limit = np.abs(w).max()
    image = axes[1].imshow(w.reshape(8, 8), cmap="PuOr", vmin=-limit, vmax=limit)
    axes[1].set(title="weight of each pixel", xticks=[], yticks=[])
    axes[1].grid(False)
    figure.colorbar(image, ax=axes[1], label="votes for 5 to 9 where positive")
    script.save("logistic_regression_numpy.png", figure)
    print(f"largest difference of any weight or loss after {steps} steps: {difference:.1e}")
    print(f"first loss {losses[0]:.4f} = log 2: with w = 0 every ŷ is ½.  Right on the test rows: {accuracy:.1%}")
    return {"difference": difference, "first": losses[0], "losses": losses}


if __name__ == "__main__":
    main()
