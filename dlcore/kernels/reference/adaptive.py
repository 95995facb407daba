"""Updates that scale each coordinate by the size of its gradients.  updates.py describes the arguments.

The divisor is √v + ε as in the papers, or √(v + ε) if `inside`, as in the lectures.
"""

from ..contract import contract
from .updates import after_decay, applied


def _root(xp, v, epsilon, inside):
    return xp.sqrt(v + epsilon) if inside else xp.sqrt(v) + epsilon


def _moved(xp, theta, direction, root, control, decayed, new, old):
    """θ ← (1 − η·decay) θ − η direction / root, and the new slots"""
    theta_decayed = after_decay(xp, theta, control, decayed)
    return applied(xp, control, (theta_decayed - control[0] * direction / root, *new), (theta, *old))


def _correction(xp, beta, progress, ahead, dtype):
    """1 − βᵗ⁺ᵃʰᵉᵃᵈ, in float64: in float32 the first 1 − β₂ᵗ would have four digits"""
    t = xp.astype(xp.maximum(progress[3], xp.ones_like(progress[3])), xp.float64)
    return xp.astype(1 - beta ** (t + ahead), dtype)


@contract(
    "theta[p] grad[p] control[4]:positive decayed:count epsilon:positive inside:bits -> theta[p]",
    tolerance=64,
)
def normalized_gradient(xp, theta, grad, control, decayed, epsilon, inside):
    """v = g²;  θ ← (1 − η·decay) θ − η g / (√v + ε): steps of nearly η, whatever the size of g; 0 where g is 0"""
    g = control[1] * grad
    return _moved(xp, theta, g, _root(xp, g * g, epsilon, inside), control, decayed, (), ())[0]


@contract(
    "theta[p] grad[p] v[p]:positive control[4]:positive decayed:count epsilon:positive inside:bits -> theta[p] v[p]",
    tolerance=64,
)
def adagrad(xp, theta, grad, v, control, decayed, epsilon, inside):
    """v ← v + g²;  θ ← (1 − η·decay) θ − η g / (√v + ε).  Duchi, Hazan & Singer (2011)."""
    g = control[1] * grad
    v_new = v + g * g
    return _moved(xp, theta, g, _root(xp, v_new, epsilon, inside), control, decayed, (v_new,), (v,))


@contract(
    "theta[p] grad[p] v[p]:positive control[4]:positive decayed:count rho:unit epsilon:positive inside:bits "
    "-> theta[p] v[p]",
    tolerance=64,
)
def rmsprop(xp, theta, grad, v, control, decayed, rho, epsilon, inside):
    """v ← ρ v + (1 − ρ) g²;  θ ← (1 − η·decay) θ − η g / (√v + ε).  Hinton, lecture 6e of his course (2012)."""
    g = control[1] * grad
    v_new = rho * v + (1 - rho) * g * g
    return _moved(xp, theta, g, _root(xp, v_new, epsilon, inside), control, decayed, (v_new,), (v,))


@contract(
    "theta[p] grad[p] m[p] v[p]:positive control[4]:positive progress[4]:count decayed:count beta1:unit beta2:unit "
    "epsilon:positive inside:bits -> theta[p] m[p] v[p]",
    tolerance=64,
)
def adam(xp, theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  m̂ = m / (1 − β₁ᵗ);  v̂ = v / (1 − β₂ᵗ);

    θ ← (1 − η·decay) θ − η m̂ / (√v̂ + ε), or √(v̂ + ε) if `inside`.  Kingma & Ba (2015), Algorithm 1;
    with weight decay Loshchilov & Hutter (2019), in PyTorch's form.
    """
    g = control[1] * grad
    m_new = beta1 * m + (1 - beta1) * g
    v_new = beta2 * v + (1 - beta2) * g * g
    m_hat = m_new / _correction(xp, beta1, progress, 0, theta.dtype)
    v_hat = v_new / _correction(xp, beta2, progress, 0, theta.dtype)
    return _moved(xp, theta, m_hat, _root(xp, v_hat, epsilon, inside), control, decayed, (m_new, v_new), (m, v))


@contract(
    "theta[p] grad[p] m[p] v[p]:positive control[4]:positive progress[4]:count decayed:count beta1:unit beta2:unit "
    "epsilon:positive inside:bits -> theta[p] m[p] v[p]",
    tolerance=64,
)
def nadam(xp, theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside):
    """As adam, but with m̂ = β₁ m / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ): the m that the next gradient of the same size
    would make.  Dozat (2016), Algorithm 2 with a constant μ.
    """
    g = control[1] * grad
    m_new = beta1 * m + (1 - beta1) * g
    v_new = beta2 * v + (1 - beta2) * g * g
    m_hat = beta1 * m_new / _correction(xp, beta1, progress, 1, theta.dtype)
    m_hat = m_hat + (1 - beta1) * g / _correction(xp, beta1, progress, 0, theta.dtype)
    v_hat = v_new / _correction(xp, beta2, progress, 0, theta.dtype)
    return _moved(xp, theta, m_hat, _root(xp, v_hat, epsilon, inside), control, decayed, (m_new, v_new), (m, v))


@contract("theta[p] grad[p] m[p] control[4]:positive decayed:count beta1:unit beta2:unit -> theta[p] m[p]")
def lion(xp, theta, grad, m, control, decayed, beta1, beta2):
    """θ ← (1 − η·decay) θ − η sign(β₁ m + (1 − β₁) g);  m ← β₂ m + (1 − β₂) g.  Chen et al. (2023), Algorithm 2."""
    g = control[1] * grad
    direction = xp.sign(beta1 * m + (1 - beta1) * g)
    m_new = beta2 * m + (1 - beta2) * g
    return _moved(xp, theta, direction, 1.0, control, decayed, (m_new,), (m,))
