// Kernels of a Dense layer beside its products (gemm.py).
#include "reduce.cuh"

// z may be x or y
KERNEL(add, const Stored *x, const Stored *y, Stored *z, i64 size) {
  for (EACH(i, size)) store(z, i, load(x, i) + load(y, i));
}

KERNEL(column_sums, const Stored *x, Real *sums, Real *parts, int *tickets, i64 rows, int columns) {
  __shared__ Scratch s;
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Real sum = 0, total;
  if (j < columns)
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y)
      sum += load(x, i * columns + j);
  if (column_sum(sum, j, columns, parts, tickets, s, total)) sums[j] = total;
}
