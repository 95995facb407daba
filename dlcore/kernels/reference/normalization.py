"""Batch and layer normalization.  Conventions are PyTorch's."""

from ..contract import contract


@contract("x[n,d] gamma[d] beta[d] epsilon:positive -> z[n,d] mu[d] var[d]", wide="mu var", tolerance=256)
def batch_norm(xp, x, gamma, beta, epsilon):
    """z = gamma x̂ + beta,  x̂ = (x − mu) / √(var + ε),  mean mu and variance var over the rows.  Ioffe & Szegedy (2015)."""
    n = max(x.shape[0], 1)
    mu = xp.sum(x, axis=0) / n
    var = xp.sum((x - mu) ** 2, axis=0) / n
    return gamma * ((x - mu) / xp.sqrt(var + epsilon)) + beta, mu, var


@contract(
    "delta[n,d] x[n,d] gamma[d] mu[d] var[d]:positive epsilon:positive -> dx[n,d] dgamma[d] dbeta[d]",
    alias="dx delta",
    wide="mu var dgamma dbeta",
    tolerance=256,
)
def batch_norm_grad(xp, delta, x, gamma, mu, var, epsilon):
    """dbeta = 1ᵀ delta;  dgamma = Σ delta ⊙ x̂;  dx = gamma (delta − dbeta/n − x̂ dgamma/n) / √(var + ε)"""
    n = max(x.shape[0], 1)
    rstd = 1 / xp.sqrt(var + epsilon)
    hat = (x - mu) * rstd
    dbeta, dgamma = xp.sum(delta, axis=0), xp.sum(delta * hat, axis=0)
    return gamma * rstd * (delta - dbeta / n - hat * (dgamma / n)), dgamma, dbeta


@contract(
    "mu[d] var[d]:positive mean[d] variance[d]:positive control[4]:positive rows:count momentum:unit -> mean[d] variance[d]",
    wide="mu var mean variance control",
)
def running_statistics(xp, mu, var, mean, variance, control, rows, momentum):
    """mean ← (1 − momentum) mean + momentum mu;  variance likewise, with the unbiased n/(n−1) var.

    Part of the update: if it is skipped (scale 0 in control), both stay as they are.
    """
    unbiased = rows / max(rows - 1, 1)
    new_mean = (1 - momentum) * mean + momentum * mu
    new_variance = (1 - momentum) * variance + (momentum * unbiased) * var
    return xp.where(control[1] > 0, new_mean, mean), xp.where(control[1] > 0, new_variance, variance)


@contract(
    "x[n,d] gamma[d] beta[d] mean[d] variance[d]:positive epsilon:positive -> z[n,d]", alias="z x", wide="mean variance"
)
def batch_norm_predict(xp, x, gamma, beta, mean, variance, epsilon):
    """z = gamma (x − mean) / √(variance + ε) + beta"""
    return gamma * ((x - mean) / xp.sqrt(variance + epsilon)) + beta


@contract("x[n,d] gamma[d] beta[d] epsilon:positive -> z[n,d] mu[n] rstd[n]", wide="mu rstd", tolerance=256)
def layer_norm(xp, x, gamma, beta, epsilon):
    """z = gamma (x − mu) rstd + beta,  mu and rstd = 1/√(var + ε) over the columns of each row.  Ba et al. (2016)."""
    d = max(x.shape[1], 1)
    mu = xp.sum(x, axis=1) / d
    rstd = 1 / xp.sqrt(xp.sum((x - mu[:, None]) ** 2, axis=1) / d + epsilon)
    return gamma * ((x - mu[:, None]) * rstd[:, None]) + beta, mu, rstd


@contract(
    "delta[n,d] x[n,d] gamma[d] mu[n] rstd[n]:positive -> dx[n,d] dgamma[d] dbeta[d]",
    alias="dx delta",
    wide="mu rstd dgamma dbeta",
    tolerance=256,
)
def layer_norm_grad(xp, delta, x, gamma, mu, rstd):
    """As batch_norm_grad with the means over columns: dx = rstd (e − mean(e) − x̂ mean(e x̂)),  e = delta ⊙ gamma"""
    d = max(x.shape[1], 1)
    hat = (x - mu[:, None]) * rstd[:, None]
    e = delta * gamma
    e_mean, e_hat = xp.sum(e, axis=1, keepdims=True) / d, xp.sum(e * hat, axis=1, keepdims=True) / d
    return rstd[:, None] * (e - e_mean - hat * e_hat), xp.sum(delta * hat, axis=0), xp.sum(delta, axis=0)
