"""What a gradient costs: by backpropagation O(N), like one loss; by differences two losses for each of N parameters, O(N²).

Each call also has a fixed cost, which hides these powers in small networks.
So: check gradients by differences on a small network, once, and never train with them.

Change one line: more widths, if you have the time to wait for differences.
"""

import time

import numpy as np
from script import Script
from threadpoolctl import threadpool_limits

import dlcore as dl
from dlcore import plotting


def network(width):
    """N is about width²."""
    model = dl.Sequential(dl.Dense(width, width), dl.Tanh(), dl.Dense(width, 1))
    return dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")


def seconds(action, times):
    """The fastest of some repetitions, which was disturbed least."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


def differences(trainer, X, y, entries):
    """Central differences for some entries of the first matrix."""
    weights = trainer.get_weights()
    for i in range(entries):
        kept = weights[0].flat[i]
        for moved in (kept + 1e-5, kept - 1e-5):
            weights[0].flat[i] = moved
            trainer.set_weights(weights)
            trainer.evaluate(X, y)
        weights[0].flat[i] = kept


def main(arguments=None):
    script = Script(__doc__, arguments)
    widths, rows = ((16, 24, 32, 48, 64), 256) if script.quick else ((32, 64, 128, 256, 512), 2048)
    entries, times = 4, 5
    N, loss, backward, numerical = [], [], [], []
    for width in widths:
        random = np.random.default_rng(width)
        X, y, trainer = random.normal(size=(rows, width)), random.normal(size=rows), network(width)
        N.append(sum(w.size for w in trainer.get_weights()))
        with threadpool_limits(1):  # one thread for all sizes, so that they can be compared
            loss.append(seconds(lambda t=trainer, X=X, y=y: t.evaluate(X, y), times))
            backward.append(seconds(lambda t=trainer, X=X, y=y: dl.gradients(t, X, y), times))
            some = seconds(lambda t=trainer, X=X, y=y: differences(t, X, y, entries), 2)
        numerical.append(some / entries * N[-1])  # measured for some entries, scaled to all
        times_taken = f"loss {loss[-1]:.1e}, backpropagation {backward[-1]:.1e}, differences {numerical[-1]:.1e}"
        print(f"N = {N[-1]:6d}, seconds: {times_taken}")
    costs = {"one loss": loss, "gradient, backpropagation": backward, "gradient, differences": numerical}
    slopes = {name: np.polyfit(np.log(N[-3:]), np.log(values[-3:]), 1)[0] for name, values in costs.items()}
    named = {name: (N, values) for name, values in costs.items()}
    figure = plotting.lines(named, xlabel="parameters N", ylabel="seconds", log_x=True, log_y=True, marker="o")
    script.save("gradient_cost.png", figure)
    print("slopes over the three largest: " + ", ".join(f"{name} {slope:.2f}" for name, slope in slopes.items()))
    losses, ratio = np.array(backward) / loss, np.array(numerical) / backward
    for i in (0, -1):
        print(f"N = {N[i]}: backpropagation takes {losses[i]:.1f} losses, differences {ratio[i]:.0f} backpropagations")
    rise = slopes["gradient, differences"] - slopes["one loss"]
    print(f"Look: a power is a line here.  Differences rise {rise:.2f} powers faster than one loss; theory: 1.")
    check = dl.check_gradients(network(8).model, dl.SquaredError(), np.eye(8), np.arange(8.0), sample=20)
    print(check)
    return {"N": N, "ratio": ratio, "check": check, "slopes": slopes}


if __name__ == "__main__":
    main()
