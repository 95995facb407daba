// Losses: value and delta in one pass, with the bias of the output layer if there is one (b may be null, delta may be z).
// Delta is multiplied by the first number of `scaling`, which may be null, before it is rounded.
//
// Every block sums all weights itself, so that delta can be divided by the sum in the same pass.
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

// The sum of the weights of the rows predicted right, besides what `finish` writes, with its own parts and ticket.
FORMULA void finish_count(Real right, Real *loss, Real *parts, int *tickets, Scratch &s) {
  Real total;
  if (grid_sum(right, parts + gridDim.x * gridDim.y, tickets + 1, s, total) && thread() == 0) loss[2] = total;
}

// -- losses that are sums over independent outputs -------------------------------------------------------------------

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

FORMULA Real margin(Real z, Real y) { return 1 - (2 * y - 1) * z; } // positive where z is inside the margin of class 2 y - 1

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
  Real keep, shift, both; // both = keep + shift, rounded once: with a single class delta must be exactly 0
  FORMULA Real of(i64 i, int j, int columns) const { return j == y[i] ? both : shift; }
  template <int GROUP> FORMULA int label(i64 i, int columns, int me, Scratch &s) const { return (int)y[i]; }
};
struct Given {
  const Real *y;
  Real keep, shift;
  FORMULA Real of(i64 i, int j, int columns) const { return keep * y[i * columns + j] + shift; }
  template <int GROUP> FORMULA int label(i64 i, int columns, int me, Scratch &s) const {
    const Real *row = y + i * columns;
    return group_argmax<GROUP>([=](int j) { return row[j]; }, columns, me, s);
  }
};

// L = mass log(total) - dot,  delta = mass a - q;  one warp or one block per row.  COUNTED: also loss[2].
template <int GROUP, bool COUNTED, class Targets>
FORMULA void cross_entropy(const Stored *z, const Stored *b, Targets q, const Real *w, Real *loss, Stored *delta,
                           const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  const Real factor = scaling ? scaling[0] : Real(1);
  const Real weight = weight_of(w, rows, s), per_weight = weight > 0 ? 1 / weight : Real(0);
  Real sum = 0, right = 0;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    const i64 row = i * columns;
    Real top = minus_infinity(), total = 0, mass = 0, dot = 0;
    for (int j = me; j < columns; j += GROUP) {
      const Real t = load(z, row + j) + (b ? load(b, j) : Real(0));
      top = t > top ? t : top;
    }
    top = group_max<GROUP>(top, s);
    if (COUNTED) {
      const int guess = group_argmax<GROUP>([=](int j) { return load(z, row + j); }, columns, me, s);
      const int label = q.template label<GROUP>(i, columns, me, s);
      if (me == 0 && guess == label) right += w[i];
    }
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
  if (COUNTED) finish_count(right, loss, parts, ticket, s);
}

#define CROSS_ENTROPY(group, counted, COUNTED)                                                                         \
  KERNEL(softmax_cross_entropy##counted##group, const Stored *z, const Stored *b, const i64 *y, const Real *w,         \
         Real *loss, Stored *delta, const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, double keep, \
         double shift) {                                                                                               \
    __shared__ Scratch s;                                                                                              \
    const Index q = {y, (Real)keep, (Real)shift, (Real)(keep + shift)};                                                \
    cross_entropy<group, COUNTED>(z, b, q, w, loss, delta, scaling, parts, ticket, rows, columns, s);                  \
  }                                                                                                                    \
  KERNEL(softmax_cross_entropy_dense##counted##group, const Stored *z, const Stored *b, const Real *y, const Real *w,  \
         Real *loss, Stored *delta, const Real *scaling, Real *parts, int *ticket, i64 rows, int columns, double keep, \
         double shift) {                                                                                               \
    __shared__ Scratch s;                                                                                              \
    const Given q = {y, (Real)keep, (Real)shift};                                                                      \
    cross_entropy<group, COUNTED>(z, b, q, w, loss, delta, scaling, parts, ticket, rows, columns, s);                  \
  }

CROSS_ENTROPY(32, _, false)
CROSS_ENTROPY(256, _, false)
CROSS_ENTROPY(32, _counted_, true) // without b
CROSS_ENTROPY(256, _counted_, true)

// -- binary cross-entropy by rows: a row is right if all its outputs are ---------------------------------------------

template <int GROUP>
FORMULA void binary_rows(const Stored *z, const Real *y, const Real *w, Real *loss, Stored *delta, Real *parts,
                         int *tickets, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  const Real weight = weight_of(w, rows, s), per_weight = weight > 0 ? 1 / weight : Real(0);
  Real sum = 0, right = 0;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    const Real share = w[i] * per_weight;
    Real wrong = 0;
    for (int j = me; j < columns; j += GROUP) {
      const i64 at = i * columns + j;
      const Real t = load(z, at), target = y[at];
      wrong += (t >= 0) != (target >= Real(0.5)) ? 1 : 0;
      if (share > 0) sum += share * binary_cross_entropy_formula::of(t, target, 0);
      store(delta, at, share > 0 ? share * binary_cross_entropy_formula::delta(t, target, 0) : Real(0));
    }
    wrong = group_sum<GROUP>(wrong, s);
    if (me == 0 && wrong == 0) right += w[i];
  }
  finish(sum, weight, loss, parts, tickets, s);
  finish_count(right, loss, parts, tickets, s);
}

#define BINARY(group)                                                                                                  \
  KERNEL(binary_cross_entropy_counted_##group, const Stored *z, const Real *y, const Real *w, Real *loss,              \
         Stored *delta, Real *parts, int *tickets, i64 rows, int columns) {                                            \
    __shared__ Scratch s;                                                                                              \
    binary_rows<group>(z, y, w, loss, delta, parts, tickets, rows, columns, s);                                        \
  }

BINARY(32)
BINARY(256)
