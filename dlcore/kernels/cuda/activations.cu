// Activations: one loop per direction, instantiated with the formula of each activation.
//
// The forward loop also adds the bias of the Dense layer before it, and the backward loop also sums the gradient of that bias:
// one pass over the data.  b, kept and db may be null.
#include "formulas.cuh"
#include "reduce.cuh"

// a = g(z + b); kept = z + b, where the gradient reads it.  kept or a may be z.
template <class G>
FORMULA void forward(const Stored *z, const Stored *b, Stored *kept, Stored *a, i64 rows, int columns, Real alpha) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j >= columns) return;
  const Real bias = b ? load(b, j) : Real(0);
#pragma unroll 1 // a thread has few rows, and formulas are long
  for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
    const i64 at = i * columns + j;
    Real t = load(z, at);
    if (b) t += bias;
    if (kept) store(kept, at, t);
    store(a, at, G::of(t, alpha));
  }
}

// dz = delta g', db = column sums of dz; dz may be delta.
template <class G>
FORMULA void backward(const Stored *delta, const Stored *kept, Stored *dz, Real *db, Real *parts, int *tickets, i64 rows,
                      int columns, Real alpha, Scratch &s) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Real sum = 0, total;
  if (j < columns)
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
      const i64 at = i * columns + j;
      const Real t = G::of(load(delta, at), load(kept, at), alpha);
      store(dz, at, t);
      sum += t;
    }
  if (db && column_sum(sum, j, columns, parts, tickets, s, total)) db[j] = total;
}

#define FORWARD(name)                                                                                                  \
  KERNEL(name##_forward, const Stored *z, const Stored *b, Stored *kept, Stored *a, i64 rows, int columns,             \
         double alpha) {                                                                                               \
    forward<name##_formula>(z, b, kept, a, rows, columns, (Real)alpha);                                                \
  }
#define LOOPS(name)                                                                                                    \
  FORWARD(name)                                                                                                        \
  KERNEL(name##_backward, const Stored *delta, const Stored *kept, Stored *dz, Real *db, Real *parts, int *tickets,    \
         i64 rows, int columns, double alpha) {                                                                        \
    __shared__ Scratch s;                                                                                              \
    backward<name##_grad_formula>(delta, kept, dz, db, parts, tickets, rows, columns, (Real)alpha, s);                 \
  }

LOOPS(identity)
LOOPS(binary_step)
LOOPS(sigmoid)
LOOPS(tanh)
LOOPS(arctan)
LOOPS(relu)
LOOPS(leaky_relu)
LOOPS(elu)
LOOPS(selu)
LOOPS(softplus)
LOOPS(gelu)
LOOPS(gelu_tanh)
LOOPS(silu)
FORWARD(exponential)

// z <- relu(z + b), and a bit for each entry: 1 where it is positive.  A thread computes the eight entries of a byte.
KERNEL(relu_with_mask, Stored *z, const Stored *b, u8 *mask, i64 rows, int columns, int width, int stride) {
  for (EACH(k, rows * width)) {
    const i64 i = k / width;
    const int byte = (int)(k % width);
    u32 bits = 0;
    for (int j = 8 * byte; j < 8 * byte + 8 && j < columns; ++j) {
      const Real t = load(z, i * columns + j) + load(b, j);
      bits |= (u32)(t > 0) << (j % 8);
      store(z, i * columns + j, relu_formula::of(t, 0));
    }
    mask[i * stride + byte] = (u8)bits;
  }
}

KERNEL(prelu, const Stored *z, const Stored *alpha, Stored *a, i64 size) {
  const Real slope = load(alpha, 0);
  for (EACH(i, size)) {
    const Real t = load(z, i);
    store(a, i, t > 0 ? t : slope * t);
  }
}

// dz may be delta
KERNEL(prelu_grad, const Stored *delta, const Stored *z, const Stored *alpha, Stored *dz, Real *dalpha, Real *parts,
       int *ticket, i64 size) {
  __shared__ Scratch s;
  const Real slope = load(alpha, 0);
  Real sum = 0, total;
  for (EACH(i, size)) {
    const Real d = load(delta, i), t = load(z, i);
    if (!(t > 0)) sum += d * t;
    store(dz, i, t > 0 ? d : slope * d);
  }
  if (grid_sum(sum, parts, ticket, s, total) && threadIdx.x == 0) dalpha[0] = total;
}

// One warp or one block per row; a may be z, and dz delta.
template <int GROUP> FORMULA void softmax_rows(const Stored *z, Stored *a, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    Real top = minus_infinity(), total = 0;
    for (int j = me; j < columns; j += GROUP) {
      const Real t = load(z, i * columns + j);
      top = t > top ? t : top;
    }
    top = group_max<GROUP>(top, s);
    for (int j = me; j < columns; j += GROUP) total += exp(load(z, i * columns + j) - top);
    total = group_sum<GROUP>(total, s);
    for (int j = me; j < columns; j += GROUP) store(a, i * columns + j, exp(load(z, i * columns + j) - top) / total);
  }
}

template <int GROUP>
FORMULA void softmax_grad_rows(const Stored *delta, const Stored *a, Stored *dz, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    Real dot = 0;
    for (int j = me; j < columns; j += GROUP) dot += load(delta, i * columns + j) * load(a, i * columns + j);
    dot = group_sum<GROUP>(dot, s);
    for (int j = me; j < columns; j += GROUP) {
      const i64 at = i * columns + j;
      store(dz, at, load(a, at) * (load(delta, at) - dot));
    }
  }
}

#define ROWS(group)                                                                                                    \
  KERNEL(softmax_##group, const Stored *z, Stored *a, i64 rows, int columns) {                                         \
    __shared__ Scratch s;                                                                                              \
    softmax_rows<group>(z, a, rows, columns, s);                                                                       \
  }                                                                                                                    \
  KERNEL(softmax_grad_##group, const Stored *delta, const Stored *a, Stored *dz, i64 rows, int columns) {              \
    __shared__ Scratch s;                                                                                              \
    softmax_grad_rows<group>(delta, a, dz, rows, columns, s);                                                          \
  }

ROWS(32)
ROWS(256)
