"""Learning rate schedules: factors on the rate, step by step, and what they do to a network.

A schedule is a function step → factor; `dl.schedules` has the usual ones, and any function of a step will do.  A rate that
depends on the course of training, such as on a plateau of the loss, needs a callback.

Change one line: a schedule of your own, `lambda step: 1 / (1 + step) ** 0.1`.
"""

from script import Script

import dlcore as dl
from dlcore import plotting
from dlcore import schedules as s
from dlcore.data import load_digits


def schedules(steps):
    """Schedules by name, for a run of `steps` updates."""
    return {
        "constant": lambda step: 1.0,
        "step": s.StepDecay(steps / 4, 0.5),
        "exponential": s.ExponentialDecay(steps, 0.01),
        "inverse scaling, 1/√t": s.InverseScaling(0.5),
        "inverse time": s.InverseTimeDecay(steps / 10),
        "cosine": s.CosineDecay(steps),
        "warm-up, then cosine": s.WarmUp(steps / 10, s.CosineDecay(0.9 * steps)),
        "one cycle": s.OneCycle(steps),
    }


class Rates(dl.Callback):
    """Records the rate of each epoch."""

    def __init__(self):
        self.values = []

    def on_epoch_end(self, trainer, logs):
        self.values.append(trainer.learning_rate)


def train(schedule, epochs, *callbacks):
    data = load_digits()
    model = dl.Sequential(dl.Dense(64, 64), dl.ReLU(), dl.Dense(64, 10))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.SGD(1.0, schedule=schedule))
    held_out = data.X_test, data.y_test
    return trainer.fit(data.X, data.y, epochs=epochs, batch_size=16, validation=held_out, callbacks=callbacks)


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, per_epoch = (2 if script.quick else 15), 90  # 1437 rows in batches of 16
    steps = epochs * per_epoch
    all_of_them = schedules(steps)
    factors = {name: [f(step) for step in range(steps)] for name, f in all_of_them.items()}
    chosen = ("constant", "step", "inverse time", "cosine", "one cycle")
    losses = {name: train(all_of_them[name], epochs)["loss"] for name in chosen}
    rates, plateau = Rates(), dl.ReduceOnPlateau("val_loss", patience=1, factor=0.5)
    losses["on a plateau"] = train(None, epochs, plateau, rates)["loss"]

    figure, axes = plotting.panels(3, width=5.0, height=4.0)
    plotting.lines(factors, xlabel="update", ylabel="factor on the rate", axes=axes[0])
    axes[0].legend(fontsize="small")
    plotting.lines(losses, first=1, xlabel="epoch", ylabel="training loss", log_y=True, axes=axes[1])
    plotting.lines({"on a plateau": rates.values}, first=1, xlabel="epoch", ylabel="rate", marker="o", axes=axes[2])
    script.save("schedules.png", figure)
    for name, values in losses.items():
        print(f"{name:22s} training loss {values[-1]:.5f}")
    better = [name for name, values in losses.items() if values[-1] < losses["constant"][-1]]
    print(f"Look: the constant rate jumps about.  Below it after {epochs} epochs: {', '.join(better) or 'none'}.")
    return {"factors": factors, "losses": losses, "rates": rates.values}


if __name__ == "__main__":
    main()
