"""Pictures.  matplotlib (pip install "dlcore[plot]") is imported when the first one is drawn; no display is needed.

Each function draws on the matplotlib Axes given as `axes`, or on a new Figure, and returns the Figure; `png` converts it to a
file.  Colours are those of Okabe & Ito (2008), distinguishable with all kinds of colour vision.
"""

from .activations import activation as activation
from .activations import activations as activations
from .activations import value_and_slope as value_and_slope
from .animation import animate_paths as animate_paths
from .animation import gif as gif
from .boundaries import decision_boundary as decision_boundary
from .curves import curves as curves
from .curves import lines as lines
from .graphs import Edge as Edge
from .graphs import graph as graph
from .histograms import histograms as histograms
from .landscapes import contours as contours
from .landscapes import surface as surface
from .results import confusion_matrix as confusion_matrix
from .results import predicted_against_true as predicted_against_true
from .style import COLORS as COLORS
from .style import panels as panels
from .style import png as png

__all__ = [
    "COLORS", "Edge", "activation", "activations", "animate_paths", "confusion_matrix", "contours", "curves", "decision_boundary", "gif",
    "graph", "histograms", "lines", "panels", "png", "predicted_against_true", "surface", "value_and_slope",
]  # fmt: skip
