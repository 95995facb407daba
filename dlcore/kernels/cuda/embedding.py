"""Embeddings: rows of tables to and from the columns of a batch."""

import numpy as np

from .launch import THREADS, Shape, dtype_of, flat


def _launch(device, kernel, entries, x, width, size, *arrays):
    rows, columns = x.shape
    shape = Shape((min(flat(entries).grid[0], 64), min(columns + 1, 65535)), (THREADS,))
    sizes = np.int64(rows), np.int32(columns), np.int64(size), np.int64(width)
    device.launch("embedding", kernel, dtype_of(x), shape, *arrays, *sizes)


def embedding(device, x, categories, dimensions, E, z, *, out):
    _launch(device, "embedding", z.size, x, z.shape[1], E.size, x, categories, dimensions, E, out)


def embedding_grad(device, delta, x, categories, dimensions, dE, *, out):
    _launch(device, "embedding_grad", dE.size, x, delta.shape[1], dE.size, delta, x, categories, dimensions, out)


KERNELS = {"embedding": embedding, "embedding_grad": embedding_grad}
