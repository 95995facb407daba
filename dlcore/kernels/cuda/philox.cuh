// Philox4x32-10 (Salmon et al., 2011), the same words as kernels/reference/random.py.
#pragma once
#include "real.cuh"

FORMULA uint4 philox(u32 c0, u32 c1, u32 c2, u32 c3, u32 key0, u32 key1) {
  for (int i = 0; i < 10; ++i) {
    const u32 p = __umulhi(0xD2511F53u, c0), low_p = 0xD2511F53u * c0;
    const u32 q = __umulhi(0xCD9E8D57u, c2), low_q = 0xCD9E8D57u * c2;
    c0 = q ^ c1 ^ key0, c1 = low_q, c2 = p ^ c3 ^ key1, c3 = low_p;
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
  return make_uint4(c0, c1, c2, c3);
}
