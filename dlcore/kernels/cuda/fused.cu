// Bias, activation and dropout in one pass: one loop, instantiated with the formula of each activation.
#include "dropout.cuh"
#include "formulas.cuh"

// y = a mask / keep, a = g(z + b); `kept` holds z at first, and afterwards a, or z + b where the gradient reads that.
// A thread draws four words for four entries, which may lie in two rows.  y is not z where kept becomes a.
template <class G>
FORMULA void activation_dropout(Stored *kept, const Stored *b, Stored *y, u8 *mask, i64 size, int columns, int keeps_z,
                                Real alpha, Dropout draw) {
  for (EACH(quad, (size + 3) / 4)) {
    const uint4 words = draw.of(quad);
    int j = (int)(4 * quad % columns);
#pragma unroll 1 // formulas are long
    for (int k = 0; k < 4 && 4 * quad + k < size; ++k) {
      const i64 i = 4 * quad + k;
      const Real t = load(kept, i) + load(b, j), a = G::of(t, alpha);
      store(kept, i, keeps_z ? t : a);
      draw.apply(words, quad, k, a, y, mask);
      j = j + 1 < columns ? j + 1 : 0;
    }
  }
}

#define MEMBER(name)                                                                                                   \
  KERNEL(name##_dropout, Stored *kept, const Stored *b, const i64 *progress, const double *keep, Stored *y, u8 *mask,  \
         i64 size, int columns, int keeps_z, double alpha, u32 key0, u32 key1, u32 layer) {                            \
    const Dropout draw = dropout_of(progress, keep, key0, key1, layer);                                                \
    activation_dropout<name##_formula>(kept, b, y, mask, size, columns, keeps_z, (Real)alpha, draw);                   \
  }

MEMBER(identity)
MEMBER(binary_step)
MEMBER(sigmoid)
MEMBER(tanh)
MEMBER(arctan)
MEMBER(relu)
MEMBER(leaky_relu)
MEMBER(elu)
MEMBER(selu)
MEMBER(softplus)
MEMBER(gelu)
MEMBER(gelu_tanh)
MEMBER(silu)
