// Dropout: the mask is a function of (seed, layer, evaluation, position), the same bits on every device.
#include "dropout.cuh"

// A thread draws four words for four entries; z may be x.
KERNEL(dropout, const Stored *x, const i64 *progress, Stored *z, u8 *mask, i64 size, u32 key0, u32 key1, u32 layer,
       u64 threshold, double keep) {
  const Dropout draw = {(u32)progress[2], key0, key1, layer, threshold, (Real)keep};
  for (EACH(quad, (size + 3) / 4)) {
    const uint4 words = draw.of(quad);
    for (int k = 0; k < 4 && 4 * quad + k < size; ++k) draw.apply(words, quad, k, load(x, 4 * quad + k), z, mask);
  }
}

// dx may be delta
KERNEL(dropout_grad, const Stored *delta, const u8 *mask, Stored *dx, i64 size, double keep) {
  for (EACH(i, size)) store(dx, i, mask[i] ? load(delta, i) / (Real)keep : Real(0));
}
