"""Backpropagation written three ways, number by number, vector by vector, in matrices: all give the library's gradient.

δ^L = a − y;  δ_j = (Σ_k δ_k w_kj) g'(z_j);  ∂J/∂w_kj = δ_k a_j;  ∂J/∂b_k = δ_k;  w_kj is W[j, k] here.

Change one line: break a formula, and see who notices.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

NETWORK = dl.Sequential(dl.Dense(4, 6), dl.Tanh(), dl.Dense(6, 3))
LOSSES = {"linear": dl.SquaredError(), "logistic": dl.BinaryCrossEntropy(), "softmax": dl.SoftmaxCrossEntropy()}


def forward(x, W1, b1, W2, b2, loss):
    """Hidden tanh units a, and the output activation of the loss: δ = ŷ − y is the same expression for all three losses."""
    z = (a := np.tanh(x @ W1 + b1)) @ W2 + b2
    e = np.exp(z)
    return a, {"linear": z, "logistic": e / (1 + e), "softmax": e / e.sum(-1, keepdims=True)}[loss]


def scalar(X, Y, weights, loss):
    """One number at a time, one row at a time."""
    dW1, db1, dW2, db2 = (np.zeros_like(w) for w in weights)
    for x, y in zip(X, Y, strict=True):
        a, y_hat = forward(x, *weights, loss)
        K, J, W2 = range(len(y)), range(len(a)), weights[2]
        delta2 = [(y_hat[k] - y[k]) / len(X) for k in K]
        delta1 = [sum(delta2[k] * W2[j, k] for k in K) * (1 - a[j] ** 2) for j in J]
        for k in K:
            db2[k] += delta2[k]
            for j in J:
                dW2[j, k] += delta2[k] * a[j]
        for j in J:
            db1[j] += delta1[j]
            for i in range(len(x)):
                dW1[i, j] += delta1[j] * x[i]
    return dW1, db1, dW2, db2


def vector(X, Y, weights, loss):
    """One row at a time."""
    dW1, db1, dW2, db2 = (np.zeros_like(w) for w in weights)
    for x, y in zip(X, Y, strict=True):
        a, y_hat = forward(x, *weights, loss)
        delta2 = (y_hat - y) / len(X)
        delta1 = (weights[2] @ delta2) * (1 - a**2)
        dW1, db1, dW2, db2 = dW1 + np.outer(x, delta1), db1 + delta1, dW2 + np.outer(a, delta2), db2 + delta2
    return dW1, db1, dW2, db2


def matrix(X, Y, weights, loss):
    """All rows at once."""
    A, Y_hat = forward(X, *weights, loss)
    Delta2 = (Y_hat - Y) / len(X)
    Delta1 = (Delta2 @ weights[2].T) * (1 - A**2)
    return X.T @ Delta1, Delta1.sum(axis=0), A.T @ Delta2, Delta2.sum(axis=0)


def main(arguments=None):
    script = Script(__doc__, arguments)
    X, Y = np.random.default_rng(0).normal(size=(5, 4)), np.eye(3)[[0, 2, 1, 1, 0]]
    errors = {}
    for name, loss in LOSSES.items():
        trainer = dl.Trainer(NETWORK, loss, dl.SGD(0.1), dtype="float64")
        library = dl.gradients(trainer, X, Y)
        for form in (scalar, vector, matrix):
            pairs = zip(form(X, Y, trainer.get_weights(), name), library.values(), strict=True)
            errors[name, form.__name__] = error = max(np.abs(a - b).max() for a, b in pairs)
            print(f"{name:9s} {form.__name__:7s} largest difference from the library {error:.1e}")
    script.save("gradients.png", plotting.histograms(library, xlabel="∂J/∂θ", bins=12, color=1))
    print(f"Look: all agree: {max(errors.values()) < 1e-12}.  gradient_cost.py checks the library's by differences.")
    return {"errors": errors, "gradient": library}


if __name__ == "__main__":
    main()
