"""Pictures, each a matplotlib Figure.  matplotlib is imported where one is drawn, and never asked for a display.

Every function raises ImportError where matplotlib is not installed.
"""

from .curves import curves as curves
from .results import confusion_matrix as confusion_matrix
from .results import predicted_against_true as predicted_against_true
from .style import png as png

__all__ = ["confusion_matrix", "curves", "png", "predicted_against_true"]
