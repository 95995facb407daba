"""A ravine: steep one way, flat the other.  No single rate suits both; momentum and Adam each find a way out.

J = ½ (θ₀² + 30 θ₁²).  a) a rate good for the steep direction, b) one good for the flat direction,
c) the gradient's sign only, ±η in each coordinate, d) Adam.

Change one line: the rate of b) as 0.067, just over 2/30, where the steep direction diverges.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

CURVATURE = np.array([1.0, 30.0])
START = (-2.0, 1.0)


def ravine(theta):
    return 0.5 * CURVATURE @ theta**2, CURVATURE * theta


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps = 60
    optimizers = {
        "a) η = 1/30, good vertically": dl.SGD(1 / 30),
        "b) η = 0.065, good horizontally": dl.SGD(0.065),
        "c) normalized gradient, η = 0.1": dl.NormalizedGradient(0.1),
        "d) Adam, η = 0.2": dl.Adam(0.2, beta1=0.9, beta2=0.99),
    }
    figure, axes = plotting.panels(4, 2, width=5.4, height=3.4)
    distance, lengths = {}, {}
    for (title, optimizer), panel in zip(optimizers.items(), axes, strict=True):
        path = dl.descend(ravine, START, optimizer, steps).path
        distance[title] = float(np.linalg.norm(path[-1]))
        lengths[title] = np.linalg.norm(np.diff(path, axis=0), axis=1)
        plotting.contours(
            ravine, (-2.4, 1.2), (-1.2, 1.2), paths={f"{steps} steps": path}, minimum=(0, 0), title=title, axes=panel
        )
        print(
            f"{title}: first step {lengths[title][0]:.3f}, last step {lengths[title][-1]:.1e}, ends {distance[title]:.1e} away"
        )
    script.save("ravine.png", figure)
    for title, values in lengths.items():
        print(f"Look: {title[:2]} longest step {values.max():.3f}, shortest {values.min():.1e}")
    return {"distance": list(distance.values()), "lengths": list(lengths.values())}


if __name__ == "__main__":
    main()
