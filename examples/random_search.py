"""Without a gradient: random search, random local search, and what the gradient adds, on f = x·y.

With what force must x and y be pushed to make f a little larger?  Guess at random; guess nearby and keep what is better;
or step along the gradient (y, x).

Change one line: `tweak`, the size of a local guess.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

START = np.array([-2.0, 3.0])


def f(theta):
    return theta[0] * theta[1]


def random_search(random, steps):
    """Try points anywhere in the square; returns the best so far, step by step."""
    best = [START]
    for guess in random.uniform(-4, 4, (steps, 2)):
        best.append(guess if f(guess) > f(best[-1]) else best[-1])
    return np.array(best)


def local_search(random, steps, tweak=0.1):
    """Try points near the best so far; a step that makes f smaller is not taken."""
    best = [START]
    for move in random.uniform(-1, 1, (steps, 2)):
        guess = best[-1] + tweak * move
        best.append(guess if f(guess) > f(best[-1]) else best[-1])
    return np.array(best)


def gradient(steps, rate=0.05):
    """Gradient ascent on f is descent on −f, whose gradient is −(y, x)."""
    return dl.descend(lambda t: (-f(t), [-t[1], -t[0]]), START, dl.SGD(rate), steps).path


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps, random = 30, np.random.default_rng(3)
    paths = {"random": random_search(random, steps), "local": local_search(random, steps), "gradient": gradient(steps)}
    values = {name: np.array([f(theta) for theta in path]) for name, path in paths.items()}

    figure, axes = plotting.panels(2, width=5.0, height=4.2)
    plotting.contours(
        f, (-4, 4), (-4, 4), paths=paths, names=("x", "y"), title="f = x·y, larger is better", axes=axes[0]
    )
    plotting.lines(values, xlabel="evaluations", ylabel="best f so far", axes=axes[1])
    script.save("random_search.png", figure)

    eta = 1e-4
    gain = f(START + eta * START[::-1]) - f(START)
    print(f"a step of η (y, x) raises f by {gain / eta:.3f} η; the formula says x² + y² = {START @ START:g}")
    for name, value in values.items():
        print(f"{name:9s} f from {value[0]:.2f} to {value[-1]:.2f} after {steps} steps")
    back = {name: int((np.diff(value) < 0).sum()) for name, value in values.items()}
    print("Look: steps that made f smaller: " + ", ".join(f"{name} {count}" for name, count in back.items()))
    print("Look at the first steps: who knows the way at once, and who is lucky?")
    print("In 2 dimensions guesses do well.  A network has thousands, and nearly every random direction is useless.")
    return {"values": values, "gain": gain / eta, "paths": paths}


if __name__ == "__main__":
    main()
