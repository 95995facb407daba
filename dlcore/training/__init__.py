"""Training: the trainer, its epochs and callbacks, metrics and history, and the files it is saved in."""

from .callbacks import Callback as Callback
from .callbacks import EarlyStopping as EarlyStopping
from .callbacks import ReduceOnPlateau as ReduceOnPlateau
from .history import History as History
from .trainer import Trainer as Trainer

__all__ = ["Callback", "EarlyStopping", "History", "ReduceOnPlateau", "Trainer"]
