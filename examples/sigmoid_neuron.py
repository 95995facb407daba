"""The sigmoid neuron: a small change of a weight changes the output a little, where the perceptron's output jumps.

ŷ = σ(w·x + b) is a probability; J = −1/n Σ [y log ŷ + (1 − y) log(1 − ŷ)], and its gradient is 1/n Σ (ŷ − y) x.

Change one line: multiply the weights of `sweep` by 10, and the sigmoid becomes almost a step.
"""

import numpy as np
from perceptron import XOR, clouds
from script import Script

import dlcore as dl
from dlcore import plotting


def neuron(X, y, epochs):
    """Logistic regression: one output, no hidden layer, all rows in every step."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 1)), dl.BinaryCrossEntropy(), dl.SGD(1.0), dtype="float64")
    return trainer, trainer.fit(X, y, epochs=epochs, batch_size=None)


def sweep(loss, weights, x=(1.0, 0.5), bias=-0.5):
    """The output for one row x as a function of its first weight."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 1)), loss, dl.SGD(1.0), dtype="float64")
    outputs = []
    for w in weights:
        trainer.set_weights([np.array([[w], [1.0]]), np.array([bias])])
        outputs.append(trainer.predict(np.array([x]))[0, 0])
    return np.array(outputs)


def main(arguments=None):
    script = Script(__doc__, arguments)
    X, y = clouds(spread=0.75)
    trainer, history = neuron(X, y, 200)
    weights = np.linspace(-4, 4, 81)
    jump, smooth = sweep(dl.PerceptronLoss(), weights), sweep(dl.BinaryCrossEntropy(), weights)
    xor, _ = neuron(*XOR, 20)
    accuracy = xor.evaluate(*XOR)["accuracy"]

    figure, axes = plotting.panels(4, 2)
    outputs = {"perceptron": (weights, jump), "sigmoid neuron": (weights, smooth)}
    plotting.lines(outputs, xlabel="weight w₁", ylabel="output ŷ", axes=axes[0])
    plotting.decision_boundary(trainer.predict, X, y, title="ŷ = ½ is the line w·x + b = 0", axes=axes[1])
    plotting.curves(history, axes=axes[2])
    plotting.decision_boundary(xor.predict, *XOR, title=f"XOR: {accuracy:.0%} right", axes=axes[3])
    script.save("sigmoid_neuron.png", figure)

    steepest = np.abs(np.diff(smooth)).max() / (weights[1] - weights[0])
    print(f"largest change of ŷ for a change of w₁: sigmoid {steepest:.3f} (at most ¼ · x₁), perceptron: a jump of 1")
    print(
        f"The sigmoid's output is not linear in x, but its boundary is: on XOR {accuracy:.0%} are right, never more than ¾."
    )
    return {
        "steepest": steepest,
        "jump": np.abs(np.diff(jump)).max(),
        "xor": accuracy,
        "trainer": trainer,
        "data": (X, y),
    }


if __name__ == "__main__":
    main()
