"""Products of a dense layer and their gradients.  Rows are samples: z = x W + b with W (fan_in, fan_out)."""

from ..contract import contract


@contract("x[n,i] W[i,o] b[o] -> z[n,o]", tolerance=64)
def dense(xp, x, W, b):
    """z = x W + b"""
    return x @ W + b


@contract("x[n,i] W[i,o] -> z[n,o]", tolerance=64)
def linear(xp, x, W):
    """z = x W, a dense layer without bias"""
    return x @ W


@contract("x[n,i] delta[n,o] -> dW[i,o]", wide="dW", tolerance=64)
def weight_grad(xp, x, delta):
    """dW = xᵀ delta.  The 1/n of the mean is already inside delta."""
    return x.T @ delta


@contract("delta[n,o] -> db[o]", wide="db", tolerance=64)
def bias_grad(xp, delta):
    """db = 1ᵀ delta, the column sums"""
    return xp.sum(delta, axis=0)


@contract("delta[n,o] W[i,o] -> dx[n,i]", tolerance=64)
def input_grad(xp, delta, W):
    """dx = delta Wᵀ"""
    return delta @ W.T


@contract("x[n,d] y[n,d] -> z[n,d]", alias="z x z y")
def add(xp, x, y):
    """z = x + y, the skip connection of a residual block"""
    return x + y
