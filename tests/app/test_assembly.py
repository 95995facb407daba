"""The trainer that a configuration describes."""

import numpy as np
import pytest

import dlcore as dl
from dlcore import optimizers
from dlcore.app.assembly import OPTIMIZERS, make_trainer, resolved
from dlcore.app.configuration import Configuration, configure
from dlcore.data.dataset import DataSet
from dlcore.layers import activations


def rows(columns, classes=()):
    """Data of which only the shape counts."""
    X, y = np.zeros((2, columns), np.float32), np.zeros(2, int if classes else float)
    return DataSet(X, y, X, y, tuple("abc"[:classes]) if classes else ())


@pytest.mark.parametrize("name", activations.__all__)
def test_every_activation_of_the_library_has_a_name(name):
    trainer = make_trainer(
        configure({"data": "digits", "hidden": (3,), "activation": name.lower(), "device": "cpu"}), rows(4, 2)
    )
    assert type(trainer.model[1]).__name__ == name


@pytest.mark.parametrize("name", [name for name in optimizers.__all__ if name != "Optimizer"])
def test_every_optimizer_of_the_library_has_a_name(name):
    given = {"data": "digits", "optimizer": name.lower(), "learning_rate": 0.5, "l2": 0.25, "device": "cpu"}
    optimizer = make_trainer(configure(given), rows(4, 2)).optimizer
    assert type(optimizer).__name__ == name
    assert (optimizer.learning_rate, optimizer.l2) == (0.5, 0.25)


def test_the_base_class_is_no_optimizer():
    assert "optimizer" not in OPTIMIZERS


@pytest.mark.parametrize("name", ["leakyrelu", "leaky_relu", "Leaky-ReLU", "LeakyReLU"])
def test_names_may_be_written_in_any_way(name):
    assert resolved(configure({"data": "digits", "activation": name})).activation == "leakyrelu"


def test_the_model_is_the_hidden_layers_and_one_output_for_each_class():
    run = Configuration(data="digits", epochs=1, batch_size=1, hidden=(5, 4), device="cpu")
    model = make_trainer(run, rows(7, 3)).model
    assert model == dl.Sequential(dl.Dense(7, 5), dl.ReLU(), dl.Dense(5, 4), dl.ReLU(), dl.Dense(4, 3))


def test_without_hidden_layers_it_is_a_linear_model():
    model = make_trainer(configure({"data": "digits", "hidden": (), "device": "cpu"}), rows(7, 3)).model
    assert model == dl.Sequential(dl.Dense(7, 3))


def test_without_classes_it_is_a_regression():
    trainer = make_trainer(configure({"data": "digits", "hidden": (), "device": "cpu"}), rows(7))
    assert trainer.model == dl.Sequential(dl.Dense(7, 1))
    assert trainer.loss == dl.SquaredError()
