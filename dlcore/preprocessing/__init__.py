"""From raw rows to what a network takes: column types, missing cells, scaling, categories, dates, targets.

    fitted = Preprocessing(scaling="standard").fit(training_table, target="wage")
    X, y = fitted.features(training_table), fitted.targets(training_table)

`Preprocessing` says what is wanted; `FittedPreprocessing` is what the training rows made of it: frozen descriptions that are
JSON, stored with the model, and applied to tables whose columns come in another order or that have more of them.
"""

from .fitted import FittedPreprocessing as FittedPreprocessing
from .fitting import Preprocessing as Preprocessing

__all__ = ["FittedPreprocessing", "Preprocessing"]
