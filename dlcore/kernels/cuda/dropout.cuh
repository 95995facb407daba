// Dropout of four entries by the four words of a Philox block.
#pragma once
#include "philox.cuh"

#define DROPOUT 0x44524F50u // "DROP", as in kernels/reference/random.py

struct Dropout {
  u32 evaluation, key0, key1, layer;
  u64 threshold;
  Real keep;
  FORMULA uint4 of(i64 quad) const { return philox(DROPOUT, layer, evaluation, (u32)quad, key0, key1); }
  FORMULA void apply(uint4 words, i64 quad, int k, Real a, Stored *y, u8 *mask) const { // entry k of the quad
    const bool kept = (k == 0 ? words.x : k == 1 ? words.y : k == 2 ? words.z : words.w) < threshold;
    mask[4 * quad + k] = kept;
    store(y, 4 * quad + k, kept ? a / keep : Real(0));
  }
};

// An entry is kept where its word is below keep 2^32, rounded down.
FORMULA Dropout dropout_of(const i64 *progress, const double *keep, u32 key0, u32 key1, u32 layer) {
  return {(u32)progress[2], key0, key1, layer, (u64)(keep[0] * 4294967296.0), (Real)keep[0]};
}
