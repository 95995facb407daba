// Training in 16 bits.  The mathematics is in kernels/reference/mixed.py; wide arrays are Real, with 32 bits.
#include "reduce.cuh"

KERNEL(rounded, const Real *theta, Stored *copy, i64 size) {
  for (EACH(i, size)) store(copy, i, theta[i]);
}

KERNEL(scaled, Stored *delta, const Real *scaling, i64 size) {
  for (EACH(i, size)) store(delta, i, load(delta, i) * scaling[0]);
}

// The last block to finish changes the scale, after all have read it.
KERNEL(unscaled, Real *grad, Real *loss, Real *scaling, const i64 *fault, Real *parts, int *ticket, i64 size, double largest,
       double patience) {
  __shared__ Scratch s;
  const Real scale = scaling[0];
  Real bad = 0, total;
  for (EACH(i, size)) {
    const Real g = grad[i] / scale;
    const bool finite = is_finite(g);
    if (!finite) bad = 1;
    grad[i] = finite || scale <= 1 ? g : Real(0);
  }
  if (!grid_sum(bad, parts, ticket, s, total) || threadIdx.x != 0 || fault[0] != 0) return;
  if (total > 0) {
    if (!is_finite(loss[0]) || !(scale > 1)) return;
    loss[1] = -loss[1];
    scaling[0] = scale / 2 > 1 ? scale / 2 : Real(1);
    scaling[1] = 0, scaling[2] += 1;
  } else {
    if (loss[1] > 0) scaling[1] += 1;
    if (scaling[1] >= (Real)patience) {
      scaling[0] = 2 * scale < (Real)largest ? 2 * scale : (Real)largest;
      scaling[1] = 0;
    }
  }
}
