"""dlcore: trains dense neural networks as fast as the hardware allows, on a CPU or a GPU, by setting one device flag.

import dlcore as dl

model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device="auto")
trainer.fit(X, y, epochs=10, batch_size=128)
"""

__version__ = "0.1.0"

from . import initializers, schedules
from .backend import Backend
from .callbacks import Callback, EarlyStopping
from .errors import (
    CheckpointError,
    ConfigurationError,
    DataError,
    DeviceError,
    DivergenceError,
    DlcoreError,
    ShapeError,
)
from .gradient_check import GradientCheck, check_gradients
from .history import History
from .layers import *  # noqa: F403
from .layers import __all__ as _layers
from .losses import *  # noqa: F403
from .losses import __all__ as _losses
from .optimizers import *  # noqa: F403
from .optimizers import __all__ as _optimizers
from .sequential import Sequential
from .trainer import Trainer

__all__ = [
    "Backend", "Callback", "CheckpointError", "ConfigurationError", "DataError", "DeviceError", "DivergenceError", "DlcoreError",
    "EarlyStopping", "GradientCheck", "History", "Sequential", "ShapeError", "Trainer", "check_gradients", "initializers", "schedules",
]  # fmt: skip
__all__ += _layers
__all__ += _losses
__all__ += _optimizers
