// Dropout: the mask is a function of (seed, layer, evaluation, position), the same bits on every device.
#include "philox.cuh"

#define DROPOUT 0x44524F50u // "DROP", as in kernels/reference/random.py

// A thread draws four words and decides on four entries; z may be x.
KERNEL(dropout, const Stored *x, const i64 *progress, Stored *z, u8 *mask, i64 size, u32 key0, u32 key1, u32 layer,
       u64 threshold, double keep) {
  const u32 evaluation = (u32)progress[2];
  for (EACH(quad, (size + 3) / 4)) {
    const uint4 r = philox(DROPOUT, layer, evaluation, (u32)quad, key0, key1);
    const u32 words[4] = {r.x, r.y, r.z, r.w};
    for (int k = 0; k < 4; ++k) {
      const i64 i = 4 * quad + k;
      if (i >= size) break;
      const bool kept = words[k] < threshold;
      mask[i] = kept;
      store(z, i, kept ? load(x, i) / (Real)keep : Real(0));
    }
  }
}

// dx may be delta
KERNEL(dropout_grad, const Stored *delta, const u8 *mask, Stored *dx, i64 size, double keep) {
  for (EACH(i, size)) store(dx, i, mask[i] ? load(delta, i) / (Real)keep : Real(0));
}
