"""The training step as data: recorded calls on named buffers, fused, bound to arrays.  No mathematics, no epochs."""
