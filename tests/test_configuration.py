"""The configuration of a run: names, defaults, and the trainer it describes."""

import pytest

import dlcore as dl
from dlcore import optimizers
from dlcore.configuration import OPTIMIZERS, Configuration, configure
from dlcore.layers import activations


@pytest.mark.parametrize("name", activations.__all__)
def test_every_activation_of_the_library_has_a_name(name):
    trainer = configure({"data": "digits", "hidden": (3,), "activation": name.lower(), "device": "cpu"}).trainer(4, 2)
    assert type(trainer.model[1]).__name__ == name


@pytest.mark.parametrize("name", [name for name in optimizers.__all__ if name != "Optimizer"])
def test_every_optimizer_of_the_library_has_a_name(name):
    given = {"data": "digits", "optimizer": name.lower(), "learning_rate": 0.5, "l2": 0.25, "device": "cpu"}
    optimizer = configure(given).trainer(4, 2).optimizer
    assert type(optimizer).__name__ == name
    assert (optimizer.learning_rate, optimizer.l2) == (0.5, 0.25)


def test_the_base_class_is_no_optimizer():
    assert "optimizer" not in OPTIMIZERS


@pytest.mark.parametrize("name", ["leakyrelu", "leaky_relu", "Leaky-ReLU", "LeakyReLU"])
def test_names_may_be_written_in_any_way(name):
    assert configure({"data": "digits", "activation": name}).activation == "leakyrelu"


def test_epochs_and_batch_size_are_the_data_sets_own_unless_given():
    configuration = configure({"data": "digits"})
    assert (configuration.epochs, configuration.batch_size) == (60, 64)
    configuration = configure({"data": "digits", "epochs": 3, "batch_size": 5, "no field": 1})
    assert (configuration.epochs, configuration.batch_size) == (3, 5)


def test_the_model_is_the_hidden_layers_and_one_output_for_each_class():
    model = Configuration(data="digits", epochs=1, batch_size=1, hidden=(5, 4), device="cpu").trainer(7, 3).model
    assert model == dl.Sequential(dl.Dense(7, 5), dl.ReLU(), dl.Dense(5, 4), dl.ReLU(), dl.Dense(4, 3))


def test_without_hidden_layers_it_is_a_linear_model():
    model = configure({"data": "digits", "hidden": (), "device": "cpu"}).trainer(7, 3).model
    assert model == dl.Sequential(dl.Dense(7, 3))
