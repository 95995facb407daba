"""The neurons of the lectures as diagrams, and the names of a network's parts in dlcore.

Nothing is computed here; change a text in a diagram to make your own.
"""

from script import Script

from dlcore import plotting
from dlcore.plotting import Edge

INPUTS = {"x1": (0, 0, "x₁"), "x2": (0, 1, "x₂"), "one": (0, 2, "1")}
WEIGHTED = [Edge("x1", "sum", "w₁"), Edge("x2", "sum", "w₂"), Edge("one", "sum", "b")]


def natural():
    nodes = {
        "d1": (0, 0, "dendrite"),
        "d2": (0, 1, "dendrite"),
        "d3": (0, 2, "dendrite"),
        "body": (1.4, 1, "cell body:\nadds up"),
        "hillock": (2.6, 1, "fires above\na threshold"),
        "axon": (3.8, 1, "axon,\nsynapses"),
    }
    synapse = [Edge(d, "body", "synapse") for d in ("d1", "d2", "d3")]
    return nodes, [*synapse, Edge("body", "hillock"), Edge("hillock", "axon")]


def artificial(function="f", last="ŷ = f(z)"):
    nodes = INPUTS | {"sum": (1.3, 1, "Σ"), "z": (2.2, 1, "z"), "f": (3.1, 1, function), "out": (4.0, 1, last)}
    return nodes, [*WEIGHTED, Edge("sum", "z", "w·x + b"), Edge("z", "f"), Edge("f", "out")]


def learning(function, error_from):
    """A diagram of learning by the error y − ŷ, taken after the function (perceptron, sigmoid neuron) or before it (Adaline)."""
    nodes, edges = artificial(function, "ŷ")
    nodes = nodes | {"error": (2.2, 2.4, "error"), "y": (4.0, 2.4, "y")}
    return nodes, [*edges, Edge(error_from, "error"), Edge("y", "error"), Edge("error", "sum", "", "moves w, b")]


def network():
    """Two inputs, three hidden units, one output; rows are samples."""
    nodes = {f"x{j}": (0, j + 0.5, f"x_{j}") for j in range(2)}
    nodes |= {f"h{k}": (1.6, k, f"a⁰_{k}") for k in range(3)} | {"y": (3.2, 1, "ŷ")}
    edges = [Edge(f"x{j}", f"h{k}") for j in range(2) for k in range(3)] + [Edge(f"h{k}", "y") for k in range(3)]
    nodes["layer0"] = (0.8, 3.1, "Dense(2, 3)\n0.W (2, 3), 0.b (3,)")
    nodes["layer1"] = (1.6, -1.0, "Tanh()\na⁰ = g(z⁰), (n, 3)")
    nodes["layer2"] = (2.5, 3.1, "Dense(3, 1)\n2.W (3, 1), 2.b (1,)")
    nodes["loss"] = (3.2, -1.0, "SquaredError()\nδ = ŷ − y, (n, 1)")
    return nodes, edges


def main(arguments=None):
    script = Script(__doc__, arguments)
    diagrams = {
        "a natural neuron": natural(),
        "an artificial neuron: N inputs, one output": artificial(),
        "perceptron: the error after the step": learning("1[z ≥ 0]", "out"),
        "Adaline: the error before the step": learning("step", "z"),
        "sigmoid neuron: a smooth output, and its error": learning("σ(z)", "out"),
        "a network: Sequential(Dense(2, 3), Tanh(), Dense(3, 1))": network(),
    }
    figure, axes = plotting.panels(len(diagrams), 2, width=6.6, height=3.7)
    for (title, (nodes, edges)), panel in zip(diagrams.items(), axes, strict=True):
        plotting.graph(nodes, edges, title=title, axes=panel)
    script.save("neurons.png", figure)
    print("Look: perceptron and Adaline differ in one arrow, the one that the error comes from.")
    print("In dlcore a layer's arrays are named by its place: 0.W has a row for each input, a column for each unit.")
    return {"edges": {title: {(e.start, e.end) for e in edges} for title, (_, edges) in diagrams.items()}}


if __name__ == "__main__":
    main()
