// Sums over a warp, a block and a grid, in an order that depends on shapes only: no float is added atomically.
//
// A sum over a grid takes one launch: every block writes its part, and the last block to finish adds the parts in the
// order of the blocks.  Which block is last changes from run to run, the order of the sum does not.
#pragma once
#include "real.cuh"

struct Scratch { // in shared memory, one for each block
  Real lanes[THREADS];
  int last;
};

FORMULA Real warp_sum(Real v) {
  for (int o = 16; o; o >>= 1) v += __shfl_xor_sync(FULL, v, o);
  return v;
}

FORMULA Real warp_max(Real v) { // ignores NaN, which shows in the sum that follows
  for (int o = 16; o; o >>= 1) {
    Real other = __shfl_xor_sync(FULL, v, o);
    v = other > v ? other : v;
  }
  return v;
}

// Sum and maximum over a group of threads that share a row: a warp (GROUP 32) or the block (GROUP 256).
template <int GROUP> FORMULA Real group_sum(Real v, Scratch &s) {
  v = warp_sum(v);
  if (GROUP == 32) return v;
  __syncthreads(); // all threads have read the previous sum
  if (lane() == 0) s.lanes[warp()] = v;
  __syncthreads();
  v = 0;
  for (int k = 0; k < THREADS / 32; ++k) v += s.lanes[k];
  return v;
}

template <int GROUP> FORMULA Real group_max(Real v, Scratch &s) {
  v = warp_max(v);
  if (GROUP == 32) return v;
  __syncthreads();
  if (lane() == 0) s.lanes[warp()] = v;
  __syncthreads();
  for (int k = 0; k < THREADS / 32; ++k) v = s.lanes[k] > v ? s.lanes[k] : v;
  return v;
}

// argmax of row(0), row(1), ..., the first of equal ones, in all threads of the group; NaN is never the largest.
template <int GROUP, class Row> FORMULA int group_argmax(Row row, int columns, int me, Scratch &s) {
  Real top = minus_infinity();
  int place = me;
  for (int j = me; j < columns; j += GROUP) {
    const Real t = row(j);
    if (t > top) top = t, place = j;
  }
  const Real largest = group_max<GROUP>(top, s); // places below 2^24 are exact in float32
  return (int)-group_max<GROUP>(top == largest ? -(Real)place : minus_infinity(), s);
}

FORMULA Real block_sum(Real v, Scratch &s) { return group_sum<THREADS>(v, s); }

// Whether this block is the last of `blocks` to arrive here; it then sees what the others wrote before.  The ticket is 0
// before and after.
FORMULA bool comes_last(int *ticket, int blocks, Scratch &s) {
  __threadfence();
  __syncthreads();
  if (thread() == 0) s.last = atomicAdd(ticket, 1) == blocks - 1;
  __syncthreads();
  if (s.last) {
    if (thread() == 0) *ticket = 0;
    __threadfence();
  }
  return s.last;
}

// Sum of v over all threads of the grid.  True in one block, whose threads all have it in `total`.
FORMULA bool grid_sum(Real v, Real *parts, int *ticket, Scratch &s, Real &total) {
  const int blocks = gridDim.x * gridDim.y;
  v = block_sum(v, s);
  if (blocks == 1) {
    total = v;
    return true;
  }
  if (thread() == 0) parts[blockIdx.y * gridDim.x + blockIdx.x] = v;
  if (!comes_last(ticket, blocks, s)) return false;
  v = 0;
  for (int k = thread(); k < blocks; k += THREADS) v += ((volatile Real *)parts)[k];
  total = block_sum(v, s);
  return true;
}

// Sum over the threads of a block with the same threadIdx.x, in all of them.
FORMULA Real tile_sum(Real v, Scratch &s) {
  __syncthreads(); // all threads have read the previous sum
  s.lanes[thread()] = v;
  for (int half = blockDim.y / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) s.lanes[thread()] += s.lanes[thread() + half * blockDim.x];
  }
  __syncthreads();
  return s.lanes[threadIdx.x];
}

// Sum of v over all threads of column j, in this block and in the other blocks of the column (blockIdx.y).  True in the one
// thread that must write it, which is in the last block to finish.  `parts` holds gridDim.y rows of all columns; there is a
// ticket per blockIdx.x.
FORMULA bool column_sum(Real v, int j, int columns, Real *parts, int *tickets, Scratch &s, Real &total) {
  v = tile_sum(v, s);
  if (gridDim.y == 1) {
    total = v;
    return threadIdx.y == 0 && j < columns;
  }
  if (threadIdx.y == 0 && j < columns) parts[(i64)blockIdx.y * columns + j] = v;
  if (!comes_last(tickets + blockIdx.x, gridDim.y, s)) return false;
  v = 0;
  if (j < columns)
    for (int k = threadIdx.y; k < gridDim.y; k += blockDim.y) v += ((volatile Real *)parts)[(i64)k * columns + j];
  total = tile_sum(v, s);
  return threadIdx.y == 0 && j < columns;
}
