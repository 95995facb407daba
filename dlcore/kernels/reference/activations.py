"""Activations g and their gradients dz = delta ⊙ g'(z).

A gradient reads the output `a` where g' can be computed from it, so that the input need not be kept; otherwise it reads the
input `z`.  Derivatives at kinks follow PyTorch: ReLU 0; leaky ReLU and ELU alpha; the binary step's is 0 everywhere.
NaN passes through every activation except the binary step, so that it shows in the loss.
"""

import math

from ..contract import contract
from .special import erf

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def logistic(xp, z):
    """1 / (1 + exp(−z)), without overflow"""
    e = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1 / (1 + e), e / (1 + e))


@contract("z[n,o] -> a[n,o]", alias="a z")
def identity(xp, z):
    """a = z"""
    return z


@contract("delta[n,o] a[n,o] -> dz[n,o]", alias="dz delta")
def identity_grad(xp, delta, a):
    """dz = delta"""
    return delta


@contract("z[n,o] -> a[n,o]", alias="a z", smooth_away_from=0)
def binary_step(xp, z):
    """a = 1[z >= 0]"""
    return xp.where(z >= 0, xp.ones_like(z), xp.zeros_like(z))


@contract("delta[n,o] a[n,o] -> dz[n,o]", alias="dz delta")
def binary_step_grad(xp, delta, a):
    """dz = 0: a step teaches nothing through its derivative"""
    return xp.zeros_like(delta)


@contract("z[n,o] -> a[n,o]", alias="a z")
def sigmoid(xp, z):
    """a = σ(z) = 1 / (1 + exp(−z))"""
    return logistic(xp, z)


@contract("delta[n,o] a[n,o]:unit -> dz[n,o]", alias="dz delta")
def sigmoid_grad(xp, delta, a):
    """dz = delta ⊙ a (1 − a)"""
    return delta * (a * (1 - a))


@contract("z[n,o] -> a[n,o]", alias="a z")
def tanh(xp, z):
    """a = tanh z"""
    return xp.tanh(z)


@contract("delta[n,o] a[n,o]:unit -> dz[n,o]", alias="dz delta")
def tanh_grad(xp, delta, a):
    """dz = delta ⊙ (1 − a²)"""
    return delta * (1 - a * a)


@contract("z[n,o] -> a[n,o]", alias="a z")
def arctan(xp, z):
    """a = arctan z"""
    return xp.atan(z)


@contract("delta[n,o] z[n,o] -> dz[n,o]", alias="dz delta")
def arctan_grad(xp, delta, z):
    """dz = delta / (1 + z²)"""
    return delta / (1 + z * z)


@contract("z[n,o] -> a[n,o]", alias="a z", smooth_away_from=0)
def relu(xp, z):
    """a = z where z > 0, else 0"""
    return xp.where(z <= 0, xp.zeros_like(z), z)  # this way round, NaN stays NaN


@contract("delta[n,o] a[n,o] -> dz[n,o]", alias="dz delta", smooth_away_from=0)
def relu_grad(xp, delta, a):
    """dz = delta ⊙ 1[a > 0]"""
    return xp.where(a <= 0, xp.zeros_like(delta), delta)


@contract("z[n,o] alpha:positive -> a[n,o]", alias="a z", smooth_away_from=0)
def leaky_relu(xp, z, alpha):
    """a = z where z > 0, else alpha z"""
    return xp.where(z > 0, z, alpha * z)


@contract("delta[n,o] a[n,o] alpha:positive -> dz[n,o]", alias="dz delta", smooth_away_from=0)
def leaky_relu_grad(xp, delta, a, alpha):
    """dz = delta ⊙ (1 where a > 0, else alpha)"""
    return xp.where(a > 0, delta, alpha * delta)


@contract("z[n,o] alpha:positive -> a[n,o]", alias="a z", smooth_away_from=0)
def elu(xp, z, alpha):
    """a = z where z > 0, else alpha (exp(z) − 1).  Clevert et al. (2016)."""
    return xp.where(z > 0, z, alpha * xp.expm1(xp.minimum(z, xp.zeros_like(z))))


@contract("delta[n,o] a[n,o] alpha:positive -> dz[n,o]", alias="dz delta", smooth_away_from=0)
def elu_grad(xp, delta, a, alpha):
    """dz = delta ⊙ (1 where a > 0, else a + alpha)"""
    return xp.where(a > 0, delta, delta * (a + alpha))


@contract("z[n,o] -> a[n,o]", alias="a z", smooth_away_from=0)
def selu(xp, z):
    """a = s z where z > 0, else s α (exp(z) − 1), s = 1.0507…, α = 1.6733…  Klambauer et al. (2017)."""
    return SELU_SCALE * xp.where(z > 0, z, SELU_ALPHA * xp.expm1(xp.minimum(z, xp.zeros_like(z))))


@contract("delta[n,o] a[n,o] -> dz[n,o]", alias="dz delta", smooth_away_from=0)
def selu_grad(xp, delta, a):
    """dz = delta ⊙ (s where a > 0, else a + s α)"""
    return xp.where(a > 0, delta * SELU_SCALE, delta * (a + SELU_SCALE * SELU_ALPHA))


@contract("z[n,o] -> a[n,o]", alias="a z")
def softplus(xp, z):
    """a = log(1 + exp z)"""
    return xp.maximum(z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))


@contract("delta[n,o] a[n,o]:positive -> dz[n,o]", alias="dz delta")
def softplus_grad(xp, delta, a):
    """dz = delta ⊙ σ(z), and σ(z) = 1 − exp(−a)"""
    return -delta * xp.expm1(-a)


@contract("z[n,o] -> a[n,o]", alias="a z")
def gelu(xp, z):
    """a = z Φ(z), Φ the normal distribution function.  Hendrycks & Gimpel (2016)."""
    return 0.5 * z * (1 + erf(xp, z / math.sqrt(2)))


@contract("delta[n,o] z[n,o] -> dz[n,o]", alias="dz delta")
def gelu_grad(xp, delta, z):
    """dz = delta ⊙ (Φ(z) + z φ(z))"""
    density = xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return delta * (0.5 * (1 + erf(xp, z / math.sqrt(2))) + z * density)


@contract("z[n,o] -> a[n,o]", alias="a z")
def gelu_tanh(xp, z):
    """a = ½ z (1 + tanh u), u = √(2/π) (z + 0.044715 z³)"""
    return 0.5 * z * (1 + xp.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)))


@contract("delta[n,o] z[n,o] -> dz[n,o]", alias="dz delta")
def gelu_tanh_grad(xp, delta, z):
    """dz = delta ⊙ (½ (1 + t) + ½ z (1 − t²) u'), t = tanh u, u' = √(2/π) (1 + 3·0.044715 z²)"""
    t = xp.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z))
    slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return delta * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * slope)


@contract("z[n,o] -> a[n,o]", alias="a z")
def silu(xp, z):
    """a = z σ(z)"""
    return z * logistic(xp, z)


@contract("delta[n,o] z[n,o] -> dz[n,o]", alias="dz delta")
def silu_grad(xp, delta, z):
    """dz = delta ⊙ σ(z) (1 + z (1 − σ(z)))"""
    s = logistic(xp, z)
    return delta * (s * (1 + z * (1 - s)))


@contract("z[n,o] -> a[n,o]", alias="a z")
def exponential(xp, z):
    """a = exp(z), the expected count of the Poisson loss; no layer uses it, so it has no gradient"""
    return xp.exp(z)


# The elementwise activations: their kernels share one loop per device, and each has fused kernels (fused.py).
ELEMENTWISE = (
    "identity", "binary_step", "sigmoid", "tanh", "arctan", "relu", "leaky_relu", "elu", "selu", "softplus", "gelu", "gelu_tanh", "silu",
)  # fmt: skip


@contract("z[n,o] alpha[1] -> a[n,o]", smooth_away_from=0)
def prelu(xp, z, alpha):
    """a = z where z > 0, else alpha z, with a learned alpha.  He et al. (2015)."""
    return xp.where(z > 0, z, alpha * z)


@contract(
    "delta[n,o] z[n,o] alpha[1] -> dz[n,o] dalpha[1]", alias="dz delta", wide="dalpha", smooth_away_from=0, tolerance=64
)
def prelu_grad(xp, delta, z, alpha):
    """dz = delta ⊙ (1 where z > 0, else alpha);  dalpha = Σ delta z over z <= 0"""
    dalpha = xp.sum(xp.where(z > 0, xp.zeros_like(z), delta * z))
    return xp.where(z > 0, delta, alpha * delta), xp.reshape(dalpha, (1,))


@contract("z[n,c] -> a[n,c]", alias="a z")
def softmax(xp, z):
    """a_i = exp(z_i) / Σ_j exp(z_j)"""
    if z.shape[1] == 0:
        return z
    e = xp.exp(z - xp.max(z, axis=1, keepdims=True))
    return e / xp.sum(e, axis=1, keepdims=True)


@contract("delta[n,c] a[n,c]:unit -> dz[n,c]", alias="dz delta", tolerance=64)
def softmax_grad(xp, delta, a):
    """dz_i = a_i (delta_i − Σ_j delta_j a_j), the Jacobian a_i (1[i=j] − a_j) applied to delta"""
    return a * (delta - xp.sum(delta * a, axis=1, keepdims=True))


def softmax_jacobian(xp, a):
    """J[n,i,j] = ∂a_i/∂z_j = a_i (1[i=j] − a_j) from a = softmax(z), a[n,c].  softmax_grad applies it without forming it."""
    c = a.shape[1]
    return a[:, :, None] * (xp.eye(c, dtype=a.dtype)[None, :, :] - a[:, None, :])
