"""Batch and layer normalization."""

import math

from .activations import begin
from .compiled import REDUCE, compiled
from .special import like
from .sums import BLOCK, add_part, clear, column_sums, part_of


@compiled(REDUCE, columns="x gamma beta z mu var")
def _batch_norm(lo, hi, x, gamma, beta, epsilon, z, mu, var):
    n, d = len(x), hi - lo
    count = max(n, 1)
    column_sums(lo, hi, x, mu)
    mu_j, var_j, gamma_j, beta_j = mu[lo:hi], var[lo:hi], gamma[lo:hi], beta[lo:hi]
    for j in range(d):
        mu_j[j] /= count
    part = part_of(var_j, n)
    clear(part, var_j)
    for start in range(0, n, BLOCK):
        for i in range(start, min(start + BLOCK, n)):
            x_i = x[i, lo:hi]
            for j in range(d):
                e = x_i[j] - mu_j[j]
                part[j] += e * e
        add_part(part, var_j, n)
    for j in range(d):
        var_j[j] /= count
    for i in range(n):
        x_i, z_i = x[i, lo:hi], z[i, lo:hi]
        for j in range(d):
            z_i[j] = gamma_j[j] * ((x_i[j] - mu_j[j]) / math.sqrt(var_j[j] + like(x_i[j], epsilon))) + beta_j[j]


def batch_norm(x, gamma, beta, epsilon, *, out):
    _batch_norm(x, gamma, beta, epsilon, *out)


@compiled(REDUCE, columns="delta x gamma mu var dx dgamma dbeta")
def _batch_norm_grad(lo, hi, delta, x, gamma, mu, var, epsilon, dx, dgamma, dbeta):
    n, d = len(x), hi - lo
    gamma_j, mu_j, var_j, dgamma_j, dbeta_j = gamma[lo:hi], mu[lo:hi], var[lo:hi], dgamma[lo:hi], dbeta[lo:hi]
    part, shift = part_of(dgamma_j, n), part_of(dbeta_j, n)
    clear(part, dgamma_j)
    clear(shift, dbeta_j)
    for start in range(0, n, BLOCK):
        for i in range(start, min(start + BLOCK, n)):
            delta_i, x_i = delta[i, lo:hi], x[i, lo:hi]
            for j in range(d):
                shift[j] += delta_i[j]
                part[j] += delta_i[j] * ((x_i[j] - mu_j[j]) / math.sqrt(var_j[j] + like(x_i[j], epsilon)))
        add_part(part, dgamma_j, n)
        add_part(shift, dbeta_j, n)
    for i in range(n):
        x_i, dx_i = x[i, lo:hi], dx[i, lo:hi]
        begin(delta[i, lo:hi], dx_i)
        for j in range(d):
            rstd = like(x_i[j], 1) / math.sqrt(var_j[j] + like(x_i[j], epsilon))
            share = like(x_i[j], 1.0 / n)
            hat = (x_i[j] - mu_j[j]) * rstd
            dx_i[j] = gamma_j[j] * rstd * (dx_i[j] - share * dbeta_j[j] - hat * (share * dgamma_j[j]))


def batch_norm_grad(delta, x, gamma, mu, var, epsilon, *, out):
    _batch_norm_grad(delta, x, gamma, mu, var, epsilon, *out)


@compiled(columns="mu var mean variance")
def _running_statistics(lo, hi, mu, var, mean, variance, control, rows, momentum):
    if control[1] > 0:
        mu, var, mean, variance = mu[lo:hi], var[lo:hi], mean[lo:hi], variance[lo:hi]
        unbiased = rows / max(rows - 1, 1)
        for j in range(mean.size):
            mean[j] = (1.0 - momentum) * mean[j] + momentum * mu[j]
            variance[j] = (1.0 - momentum) * variance[j] + (momentum * unbiased) * var[j]


def running_statistics(mu, var, mean, variance, control, rows, momentum, *, out):
    _running_statistics(mu, var, mean, variance, control, rows, momentum)


@compiled(columns="x gamma beta mean variance z")
def _batch_norm_predict(lo, hi, x, gamma, beta, mean, variance, epsilon, z):
    gamma_j, beta_j, mu_j, var_j = gamma[lo:hi], beta[lo:hi], mean[lo:hi], variance[lo:hi]
    for i in range(len(x)):
        z_i = z[i, lo:hi]
        begin(x[i, lo:hi], z_i)
        for j in range(hi - lo):
            z_i[j] = gamma_j[j] * ((z_i[j] - mu_j[j]) / math.sqrt(var_j[j] + like(z_i[j], epsilon))) + beta_j[j]


def batch_norm_predict(x, gamma, beta, mean, variance, epsilon, *, out):
    _batch_norm_predict(x, gamma, beta, mean, variance, epsilon, out)


@compiled(REDUCE, rows="x z mu rstd")
def _layer_norm(lo, hi, x, gamma, beta, epsilon, z, mu, rstd):
    d = x.shape[1]
    for i in range(lo, hi):
        x_i, z_i = x[i], z[i]
        total = 0.0
        for j in range(d):
            total += x_i[j]
        mean = like(mu[i], total / max(d, 1))
        square = 0.0
        for j in range(d):
            e = x_i[j] - mean
            square += e * e
        r = like(mean, 1.0 / math.sqrt(square / max(d, 1) + epsilon))
        mu[i], rstd[i] = mean, r
        for j in range(d):
            z_i[j] = gamma[j] * ((x_i[j] - mean) * r) + beta[j]


def layer_norm(x, gamma, beta, epsilon, *, out):
    _layer_norm(x, gamma, beta, epsilon, *out)


@compiled(REDUCE, rows="delta x mu rstd dx")
def _layer_norm_grad(lo, hi, delta, x, gamma, mu, rstd, dx):
    d = x.shape[1]
    for i in range(lo, hi):
        x_i, dx_i, mean, r = x[i], dx[i], mu[i], rstd[i]
        begin(delta[i], dx_i)
        e_sum, e_hat = 0.0, 0.0
        for j in range(d):
            e = dx_i[j] * gamma[j]
            e_sum += e
            e_hat += e * ((x_i[j] - mean) * r)
        level, slope = like(mean, e_sum / max(d, 1)), like(mean, e_hat / max(d, 1))
        for j in range(d):
            dx_i[j] = r * (dx_i[j] * gamma[j] - level - (x_i[j] - mean) * r * slope)


@compiled(REDUCE, columns="delta x dgamma dbeta")
def _layer_norm_parameters_grad(lo, hi, delta, x, mu, rstd, dgamma, dbeta):
    n = len(x)
    dgamma_j, dbeta_j = dgamma[lo:hi], dbeta[lo:hi]
    part, shift = part_of(dgamma_j, n), part_of(dbeta_j, n)
    clear(part, dgamma_j)
    clear(shift, dbeta_j)
    for start in range(0, n, BLOCK):
        for i in range(start, min(start + BLOCK, n)):
            delta_i, x_i = delta[i, lo:hi], x[i, lo:hi]
            for j in range(hi - lo):
                part[j] += delta_i[j] * ((x_i[j] - mu[i]) * rstd[i])
                shift[j] += delta_i[j]
        add_part(part, dgamma_j, n)
        add_part(shift, dbeta_j, n)


def layer_norm_grad(delta, x, gamma, mu, rstd, *, out):
    dx, dgamma, dbeta = out
    _layer_norm_parameters_grad(delta, x, mu, rstd, dgamma, dbeta)
    _layer_norm_grad(delta, x, gamma, mu, rstd, dx)


KERNELS = {
    f.__name__: f
    for f in (batch_norm, batch_norm_grad, batch_norm_predict, layer_norm, layer_norm_grad, running_statistics)
}
