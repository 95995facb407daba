"""What a training run of the command line is made of, complete and checked before anything is trained.

`DATA_SETS` says what can be trained on by name.  Activations and optimizers go by the names of their classes, in any case
and with or without underscores, so that a new one needs no word here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

from . import __version__, optimizers
from .data.digits import Digits, load_digits
from .errors import ConfigurationError
from .layers import Dense, Layer, activations
from .losses import SoftmaxCrossEntropy
from .sequential import Sequential
from .suggestions import did_you_mean
from .trainer import Trainer


@dataclass(frozen=True)
class DataSet:
    """How a data set is loaded, and how long and in what batches it is trained on unless somebody says otherwise."""

    load: Callable[[], Digits]
    epochs: int
    batch_size: int


DATA_SETS = {"digits": DataSet(load_digits, epochs=60, batch_size=64)}


def _by_name(module: ModuleType) -> dict[str, type]:
    return {name.lower(): getattr(module, name) for name in module.__all__}


ACTIVATIONS = _by_name(activations)
OPTIMIZERS = _by_name(optimizers)
del OPTIMIZERS["optimizer"]  # their base


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A run.  Fields are named as the flags.

    Raises ConfigurationError for an unknown data set, activation or optimizer, with the nearest known name.  The trainer
    checks the rest.
    """

    data: str
    epochs: int
    batch_size: int
    hidden: tuple[int, ...] = (256, 128)
    activation: str = "relu"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    l2: float = 0.0
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _data_set(self.data)
        object.__setattr__(self, "activation", _known("activation", self.activation, ACTIVATIONS))
        object.__setattr__(self, "optimizer", _known("optimizer", self.optimizer, OPTIMIZERS))

    def load(self) -> Digits:
        """Training and test rows of the data set."""
        return _data_set(self.data).load()

    def trainer(self, columns: int, classes: int) -> Trainer:
        """A new trainer of a classifier: the hidden layers, each with its activation, and one output for each class.

        Raises ConfigurationError for numbers that cannot work, DeviceError for a device that cannot be used.
        """
        layers: list[Layer] = []
        for fan_in, fan_out in zip((columns, *self.hidden), self.hidden, strict=False):
            layers += [Dense(fan_in, fan_out), ACTIVATIONS[self.activation]()]
        model = Sequential(*layers, Dense(self.hidden[-1] if self.hidden else columns, classes))
        optimizer = OPTIMIZERS[self.optimizer](self.learning_rate, l2=self.l2)
        return Trainer(model, SoftmaxCrossEntropy(), optimizer, device=self.device, dtype=self.dtype, seed=self.seed)

    def sections(self) -> dict[str, dict[str, Any]]:
        """The configuration as TOML has it."""
        return {
            "data": {"source": self.data},
            "model": {"hidden": list(self.hidden), "activation": self.activation},
            "optimizer": {"name": self.optimizer, "learning_rate": self.learning_rate, "l2": self.l2},
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "seed": self.seed,
                "device": self.device,
                "dtype": self.dtype,
            },
        }


def configure(given: Mapping[str, Any]) -> Configuration:
    """The configuration with the given fields and defaults for the others; what is not a field is left aside."""
    own = _data_set(given["data"])
    defaults = {"epochs": own.epochs, "batch_size": own.batch_size}
    return Configuration(**defaults | {f.name: given[f.name] for f in fields(Configuration) if f.name in given})


def _data_set(name: str) -> DataSet:
    if name not in DATA_SETS:
        known = ", ".join(DATA_SETS)
        raise ConfigurationError(
            f"DATA {name!r} is unknown{did_you_mean(name, DATA_SETS)}; dlcore {__version__} trains on: {known}"
        )
    return DATA_SETS[name]


def _known(kind: str, name: str, classes: dict[str, type]) -> str:
    """The name as `classes` has it.  Raises ConfigurationError for one that it does not have."""
    plain = name.lower().replace("_", "").replace("-", "")
    if plain in classes:
        return plain
    raise ConfigurationError(
        f"{kind} {name!r} is unknown{did_you_mean(plain, classes)}; there are: {', '.join(sorted(classes))}"
    )
