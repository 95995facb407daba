"""From raw rows to the input of a network: column types, missing cells, scaling, categories, dates, targets.

    fitted = Preprocessing(scaling="standard").fit(training_table, target="wage")
    X, y = fitted.features(training_table), fitted.targets(training_table)

`Preprocessing` holds the options; `FittedPreprocessing` is the result of fitting it to training rows.  Both are frozen; the
fitted one is stored as JSON with the model, and applies to tables with their columns in another order, or with more columns.
"""

from .fitted import FittedPreprocessing as FittedPreprocessing
from .fitting import Preprocessing as Preprocessing

__all__ = ["FittedPreprocessing", "Preprocessing"]
