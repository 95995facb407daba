// Batch and layer normalization.  Formulas and conventions are in kernels/reference/normalization.py.
#include "reduce.cuh"

// -- over the rows: batch normalization ------------------------------------------------------------------------------

// Count, mean and sum of squared deviations, merged without cancellation.  Chan, Golub & LeVeque (1979).
struct Moments {
  Real n, mean, squares;
};
FORMULA Moments joined(Moments a, Moments b) {
  const Real n = a.n + b.n, d = b.mean - a.mean, share = n > 0 ? b.n / n : Real(0);
  return {n, a.mean + d * share, a.squares + b.squares + d * d * a.n * share};
}
FORMULA Moments tile_moments(Moments m, Moments *lanes) { // over the threads with the same threadIdx.x
  __syncthreads();
  lanes[thread()] = m;
  for (int half = blockDim.y / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) lanes[thread()] = joined(lanes[thread()], lanes[thread() + half * blockDim.x]);
  }
  __syncthreads();
  return lanes[threadIdx.x];
}

// Mean and variance of each column; parts has room for 3 numbers per block and column.
KERNEL(moments, const Stored *x, Real *mu, Real *var, Real *parts, int *tickets, i64 rows, int columns) {
  __shared__ Scratch s;
  __shared__ Moments lanes[THREADS];
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Moments m = {0, 0, 0};
  if (j < columns)
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
      const Real d = load(x, i * columns + j) - m.mean; // Welford (1962)
      m.n += 1;
      m.mean += d / m.n;
      m.squares += d * (load(x, i * columns + j) - m.mean);
    }
  m = tile_moments(m, lanes);
  if (gridDim.y > 1) {
    if (threadIdx.y == 0 && j < columns) {
      Real *part = parts + 3 * (blockIdx.y * (i64)columns + j);
      part[0] = m.n, part[1] = m.mean, part[2] = m.squares;
    }
    if (!comes_last(tickets + blockIdx.x, gridDim.y, s)) return;
    m = {0, 0, 0};
    if (j < columns)
      for (int k = threadIdx.y; k < gridDim.y; k += blockDim.y) {
        volatile Real *part = parts + 3 * (k * (i64)columns + j);
        m = joined(m, {part[0], part[1], part[2]});
      }
    m = tile_moments(m, lanes);
  }
  if (threadIdx.y == 0 && j < columns) {
    mu[j] = m.mean;
    var[j] = m.n > 0 ? m.squares / m.n : Real(0);
  }
}

// z = gamma (x - mean) / sqrt(variance + epsilon) + beta; z may be x.
KERNEL(normalize, const Stored *x, const Stored *gamma, const Stored *beta, const Real *mean, const Real *variance,
       Stored *z, i64 rows, int columns, double epsilon) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j >= columns) return;
  const Real root = sqrt(variance[j] + (Real)epsilon), center = mean[j];
  for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y)
    store(z, i * columns + j, load(gamma, j) * ((load(x, i * columns + j) - center) / root) + load(beta, j));
}

// dgamma = column sums of delta x^, dbeta = column sums of delta.  By columns, x^ = (x - mu_j) / sqrt(var_j + epsilon); by
// rows, x^ = (x - mu_i) rstd_i.  parts has room for 2 numbers per block and column, tickets for 2 per blockIdx.x.
template <bool BY_ROWS>
FORMULA void gain_sums(const Stored *delta, const Stored *x, const Real *mu, const Real *scale, Real *dgamma,
                       Real *dbeta, Real *parts, int *tickets, i64 rows, int columns, Real epsilon, Scratch &s) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Real gain = 0, shift = 0, total;
  if (j < columns) {
    const Real column_rstd = BY_ROWS ? Real(0) : 1 / sqrt(scale[j] + epsilon);
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
      const Real d = load(delta, i * columns + j), rstd = BY_ROWS ? scale[i] : column_rstd;
      gain += d * ((load(x, i * columns + j) - load(mu, BY_ROWS ? i : (i64)j)) * rstd);
      shift += d;
    }
  }
  if (column_sum(gain, j, columns, parts, tickets, s, total)) dgamma[j] = total;
  parts += gridDim.y * (i64)columns, tickets += gridDim.x;
  if (column_sum(shift, j, columns, parts, tickets, s, total)) dbeta[j] = total;
}

KERNEL(batch_norm_sums, const Stored *delta, const Stored *x, const Real *mu, const Real *var, Real *dgamma,
       Real *dbeta, Real *parts, int *tickets, i64 rows, int columns, double epsilon) {
  __shared__ Scratch s;
  gain_sums<false>(delta, x, mu, var, dgamma, dbeta, parts, tickets, rows, columns, (Real)epsilon, s);
}
KERNEL(layer_norm_sums, const Stored *delta, const Stored *x, const Real *mu, const Real *rstd, Real *dgamma,
       Real *dbeta, Real *parts, int *tickets, i64 rows, int columns) {
  __shared__ Scratch s;
  gain_sums<true>(delta, x, mu, rstd, dgamma, dbeta, parts, tickets, rows, columns, Real(0), s);
}

// dx may be delta
KERNEL(batch_norm_grad, const Stored *delta, const Stored *x, const Stored *gamma, const Real *mu, const Real *var,
       const Real *dgamma, const Real *dbeta, Stored *dx, i64 rows, int columns, double epsilon) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j >= columns) return;
  const Real rstd = 1 / sqrt(var[j] + (Real)epsilon), center = mu[j];
  const Real shift = dbeta[j] / rows, slope = dgamma[j] / rows, gain = load(gamma, j) * rstd;
  for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
    const i64 at = i * columns + j;
    store(dx, at, gain * (load(delta, at) - shift - (load(x, at) - center) * rstd * slope));
  }
}

KERNEL(running_statistics, const Real *mu, const Real *var, Real *mean, Real *variance, const Real *control,
       i64 columns, double momentum, double unbiased) {
  if (!(control[1] > 0)) return;
  for (EACH(j, columns)) {
    mean[j] = (Real)(1 - momentum) * mean[j] + (Real)momentum * mu[j];
    variance[j] = (Real)(1 - momentum) * variance[j] + (Real)(momentum * unbiased) * var[j];
  }
}

// -- over the columns: layer normalization, one warp or one block per row --------------------------------------------

template <int GROUP>
FORMULA void layer_norm_rows(const Stored *x, const Stored *gamma, const Stored *beta, Stored *z, Real *mu, Real *rstd,
                             i64 rows, int columns, Real epsilon, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  const Real count = columns ? columns : 1;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    Real sum = 0, squares = 0;
    for (int j = me; j < columns; j += GROUP) sum += load(x, i * columns + j);
    const Real mean = group_sum<GROUP>(sum, s) / count;
    for (int j = me; j < columns; j += GROUP) {
      const Real e = load(x, i * columns + j) - mean;
      squares += e * e;
    }
    const Real scale = 1 / sqrt(group_sum<GROUP>(squares, s) / count + epsilon);
    for (int j = me; j < columns; j += GROUP)
      store(z, i * columns + j, load(gamma, j) * ((load(x, i * columns + j) - mean) * scale) + load(beta, j));
    if (me == 0) mu[i] = mean, rstd[i] = scale;
  }
}

// dx may be delta
template <int GROUP>
FORMULA void layer_norm_grad_rows(const Stored *delta, const Stored *x, const Stored *gamma, const Real *mu,
                                  const Real *rstd, Stored *dx, i64 rows, int columns, Scratch &s) {
  const int groups = THREADS / GROUP, me = threadIdx.x % GROUP;
  const Real count = columns ? columns : 1;
  for (i64 i = blockIdx.x * (i64)groups + threadIdx.x / GROUP; i < rows; i += (i64)gridDim.x * groups) {
    const Real center = mu[i], scale = rstd[i];
    Real sum = 0, slope = 0;
    for (int j = me; j < columns; j += GROUP) {
      const Real e = load(delta, i * columns + j) * load(gamma, j);
      sum += e;
      slope += e * ((load(x, i * columns + j) - center) * scale);
    }
    sum = group_sum<GROUP>(sum, s) / count, slope = group_sum<GROUP>(slope, s) / count;
    for (int j = me; j < columns; j += GROUP) {
      const i64 at = i * columns + j;
      const Real hat = (load(x, at) - center) * scale;
      store(dx, at, scale * (load(delta, at) * load(gamma, j) - sum - hat * slope));
    }
  }
}

#define LAYER_NORM(group)                                                                                              \
  KERNEL(layer_norm_##group, const Stored *x, const Stored *gamma, const Stored *beta, Stored *z, Real *mu,            \
         Real *rstd, i64 rows, int columns, double epsilon) {                                                          \
    __shared__ Scratch s;                                                                                              \
    layer_norm_rows<group>(x, gamma, beta, z, mu, rstd, rows, columns, (Real)epsilon, s);                              \
  }                                                                                                                    \
  KERNEL(layer_norm_grad_##group, const Stored *delta, const Stored *x, const Stored *gamma, const Real *mu,           \
         const Real *rstd, Stored *dx, i64 rows, int columns) {                                                        \
    __shared__ Scratch s;                                                                                              \
    layer_norm_grad_rows<group>(delta, x, gamma, mu, rstd, dx, rows, columns, s);                                      \
  }

LAYER_NORM(32)
LAYER_NORM(256)
