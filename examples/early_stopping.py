"""Trained too long: the empirical risk keeps falling while the risk rises again.  Held-out rows tell when to stop early.

The data are those of risk.py, and the network has 601 parameters for 15 rows.

Change one line: 150 training rows.
"""

import numpy as np
from risk import sample
from script import Script

import dlcore as dl
from dlcore import plotting


class Risk(dl.Callback):
    """The loss on 5000 other rows after each epoch, which is close to the risk."""

    def __init__(self, x, y):
        self.x, self.y, self.values = x, y, []

    def on_epoch_end(self, trainer, logs):
        self.values.append(trainer.evaluate(self.x, self.y)["loss"])


def train(epochs, rate, *callbacks):
    random = np.random.default_rng(3)
    (x, y), (x_held, y_held), (x_all, y_all) = (sample(rows, random) for rows in (15, 15, 5000))
    model = dl.Sequential(dl.Dense(1, 200, init=dl.initializers.Normal(3.0)), dl.Tanh(), dl.Dense(200, 1))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.Adam(rate), seed=2)
    risk, held_out = Risk(x_all[:, None], y_all), (x_held[:, None], y_held)
    options = {"batch_size": None, "validation": held_out, "callbacks": [risk, *callbacks]}
    return trainer, trainer.fit(x[:, None], y, epochs=epochs, **options), risk


def main(arguments=None):
    script = Script(__doc__, arguments)
    epochs, rate, patience = (250, 0.03, 60) if script.quick else (1500, 0.003, 100)
    _, history, risk = train(epochs, rate)
    stop = dl.EarlyStopping("val_loss", patience=patience)
    stopped, short, _ = train(epochs, rate, stop)

    series = {
        "empirical risk, 15 rows": history["loss"],
        "risk, by 5000 rows": risk.values,
        "held-out, 15 rows": history["val_loss"],
    }
    figure = plotting.lines(series, first=1, xlabel="epoch", ylabel="loss", log_y=True)
    (axes,) = figure.axes
    axes.axvline(stop.best_epoch, color="black", linestyle=":", label=f"early stopping: {stop.best_epoch}")
    axes.legend(framealpha=0.7, edgecolor="none")
    script.save("early_stopping.png", figure)
    kept = stopped.evaluate(risk.x, risk.y)["loss"]
    print(f"after {epochs} epochs: empirical risk {history['loss'][-1]:.3f}, risk {risk.values[-1]:.3f}")
    print(f"early stopping trained {short.epochs} epochs and keeps epoch {stop.best_epoch}: risk {kept:.3f}")
    lowest = [1 + int(np.argmin(values)) for values in (history["loss"], risk.values)]
    print(f"Look: the empirical risk is lowest after epoch {lowest[0]}, the risk after epoch {lowest[1]};", end=" ")
    print("the gap between the curves is overfitting.")
    return {"loss": history["loss"], "risk": risk.values, "kept": kept, "best": stop.best_epoch, "epochs": short.epochs}


if __name__ == "__main__":
    main()
