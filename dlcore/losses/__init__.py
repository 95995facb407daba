"""Losses, each with its output activation.  A new one goes into the file of its kind; its name in `__all__` exports it."""

from .classification import *  # noqa: F403
from .classification import __all__ as _classification
from .loss import Loss
from .regression import *  # noqa: F403
from .regression import __all__ as _regression

__all__ = ["Loss"]
__all__ += _classification
__all__ += _regression
