// A batch of rows: order, gather and cast, in one pass.  The mathematics of the order is in kernels/reference/random.py.
#include "philox.cuh"
#include "reduce.cuh"

#define ORDER 0x4F524452u // "ORDR"

// DATA is the dtype of the user's data, by NumPy's name; the launcher defines it.
typedef signed char int8;
typedef unsigned char uint8;
typedef short int16;
typedef unsigned short uint16;
typedef int int32;
typedef unsigned int uint32;
typedef long long int64;
typedef unsigned long long uint64;
typedef float float32;
typedef double float64;
typedef DATA Data;

struct Order { // in shared memory: the round keys of an epoch, and the current row of each group of threads
  u32 keys[24];
  i64 rows[THREADS / 32];
};

FORMULA u32 mixed(u32 x) {
  x = (x ^ x >> 16) * 0x7FEB352Du;
  x = (x ^ x >> 15) * 0x846CA68Bu;
  return x ^ x >> 16;
}

// (x + mixed(y + key) scaled below m) modulo m; where the sum is below m, sum - m wraps to a huge number
FORMULA u32 half_round(u32 x, u32 y, u32 key, u32 m) {
  x += __umulhi(mixed(y + key), m);
  return x - m < x ? x - m : x;
}

// The row at a position: a Feistel network on Z_a x Z_b, applied until the result is below n (cycle walking).
FORMULA i64 row_at(i64 position, i64 n, u32 a, u32 b, int rounds, const u32 *keys) {
  u64 x = position;
  do {
    u32 left = (u32)(x / b), right = (u32)(x % b);
    for (int k = 0; k < rounds; k += 2) {
      left = half_round(left, right, keys[k], a);
      right = half_round(right, left, keys[k + 1], b);
    }
    x = (u64)left * b + right;
  } while (x >= (u64)n);
  return (i64)x;
}

// One warp or one block per row.  X has n rows of `columns` entries, Y of `outputs`; the last block to finish counts the batch,
// after all blocks have read its number.
template <class Y>
FORMULA void gather_rows(const Data *data, const Y *targets, const Real *weights, i64 *progress, i64 *index, Stored *x, Y *y,
                         Real *w, int *ticket, i64 n, i64 rows, int columns, int outputs, i64 batch, u32 key0, u32 key1,
                         int shuffle, u32 a, u32 b, int group, Order &order, Scratch &s) {
  const int groups = THREADS / group, mine = threadIdx.x / group, me = threadIdx.x % group;
  const int rounds = n < 1024 ? 24 : 12;
  const i64 first = progress[1] * batch;
  if (shuffle && threadIdx.x < rounds / 4) {
    const uint4 words = philox(ORDER, 0, (u32)progress[0], threadIdx.x, key0, key1);
    u32 *keys = order.keys + 4 * threadIdx.x;
    keys[0] = words.x, keys[1] = words.y, keys[2] = words.z, keys[3] = words.w;
  }
  __syncthreads();
  for (i64 start = blockIdx.x * (i64)groups; start < rows; start += (i64)gridDim.x * groups) {
    const i64 i = start + mine;
    if (me == 0 && i < rows) {
      const i64 position = (first + i) % n;
      order.rows[mine] = shuffle ? row_at(position, n, a, b, rounds, order.keys) : position;
      index[i] = order.rows[mine];
      w[i] = weights[index[i]];
    }
    __syncthreads();
    if (i < rows) {
      const i64 row = order.rows[mine];
      for (int j = me; j < columns; j += group) store(x, i * columns + j, load(data, row * columns + j));
      for (int j = me; j < outputs; j += group) y[i * outputs + j] = targets[row * outputs + j];
    }
    __syncthreads();
  }
  if (comes_last(ticket, gridDim.x, s) && threadIdx.x == 0) ++progress[1], ++progress[2];
}

#define GATHER(name, Y)                                                                                                \
  KERNEL(name, const Data *data, const Y *targets, const Real *weights, i64 *progress, i64 *index, Stored *x, Y *y,    \
         Real *w, int *ticket, i64 n, i64 rows, int columns, int outputs, i64 batch, u32 key0, u32 key1,               \
         int shuffle, u32 a, u32 b, int group) {                                                                       \
    __shared__ Order order;                                                                                            \
    __shared__ Scratch s;                                                                                              \
    gather_rows(data, targets, weights, progress, index, x, y, w, ticket, n, rows, columns, outputs, batch, key0,      \
                key1, shuffle, a, b, group, order, s);                                                                 \
  }

GATHER(gather, Real)
GATHER(gather_labels, i64)
