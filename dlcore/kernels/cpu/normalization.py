"""Batch and layer normalization."""

import numpy as np

from .compiled import REDUCE, compiled
from .special import like
from .sums import BLOCK, add_part, column_sums, part_of


@compiled(REDUCE)
def _batch_norm(x, gamma, beta, epsilon, z, mu, var):
    n, d = x.shape
    count = max(n, 1)
    column_sums(x, mu)
    for j in range(d):
        mu[j] /= count
    part = part_of(var, n)
    for start in range(0, n, BLOCK):
        block = x[start : start + BLOCK]
        for i in range(block.shape[0]):
            for j in range(d):
                e = block[i, j] - mu[j]
                part[j] += e * e
        add_part(part, var, n)
    for j in range(d):
        var[j] /= count
    for i in range(n):
        for j in range(d):
            z[i, j] = gamma[j] * ((x[i, j] - mu[j]) / np.sqrt(var[j] + like(x[i, j], epsilon))) + beta[j]


def batch_norm(x, gamma, beta, epsilon, *, out):
    _batch_norm(x, gamma, beta, epsilon, *out)


@compiled(REDUCE)
def _batch_norm_grad(delta, x, gamma, mu, var, epsilon, dx, dgamma, dbeta):
    n, d = x.shape
    for j in range(d):
        dgamma[j], dbeta[j] = 0, 0
    for i in range(n):
        for j in range(d):
            dbeta[j] += delta[i, j]
            dgamma[j] += delta[i, j] * ((x[i, j] - mu[j]) / np.sqrt(var[j] + like(x[i, j], epsilon)))
    for i in range(n):
        for j in range(d):
            rstd = like(x[i, j], 1) / np.sqrt(var[j] + like(x[i, j], epsilon))
            share = like(x[i, j], 1.0 / n)
            hat = (x[i, j] - mu[j]) * rstd
            dx[i, j] = gamma[j] * rstd * (delta[i, j] - share * dbeta[j] - hat * (share * dgamma[j]))


def batch_norm_grad(delta, x, gamma, mu, var, epsilon, *, out):
    _batch_norm_grad(delta, x, gamma, mu, var, epsilon, *out)


@compiled()
def _running_statistics(mu, var, mean, variance, control, rows, momentum):
    if control[1] > 0:
        unbiased = rows / max(rows - 1, 1)
        for j in range(mean.size):
            mean[j] = (1.0 - momentum) * mean[j] + momentum * mu[j]
            variance[j] = (1.0 - momentum) * variance[j] + (momentum * unbiased) * var[j]


def running_statistics(mu, var, mean, variance, control, rows, momentum, *, out):
    _running_statistics(mu, var, mean, variance, control, rows, momentum)


@compiled()
def _batch_norm_predict(x, gamma, beta, mean, variance, epsilon, z):
    n, d = x.shape
    for i in range(n):
        for j in range(d):
            z[i, j] = gamma[j] * ((x[i, j] - mean[j]) / np.sqrt(variance[j] + like(x[i, j], epsilon))) + beta[j]


def batch_norm_predict(x, gamma, beta, mean, variance, epsilon, *, out):
    _batch_norm_predict(x, gamma, beta, mean, variance, epsilon, out)


@compiled(REDUCE)
def _layer_norm(x, gamma, beta, epsilon, z, mu, rstd):
    n, d = x.shape
    for i in range(n):
        total = 0.0
        for j in range(d):
            total += x[i, j]
        mu[i] = total / max(d, 1)
        square = 0.0
        for j in range(d):
            e = x[i, j] - mu[i]
            square += e * e
        rstd[i] = 1.0 / np.sqrt(square / max(d, 1) + epsilon)
        for j in range(d):
            z[i, j] = gamma[j] * ((x[i, j] - mu[i]) * rstd[i]) + beta[j]


def layer_norm(x, gamma, beta, epsilon, *, out):
    _layer_norm(x, gamma, beta, epsilon, *out)


@compiled(REDUCE)
def _layer_norm_grad(delta, x, gamma, mu, rstd, dx, dgamma, dbeta):
    n, d = x.shape
    for j in range(d):
        dgamma[j], dbeta[j] = 0, 0
    for i in range(n):
        e_sum, e_hat = 0.0, 0.0
        for j in range(d):
            hat = (x[i, j] - mu[i]) * rstd[i]
            e = delta[i, j] * gamma[j]
            e_sum += e
            e_hat += e * hat
            dgamma[j] += delta[i, j] * hat
            dbeta[j] += delta[i, j]
        mean, slope = like(mu[i], e_sum / max(d, 1)), like(mu[i], e_hat / max(d, 1))
        for j in range(d):
            hat = (x[i, j] - mu[i]) * rstd[i]
            dx[i, j] = rstd[i] * (delta[i, j] * gamma[j] - mean - hat * slope)


def layer_norm_grad(delta, x, gamma, mu, rstd, *, out):
    _layer_norm_grad(delta, x, gamma, mu, rstd, *out)


KERNELS = {
    f.__name__: f
    for f in (batch_norm, batch_norm_grad, batch_norm_predict, layer_norm, layer_norm_grad, running_statistics)
}
