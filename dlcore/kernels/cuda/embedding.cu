// Learned rows in place of columns of codes.  The mathematics and the special cases are in kernels/reference/embedding.py.
//
// blockIdx.y runs over the columns of x, and one more for the entries that no column fills.
#include "real.cuh"

struct Table { // for a column of x, in shared memory: first column in z, first entry in E, categories, dimension
  i64 place, start, categories, dimension;
};

// The table of column j; for j = columns an empty one, placed where the filled columns of z and the tables in E end.
FORMULA void find_table(Table &table, int j, int columns, const i64 *categories, const i64 *dimensions, i64 size) {
  __syncthreads(); // all threads have read the previous one
  if (threadIdx.x == 0) {
    i64 place = 0, start = 0;
    for (int i = 0; i < j; ++i) {
      const i64 entries = categories[i] * dimensions[i];
      place += dimensions[i] ? dimensions[i] : 1;
      if (j == columns && start + entries > size) break;
      start += entries;
    }
    const bool given = j < columns;
    table = {place, start, given ? categories[j] : 0, given ? dimensions[j] : 0};
  }
  __syncthreads();
}

// the code 1 ... categories, or 0 for any other value
FORMULA i64 code_of(Real value, i64 categories) {
  const i64 code = value >= 1 && value <= (Real)categories ? (i64)value : 0;
  return (Real)code == value ? code : 0;
}

FORMULA i64 columns_of_z(int columns, const i64 *dimensions) {
  i64 place = 0;
  for (int j = 0; j < columns; ++j) place += dimensions[j] ? dimensions[j] : 1;
  return place;
}

KERNEL(embedding, const Stored *x, const i64 *categories, const i64 *dimensions, const Stored *E, Stored *z, i64 rows,
       int columns, i64 size, i64 width) {
  __shared__ Table table;
  for (int j = blockIdx.y; j <= columns; j += gridDim.y) {
    find_table(table, j, columns, categories, dimensions, size);
    const i64 c = table.categories, e = table.dimension, place = j < columns ? table.place : columns_of_z(columns, dimensions);
    const i64 room = width - place, wide = j == columns ? room : e ? e : 1, filled = wide < room ? wide : room;
    const bool fits = table.start + c * e <= size;
    if (filled <= 0) continue;
    for (EACH(at, rows * filled)) {
      const i64 i = at / filled, k = at - i * filled;
      const Real value = j < columns ? load(x, i * columns + j) : Real(0);
      const i64 code = e && fits ? code_of(value, c) : 0;
      store(z, i * width + place + k, code ? load(E, table.start + (code - 1) * e + k) : e ? Real(0) : value);
    }
  }
}

// A thread sums the rows with its code, in order and in blocks; the codes are staged in shared memory.
KERNEL(embedding_grad, const Stored *delta, const Stored *x, const i64 *categories, const i64 *dimensions, Real *dE,
       i64 rows, int columns, i64 size, i64 width) {
  __shared__ Table table;
  __shared__ i64 codes[THREADS];
  for (int j = blockIdx.y; j <= columns; j += gridDim.y) {
    find_table(table, j, columns, categories, dimensions, size);
    if (j == columns) {
      for (EACH(i, size - table.start)) dE[table.start + i] = 0;
      continue;
    }
    const i64 c = table.categories, e = table.dimension, entries = c * e;
    if (table.start + entries > size) continue;
    for (i64 first = blockIdx.x * (i64)THREADS; first < entries; first += gridDim.x * (i64)THREADS) {
      const i64 at = first + threadIdx.x, mine = e ? at / e + 1 : 0, column = table.place + at - (mine - 1) * e;
      Real sum = 0;
      for (i64 start = 0; start < rows; start += THREADS) {
        const i64 i = start + threadIdx.x;
        __syncthreads();
        codes[threadIdx.x] = i < rows ? code_of(load(x, i * columns + j), c) : 0;
        __syncthreads();
        Real part = 0;
        if (at < entries && column < width)
          for (int k = 0; k < THREADS && start + k < rows; ++k)
            if (codes[k] == mine) part += load(delta, (start + k) * width + column);
        sum += part;
      }
      if (at < entries) dE[table.start + at] = sum;
    }
  }
}
