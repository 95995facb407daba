// Losses: value and delta in one pass, with the bias of the output layer if there is one (b may be null, delta may be z).
// Delta is multiplied by the first number of `scaling`, which may be null, before it is rounded.
//
// Every block computes the sum of the weights for itself, so that delta can be divided by it in the same pass.
#include "formulas.cuh"
#include "reduce.cuh"

FORMULA Real weight_of(const Real *w, i64 rows, Scratch &s) {
  Real sum = 0;
  for (i64 i = thread(); i < rows; i += THREADS) sum += w[i];
  return block_sum(sum, s);
}

FORMULA void finish(Real sum, Real weight, Real *loss, Real *parts, int *ticket, Scratch &s) {
  Real total;
  if (grid_sum(sum, parts, ticket, s, total) && thread() == 0) {
    loss[0] = total;
    loss[1] = weight;
  }
}

// -- losses that are sums over the outputs ---------------------------------------------------------------------------

#define LOSS(name, value, gradient)                                                                                    \
  struct name##_formula {                                                                                              \
    static FORMULA Real of(Real z, Real y, Real threshold) { return value; }                                           \
    static FORMULA Real delta(Real z, Real y, Real threshold) { return gradient; }                                     \
  };                                                                                                                   \
  KERNEL(name, const Stored *z, const Stored *b, const Real *y, const Real *w, Real *loss, Stored *delta,              \
         const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, double threshold) {                     \
    __shared__ Scratch s;                                                                                              \
    entries<name##_formula>(z, b, y, w, loss, delta, scaling, parts, ticket, rows, columns, (Real)threshold, s);       \
  }

// A row without weight has loss and delta 0, whatever it holds.
template <class L>
FORMULA void entries(const Stored *z, const Stored *b, const Real *y, const Real *w, Real *loss, Stored *delta,
                     const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, Real threshold, Scratch &s) {
  const Real weight = weight_of(w, rows, s), per_weight = weight > 0 ? 1 / weight : Real(0);
  const Real factor = scaling ? scaling[0] : Real(1);
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Real sum = 0;
  if (j < columns)
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
      const i64 at = i * columns + j;
      const Real t = load(z, at) + (b ? load(b, j) : Real(0)), target = y[at], share = w[i] * per_weight;
      if (share > 0) sum += share * L::of(t, target, threshold);
      store(delta, at, share > 0 ? factor * (share * L::delta(t, target, threshold)) : Real(0));
    }
  finish(sum, weight, loss, parts, ticket, s);
}

FORMULA Real margin(Real z, Real y) { return 1 - (2 * y - 1) * z; } // what z is short of, for the class 2 y - 1

LOSS(squared_error, Real(0.5) * (z - y) * (z - y), z - y)
LOSS(huber, fabs(z - y) > threshold ? threshold * (fabs(z - y) - Real(0.5) * threshold) : Real(0.5) * (z - y) * (z - y),
     z - y > threshold ? threshold : z - y < -threshold ? -threshold : z - y)
LOSS(poisson, exp(z) - y * z, exp(z) - y)
LOSS(hinge, margin(z, y) <= 0 ? Real(0) : margin(z, y), margin(z, y) > 0 ? 1 - 2 * y : Real(0))
LOSS(perceptron, (Real(z >= 0) - y) * z, Real(z >= 0) - y)
LOSS(binary_cross_entropy, (z <= 0 ? Real(0) : z) - z * y + log1p(exp(-fabs(z))), logistic(z) - y)

// -- softmax cross-entropy -------------------------------------------------------------------------------------------

// q of a row: one-hot by class index, or given; keep and shift are 1 - s and s/c for the label smoothing s.
struct Index {
  const i64 *y;
  Real keep, shift, both; // both = keep + shift, rounded once: of a single class no delta may remain
  FORMULA Real of(i64 i, int j, int columns) const { return j == y[i] ? both : shift; }
};
struct Given {
  const Real *y;
  Real keep, shift;
  FORMULA Real of(i64 i, int j, int columns) const { return keep * y[i * columns + j] + shift; }
};

// L = mass log(total) - dot,  delta = mass a - q;  the row belongs to a warp or to the block.
template <int GROUP, class Targets>
FORMULA void cross_entropy(const Stored *z, const Stored *b, Targets q, const Real *w, Real *loss, Stored *delta,
                           const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  const Real factor = scaling ? scaling[0] : Real(1);
  const Real weight = weight_of(w, rows, s), per_weight = weight > 0 ? 1 / weight : Real(0);
  Real sum = 0;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    const i64 row = i * columns;
    Real top = minus_infinity(), total = 0, mass = 0, dot = 0;
    for (int j = me; j < columns; j += GROUP) {
      const Real t = load(z, row + j) + (b ? load(b, j) : Real(0));
      top = t > top ? t : top;
    }
    top = group_max<GROUP>(top, s);
    for (int j = me; j < columns; j += GROUP) {
      const Real t = load(z, row + j) + (b ? load(b, j) : Real(0)) - top, part = q.of(i, j, columns);
      total += exp(t);
      mass += part;
      if (part != 0) dot += part * t; // 0 * infinity would be NaN
    }
    total = group_sum<GROUP>(total, s), mass = group_sum<GROUP>(mass, s), dot = group_sum<GROUP>(dot, s);
    const Real share = w[i] * per_weight, scale = mass / total;
    if (share > 0 && me == 0 && columns) sum += share * (log(total) * mass - dot);
    for (int j = me; j < columns; j += GROUP) {
      const Real t = load(z, row + j) + (b ? load(b, j) : Real(0)) - top;
      store(delta, row + j, share > 0 ? factor * (share * (exp(t) * scale - q.of(i, j, columns))) : Real(0));
    }
  }
  finish(sum, weight, loss, parts, ticket, s);
}

#define CROSS_ENTROPY(group)                                                                                           \
  KERNEL(softmax_cross_entropy_##group, const Stored *z, const Stored *b, const i64 *y, const Real *w, Real *loss,     \
         Stored *delta, const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, double keep,             \
         double shift) {                                                                                               \
    __shared__ Scratch s;                                                                                              \
    const Index q = {y, (Real)keep, (Real)shift, (Real)(keep + shift)};                                                \
    cross_entropy<group>(z, b, q, w, loss, delta, scaling, parts, ticket, rows, columns, s);                           \
  }                                                                                                                    \
  KERNEL(softmax_cross_entropy_dense_##group, const Stored *z, const Stored *b, const Real *y, const Real *w,          \
         Real *loss, Stored *delta, const Real *scaling, Real *parts, int *ticket, i64 rows, int columns,              \
         double keep, double shift) {                                                                                  \
    __shared__ Scratch s;                                                                                              \
    const Given q = {y, (Real)keep, (Real)shift};                                                                      \
    cross_entropy<group>(z, b, q, w, loss, delta, scaling, parts, ticket, rows, columns, s);                           \
  }

CROSS_ENTROPY(32)
CROSS_ENTROPY(256)
