"""Layers: frozen descriptions with forward and backward side by side."""

from .activations import *  # noqa: F403
from .activations import __all__ as _activations
from .dense import Dense
from .dropout import Dropout
from .layer import Layer
from .normalization import BatchNorm, LayerNorm
from .residual import Residual

__all__ = ["BatchNorm", "Dense", "Dropout", "Layer", "LayerNorm", "Residual"]
__all__ += _activations
