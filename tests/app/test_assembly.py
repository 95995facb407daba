"""The trainer that a configuration describes."""

import numpy as np
import pytest

import dlcore as dl
from dlcore import optimizers
from dlcore.app.assembly import OPTIMIZERS, make_trainer, resolved, row_weights
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


def test_dropout_follows_each_hidden_layer_and_weight_decay_is_decoupled():
    given = {"data": "digits", "hidden": (5, 4), "dropout": 0.25, "weight_decay": 0.01, "l2": 0.5, "device": "cpu"}
    trainer = make_trainer(configure(given), rows(7, 3))
    assert trainer.model == dl.Sequential(
        dl.Dense(7, 5), dl.ReLU(), dl.Dropout(0.25), dl.Dense(5, 4), dl.ReLU(), dl.Dropout(0.25), dl.Dense(4, 3)
    )
    assert trainer.optimizer == dl.Adam(1e-3, weight_decay=0.01, l2=0.5)


def classes(*y, names="abc"):
    X, y = np.zeros((len(y), 2), np.float32), np.array(y)
    return DataSet(X, y, X, y, tuple(names))


def weights_of(data, *words):
    return row_weights(configure({"data": "digits", "class_weight": words or None}), data)


@pytest.mark.parametrize("y", [(0, 0, 0, 1, 2, 2), (2, 0, 2, 2)])
def test_balanced_weights_are_those_of_scikit_learn(y):
    expected = pytest.importorskip("sklearn.utils.class_weight").compute_sample_weight("balanced", y)
    np.testing.assert_allclose(weights_of(classes(*y), "balanced"), expected, rtol=1e-15)


def test_weights_may_be_given_by_class():
    assert weights_of(classes(0, 1, 2, 1), "b=2.5", "c=0").tolist() == [1, 2.5, 0, 2.5]
    assert weights_of(classes(0, 1, 1, names=["a=1", "b,c"]), "a=1=3", "b,c=2").tolist() == [3, 2, 2]
    assert weights_of(classes(0, 1)) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ballanced"], "'ballanced', expected balanced, or CLASS=WEIGHT"),
        (["balanced", "a=1"], "'balanced', expected balanced, or CLASS=WEIGHT"),
        (["A=1"], "'A' is none of the classes.*; there are: a, b, c"),
        (["a=much"], "'much' is not a number"),
        (["a=inf"], "'inf' is not a number"),
        (["a=-1"], "expected a weight >= 0"),
        (["a=0", "b=0"], "the weights of all training rows are 0"),
    ],
)
def test_class_weights_that_cannot_work(words, message):
    with pytest.raises(dl.ConfigurationError, match=message):
        weights_of(classes(0, 1), *words)


def test_a_number_has_no_classes_to_weigh():
    with pytest.raises(dl.ConfigurationError, match="class_weight is for classification"):
        weights_of(rows(2), "balanced")
