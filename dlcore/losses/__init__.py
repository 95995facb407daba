"""Losses, each with its output activation.  A new one goes into the file of its kind; its name in `__all__` exports it."""

from typing import TYPE_CHECKING

from .classification import *  # noqa: F403
from .classification import __all__ as _classification
from .loss import Loss as Loss
from .regression import *  # noqa: F403
from .regression import __all__ as _regression

if not TYPE_CHECKING:  # mypy follows star imports, but of an __all__ with unpacked names it reads only the literal ones
    __all__ = ["Loss", *_classification, *_regression]
