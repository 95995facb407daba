"""The chain rule on expressions drawn as circuits: values go forward (blue), gradients come back (orange, in italics).

Each gate knows its value, and what it passes back to each input when dx comes from above.
Change one line: other inputs in CIRCUITS, or a gate of your own in GATES.
"""

import math

import numpy as np
from script import Script

from dlcore import plotting

GATES = {  # forward, backward: the gradient at each input for dx at the output
    "+": (lambda a, b: a + b, lambda dx, x, a, b: (dx, dx)),
    "×": (lambda a, b: a * b, lambda dx, x, a, b: (b * dx, a * dx)),
    "max": (lambda a, b: max(a, b), lambda dx, x, a, b: (dx * np.heaviside(a - b, 0.5), dx * np.heaviside(b - a, 0.5))),
    "x²": (lambda a: a * a, lambda dx, x, a: (2 * a * dx,)),
    "1/x": (lambda a: 1 / a, lambda dx, x, a: (-dx / a**2,)),
    "σ": (lambda a: 1 / (1 + math.exp(-a)), lambda dx, x, a: (x * (1 - x) * dx,)),
}
# fmt: off
CIRCUITS = {  # title: inputs, and gates as (result, gate, inputs) in the order of computation
    "x·y": ({"x": 3, "y": -2}, [("f", "×", "x y")]),
    "(x + y) z": ({"x": -2, "y": 5, "z": -4}, [("q", "+", "x y"), ("f", "×", "q z")]),
    "((a b + c) d)²": ({"a": 2, "b": 3, "c": -1, "d": 0.5},
                       [("p", "×", "a b"), ("q", "+", "p c"), ("r", "×", "q d"), ("f", "x²", "r")]),
    "(a + b) / (c + d)": ({"a": 1, "b": 2, "c": 3, "d": 1},
                          [("p", "+", "a b"), ("q", "+", "c d"), ("r", "1/x", "q"), ("f", "×", "p r")]),
    "max(a, b)": ({"a": 4, "b": -1}, [("f", "max", "a b")]),
    "σ(w₁x₁ + w₂x₂ + b)": ({"w₁": 2, "x₁": -1, "w₂": -3, "x₂": -2, "b": -3},
                           [("p", "×", "w₁ x₁"), ("q", "×", "w₂ x₂"), ("r", "+", "p q"), ("z", "+", "r b"), ("f", "σ", "z")]),
}
# fmt: on


def forward(inputs, gates):
    values = dict(inputs)
    for result, gate, names in gates:
        values[result] = GATES[gate][0](*(values[n] for n in names.split()))
    return values


def backward(values, gates, dx=1.0):
    """The gradient at each value; a value that is used twice gets the sum."""
    grads = dict.fromkeys(values, 0.0) | {gates[-1][0]: dx}
    for result, gate, names in reversed(gates):
        back = GATES[gate][1](grads[result], values[result], *(values[n] for n in names.split()))
        for name, gradient in zip(names.split(), back, strict=True):
            grads[name] += gradient
    return grads


def draw(title, inputs, gates, values, grads, axes):
    nodes = {name: (0, i, name) for i, name in enumerate(inputs)}
    for result, gate, names in gates:
        below = [nodes[n] for n in names.split()]
        nodes[result] = (max(x for x, _, _ in below) + 1, sum(y for _, y, _ in below) / len(below), gate)
    nodes |= {"out": (nodes["f"][0] + 1, nodes["f"][1], "f")}
    pairs = [(n, result) for result, _, names in gates for n in names.split()] + [("f", "out")]
    edges = [plotting.Edge(a, b, f"{values[a]:.4g}", f"{grads[a]:.4g}") for a, b in pairs]
    plotting.graph(nodes, edges, title=title, axes=axes)


def main(arguments=None):
    script = Script(__doc__, arguments)
    (figure, axes), found = plotting.panels(len(CIRCUITS), 2, width=6.4, height=3.8), {}
    for (title, (inputs, gates)), panel in zip(CIRCUITS.items(), axes, strict=True):
        values = forward(inputs, gates)
        grads = backward(values, gates)
        draw(title, inputs, gates, values, grads, panel)
        found[title] = values["f"], {name: grads[name] for name in inputs}
        print(f"{title} = {values['f']:.4f}; " + ", ".join(f"∂/∂{name} = {grads[name]:.4f}" for name in inputs))
    script.save("circuits.png", figure)
    print("Look: + copies the gradient, × swaps its inputs, max sends it all to the winner.")
    return found


if __name__ == "__main__":
    main()
