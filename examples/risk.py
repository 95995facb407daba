"""Risk and empirical risk: the mean loss over all possible data, which should be small, and the mean that we can compute.

y = 2x + ε with x ~ N(0, 1), ε ~ N(0, σ²): here the risk of ŷ = w x is known, ½ ((w − 2)² + σ²).

Change one line: SIGMA = 0, where the risk of the best w is 0.  early_stopping.py goes on from here.
"""

import numpy as np
from script import Script

from dlcore import plotting

SIGMA = 1.0


def sample(rows, random):
    x = random.normal(size=rows)
    return x, 2 * x + SIGMA * random.normal(size=rows)


def risk(w):
    return 0.5 * ((w - 2) ** 2 + SIGMA**2)


def gap(rows, w, times, random):
    """Root mean square of empirical risk − risk over `times` samples of `rows` rows."""
    x, y = sample((times, rows), random)
    return np.sqrt(np.mean((0.5 * np.mean((w * x - y) ** 2, axis=1) - risk(w)) ** 2))


def main(arguments=None):
    script = Script(__doc__, arguments)
    random = np.random.default_rng(0)
    sizes = np.unique(np.logspace(1, 3 if script.quick else 4, 9).astype(int))
    gaps = np.array([gap(n, 1.0, 300, random) for n in sizes])
    slope = np.polyfit(np.log(sizes), np.log(gaps), 1)[0]

    figure, axes = plotting.panels(2, width=4.8, height=3.8)
    ws = np.linspace(0, 4, 81)
    x, y = sample(20, random)
    empirical = [0.5 * np.mean((w * x - y) ** 2) for w in ws]
    plotting.lines(
        {"risk": (ws, risk(ws)), "empirical risk, 20 rows": (ws, empirical)}, xlabel="w", ylabel="loss", axes=axes[0]
    )
    lines = {"measured": (sizes, gaps), "∝ 1/√n": (sizes, gaps[0] * np.sqrt(sizes[0] / sizes))}
    plotting.lines(
        lines, xlabel="rows n", ylabel="|empirical risk − risk|", log_x=True, log_y=True, marker="o", axes=axes[1]
    )
    script.save("risk.png", figure)
    print(f"the gap falls like n to the power {slope:.2f}")
    lowest = ws[int(np.argmin(empirical))]
    print(
        f"Look: the risk is lowest at w = 2, the empirical risk of 20 rows at {lowest:.2f}; more rows bring it nearer."
    )
    return {"slope": slope, "gaps": gaps, "sizes": sizes, "lowest": lowest}


if __name__ == "__main__":
    main()
