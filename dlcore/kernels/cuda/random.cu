// Dropout: the mask is a function of (seed, layer, evaluation, position), the same bits on every device.
#include "dropout.cuh"

// A thread draws four words for four entries; z may be x.
KERNEL(dropout, const Stored *x, const i64 *progress, const double *keep, Stored *z, u8 *mask, i64 size, u32 key0, u32 key1,
       u32 layer) {
  const Dropout draw = dropout_of(progress, keep, key0, key1, layer);
  for (EACH(quad, (size + 3) / 4)) {
    const uint4 words = draw.of(quad);
    for (int k = 0; k < 4 && 4 * quad + k < size; ++k) draw.apply(words, quad, k, load(x, 4 * quad + k), z, mask);
  }
}

// dx may be delta
KERNEL(dropout_grad, const Stored *delta, const u8 *mask, const double *keep, Stored *dx, i64 size) {
  const Real share = (Real)keep[0];
  for (EACH(i, size)) store(dx, i, mask[i] ? load(delta, i) / share : Real(0));
}
