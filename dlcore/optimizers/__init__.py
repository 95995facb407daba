"""Optimizers.  A new one goes into the file of its kind; its name in `__all__` exports it."""

from .adaptive import *  # noqa: F403
from .adaptive import __all__ as _adaptive
from .momentum import *  # noqa: F403
from .momentum import __all__ as _momentum
from .optimizer import Optimizer

__all__ = ["Optimizer"]
__all__ += _adaptive
__all__ += _momentum
