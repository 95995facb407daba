"""Products with the weights and their gradients, and the sums that go with them."""

from .activations import FORWARD, begin
from .compiled import compiled
from .products import product
from .sums import column_sums

_add_bias = FORWARD["identity"]


def dense(x, W, b, *, out):
    product(x, W, out=out)
    _add_bias(out, b, out)


def linear(x, W, *, out):
    product(x, W, out=out)


def weight_grad(x, delta, *, out):
    product(x.T, delta, out=out)


@compiled(columns="delta db")
def _bias_grad(lo, hi, delta, db):
    column_sums(lo, hi, delta, db)


def bias_grad(delta, *, out):
    _bias_grad(delta, out)


def dense_grad(x, delta, *, out):
    dW, db = out
    product(x.T, delta, out=dW)
    _bias_grad(delta, db)


def input_grad(delta, W, *, out):
    product(delta, W.T, out=out)


@compiled(columns="x y z")
def _add(lo, hi, x, y, z):
    for i in range(len(x)):
        x_i, y_i, z_i = x[i, lo:hi], y[i, lo:hi], z[i, lo:hi]
        if y_i.ctypes.data == z_i.ctypes.data:
            x_i, y_i = y_i, x_i
        begin(x_i, z_i)
        for j in range(hi - lo):
            z_i[j] += y_i[j]


def add(x, y, *, out):
    _add(x, y, out)


KERNELS = {f.__name__: f for f in (dense, linear, weight_grad, bias_grad, dense_grad, input_grad, add)}
