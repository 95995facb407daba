"""From a configuration to data and a trainer.

Activations and optimizers are found by the names of their classes, in any case and with or without underscores, so that a new
one needs no entry here.
"""

from __future__ import annotations

import os
from dataclasses import replace
from types import ModuleType

import numpy as np

from .. import file_kinds, optimizers
from ..data.dataset import DataSet
from ..data.digits import load_digits
from ..data.images import IMAGE_SETS, load_images
from ..errors import ConfigurationError, DataError
from ..layers import Dense, Dropout, Embedding, Layer, activations
from ..layers.sequential import Sequential
from ..losses import SoftmaxCrossEntropy, SquaredError
from ..suggestions import did_you_mean
from ..training.trainer import Trainer
from .configuration import NAMED_DATA, OF_TABLES, Configuration
from .raw_data import load_file
from .values import number


def _by_name(module: ModuleType) -> dict[str, type]:
    return {name.lower(): getattr(module, name) for name in module.__all__}


ACTIVATIONS = _by_name(activations)
OPTIMIZERS = _by_name(optimizers)
del OPTIMIZERS["optimizer"]  # the base class


def resolved(configuration: Configuration) -> Configuration:
    """The configuration with canonical names of activation and optimizer, and absolute paths.

    Raises ConfigurationError for an unknown name, with the nearest known one.
    """

    def absolute(path: str) -> str:
        try:
            os.fsencode(path)
        except UnicodeEncodeError:  # from a file in UTF-8, in a locale that has no encoding for it
            path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
        return os.path.abspath(os.path.expanduser(path))

    return replace(
        configuration,
        data=configuration.data if configuration.data in NAMED_DATA else absolute(configuration.data),
        data_dir=configuration.data_dir and absolute(configuration.data_dir),
        test=configuration.test and absolute(configuration.test),
        activation=_known("activation", configuration.activation, ACTIVATIONS),
        optimizer=_known("optimizer", configuration.optimizer, OPTIMIZERS),
    )


def load(configuration: Configuration) -> DataSet:
    """Training and test rows.  Raises DataError for files that cannot be used."""
    if configuration.data not in NAMED_DATA:
        if configuration.data_dir is not None:
            raise ConfigurationError(f"--data-dir is for {', '.join(IMAGE_SETS)}; {configuration.data} is a file")
        for path in filter(None, (configuration.data, configuration.test)):
            check_table_file(path)
        return load_file(configuration)
    for setting in OF_TABLES.values():
        if getattr(configuration, setting.name) != setting.default:
            raise ConfigurationError(
                f"--{setting.name.replace('_', '-')} is for files; {configuration.data} is known to dlcore"
            )
    if configuration.data in IMAGE_SETS:
        return load_images(configuration.data, configuration.data_dir)
    if configuration.data_dir is not None:
        raise ConfigurationError(
            f"--data-dir is for {', '.join(IMAGE_SETS)}; {configuration.data} comes with the package"
        )
    return DataSet(*load_digits(), classes=tuple("0123456789"))


def check_table_file(path: str) -> None:
    """Raise DataError for what holds no rows: a folder, a network, a picture.  A file that cannot be opened is left to its reader."""
    try:
        kind = file_kinds.kind_of(path)
    except (OSError, ValueError):
        return
    if not file_kinds.can_hold_a_table(kind):
        raise DataError(f"{path} is {kind}, expected a file with a table: CSV, Parquet, Arrow, NPY or NPZ")


def make_trainer(configuration: Configuration, data: DataSet) -> Trainer:
    """A new trainer for the data: the hidden layers, each with its activation, and an output for each class or target.

    Raises ConfigurationError for unknown names and numbers that cannot work, DeviceError for a device that cannot be used.
    """
    run = resolved(configuration)
    layers, width = _first_layers(data)
    *inner, last = (width, *run.hidden)
    for fan_in, fan_out in zip(inner, run.hidden, strict=True):
        layers += [
            Dense(fan_in, fan_out),
            ACTIVATIONS[run.activation](),
            *([Dropout(run.dropout)] if run.dropout else []),
        ]
    outputs = len(data.classes) or (1 if data.y.ndim == 1 else data.y.shape[1])
    model = Sequential(*layers, Dense(last, outputs))
    loss = SoftmaxCrossEntropy() if data.classes else SquaredError()
    optimizer = OPTIMIZERS[run.optimizer](run.learning_rate, l2=run.l2, weight_decay=run.weight_decay)
    trainer = Trainer(
        model, loss, optimizer, device=run.device, dtype=run.dtype, seed=run.seed, matmul_precision=run.matmul_precision
    )
    trainer.preprocessing = data.preprocessing
    return trainer


def row_weights(configuration: Configuration, data: DataSet) -> np.ndarray | None:
    """The weight (n,) of each training row by its class: n / (C n_c) for "balanced", with C classes that occur; None for equal ones.

    Raises ConfigurationError for a class that is not there, for weights that are none, and where there are no classes.
    """
    given = configuration.class_weight
    if given is None:
        return None
    if not data.classes:
        raise ConfigurationError("class_weight is for classification, and the target is a number")
    if given == ("balanced",):
        counts = np.bincount(data.y, minlength=len(data.classes))
        balanced = len(data.y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return np.asarray(balanced[data.y])
    weights = np.ones(len(data.classes))
    for word in given:
        name, equals, weight = word.rpartition("=")
        if not equals:
            raise ConfigurationError(f"class_weight: {word!r}, expected balanced, or CLASS=WEIGHT for classes by name")
        if name not in data.classes:
            shown = ", ".join(data.classes[:20]) + (", ..." if len(data.classes) > 20 else "")
            hint = did_you_mean(name, data.classes)
            raise ConfigurationError(f"class_weight: {name!r} is none of the classes{hint}; there are: {shown}")
        try:
            weights[data.classes.index(name)] = number(weight)
        except ConfigurationError as error:
            raise ConfigurationError(f"class_weight: {word!r}: {error}") from None
        if weights.min() < 0:
            raise ConfigurationError(f"class_weight: {word!r}, expected a weight >= 0")
    if not weights[data.y].any():
        raise ConfigurationError("class_weight: the weights of all training rows are 0")
    return np.asarray(weights[data.y])


def _first_layers(data: DataSet) -> tuple[list[Layer], int]:
    """An Embedding for columns of codes, if there are any, and the input width of the first Dense layer."""
    codes = data.preprocessing.embedded if data.preprocessing is not None else ()
    if not codes:
        return [], data.X.shape[1]
    embedding = Embedding(*zip(*codes, strict=True))
    return [embedding], embedding.output_width(data.X.shape[1])


def _known(kind: str, name: str, classes: dict[str, type]) -> str:
    """The key of this name in `classes`.  Raises ConfigurationError if there is none."""
    plain = name.lower().replace("_", "").replace("-", "")
    if plain in classes:
        return plain
    raise ConfigurationError(
        f"{kind} {name!r} is unknown{did_you_mean(plain, classes)}; there are: {', '.join(sorted(classes))}"
    )
