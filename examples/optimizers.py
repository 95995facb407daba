"""All optimizers from one start on one landscape, as paths, as curves, and as an animation.

Change one line: a rate in OPTIMIZERS.  Just above 2/30 SGD diverges; which of the others can bear ten times their rate?
"""

import numpy as np
from ravine import START, ravine
from script import Script

import dlcore as dl
from dlcore import plotting

OPTIMIZERS = {
    "SGD": dl.SGD(0.05),
    "momentum": dl.MovingAverageSGD(0.1, 0.9),
    "Nesterov": dl.MovingAverageSGD(0.1, 0.9, nesterov=True),
    "normalized": dl.NormalizedGradient(0.03),
    "AdaGrad": dl.AdaGrad(0.5),
    "RMSProp": dl.RMSProp(0.05),
    "Adam": dl.Adam(0.2),
    "AdamW": dl.AdamW(0.2, weight_decay=0.5),
    "Nadam": dl.Nadam(0.2),
    "Lion": dl.Lion(0.03),
}


def main(arguments=None):
    script = Script(__doc__, arguments)
    steps = 30 if script.quick else 100
    runs = {name: dl.descend(ravine, START, optimizer, steps) for name, optimizer in OPTIMIZERS.items()}
    paths = {name: run.path for name, run in runs.items()}
    losses = {name: [max(ravine(theta)[0], 1e-12) for theta in run.path] for name, run in runs.items()}

    figure, axes = plotting.panels(2, width=6.4, height=4.4)
    window = (-2.4, 1.2), (-1.2, 1.2)
    plotting.contours(ravine, *window, paths=paths, minimum=(0, 0), axes=axes[0])
    axes[0].legend(loc="upper right", ncols=2, fontsize="x-small")  # where no path goes
    plotting.lines(losses, xlabel="step", ylabel="loss, or 1e-12", log_y=True, axes=axes[1])
    script.save("optimizers.png", figure)
    figure = plotting.surface(ravine, *window, paths={name: paths[name] for name in ("SGD", "momentum", "Adam")})
    script.save("optimizers_surface.png", figure)
    frames = 4 if script.quick else 50
    plotting.animate_paths(
        script.path("optimizers.gif"), ravine, *window, paths, minimum=(0, 0), frames=frames, points=41
    )

    for name, values in losses.items():
        print(f"{name:9s} loss {values[0]:.2f} → {values[-1]:.1e} after {steps} steps")
    order = sorted(losses, key=lambda name: losses[name][-1])
    print(
        f"Look: {order[0]} ends lowest, {order[-1]} highest.  Which paths fall into the ravine and then creep along it,"
    )
    print("which overshoot and come back, and which go diagonally?")
    return {"losses": losses, "paths": paths, "start": np.array(START)}


if __name__ == "__main__":
    main()
