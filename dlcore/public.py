"""The public face: everything that `import dlcore as dl` offers, gathered in one place.

`dlcore/__init__.py` loads this module when the first of these names is asked for.
"""

from typing import TYPE_CHECKING

from . import initializers as initializers
from . import layers, losses, optimizers
from . import schedules as schedules
from .backend import Backend as Backend
from .callbacks import Callback as Callback
from .callbacks import EarlyStopping as EarlyStopping
from .callbacks import ReduceOnPlateau as ReduceOnPlateau
from .descent import Descent as Descent
from .descent import descend as descend
from .differences import numerical_gradient as numerical_gradient
from .errors import CheckpointError as CheckpointError
from .errors import ConfigurationError as ConfigurationError
from .errors import DataError as DataError
from .errors import DeviceError as DeviceError
from .errors import DivergenceError as DivergenceError
from .errors import DlcoreError as DlcoreError
from .errors import ShapeError as ShapeError
from .gradient_check import GradientCheck as GradientCheck
from .gradient_check import check_gradients as check_gradients
from .history import History as History
from .inspection import gradients as gradients
from .inspection import layer_outputs as layer_outputs
from .layers import *  # noqa: F403
from .losses import *  # noqa: F403
from .optimizers import *  # noqa: F403
from .sequential import Sequential as Sequential
from .trainer import Trainer as Trainer

if not TYPE_CHECKING:  # mypy follows star imports, but takes the literal part of a sum for the whole
    __all__ = [
        "Backend", "Callback", "CheckpointError", "ConfigurationError", "DataError", "DeviceError", "DivergenceError", "DlcoreError",
        "Descent", "EarlyStopping", "GradientCheck", "History", "ReduceOnPlateau", "Sequential", "ShapeError", "Trainer",
        "check_gradients", "descend", "gradients", "initializers", "layer_outputs", "numerical_gradient", "schedules",
        *layers.__all__, *losses.__all__, *optimizers.__all__,
    ]  # fmt: skip
