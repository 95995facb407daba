"""Layers: frozen descriptions with forward and backward side by side; models made of layers; initial weights."""

from typing import TYPE_CHECKING

from .activations import *  # noqa: F403
from .activations import __all__ as _activations
from .dense import Dense as Dense
from .dropout import Dropout as Dropout
from .embedding import Embedding as Embedding
from .layer import Layer as Layer
from .normalization import BatchNorm as BatchNorm
from .normalization import LayerNorm as LayerNorm
from .residual import Residual as Residual
from .sequential import Sequential as Sequential

if not TYPE_CHECKING:  # mypy follows star imports, but of an __all__ with unpacked names it reads only the literal ones
    __all__ = [
        "BatchNorm", "Dense", "Dropout", "Embedding", "Layer", "LayerNorm", "Residual", "Sequential", *_activations,
    ]  # fmt: skip
