"""Optimizers and learning-rate schedules.  A new one goes into the file of its kind; its name in `__all__` exports it."""

from typing import TYPE_CHECKING

from .adaptive import *  # noqa: F403
from .adaptive import __all__ as _adaptive
from .momentum import *  # noqa: F403
from .momentum import __all__ as _momentum
from .optimizer import Optimizer as Optimizer

if not TYPE_CHECKING:  # mypy follows star imports, but of an __all__ with unpacked names it reads only the literal ones
    __all__ = ["Optimizer", *_adaptive, *_momentum]
