"""Looking inside a network and at an optimizer: gradients, layer outputs, differences, descent on functions of a few numbers."""

from .descent import Descent as Descent
from .descent import descend as descend
from .differences import numerical_gradient as numerical_gradient
from .gradient_check import GradientCheck as GradientCheck
from .gradient_check import check_gradients as check_gradients
from .inspection import gradients as gradients
from .inspection import layer_outputs as layer_outputs

__all__ = ["Descent", "GradientCheck", "check_gradients", "descend", "gradients", "layer_outputs", "numerical_gradient"]
