// One update of the flat parameter vector.  The mathematics is in kernels/reference/updates.py.
//
// Each optimizer is a rule: its constants come from device memory (rate, scale, counters), and it is applied entry by entry.
#include "reduce.cuh"
#include "updates.cuh"

// g <- g + l2 theta on the matrices, and the sum of its squares: each block sums a run of entries, and the last block to finish
// decides on the update.
KERNEL(prepare_update, const Stored *theta, Stored *grad, Stored *squares, const Stored *loss, const Stored *schedule, Stored *control,
       Stored *losses, i64 *place, i64 *progress, i64 *fault, Real *parts, int *ticket, i64 size, i64 matrices, double l2,
       double clip) {
  __shared__ Scratch s;
  Real sum = 0, total;
  const i64 run = (size + gridDim.x - 1) / gridDim.x, first = blockIdx.x * run;
  const i64 stop = first + run < size ? first + run : size;
  for (i64 i = first + threadIdx.x; i < stop; i += THREADS) {
    Real g = load(grad, i);
    if (l2 != 0 && i < matrices) {
      g += (Real)l2 * load(theta, i);
      store(grad, i, g);
    }
    sum += g * g;
  }
  sum = block_sum(sum, s);
  if (threadIdx.x == 0) store(squares, blockIdx.x, sum);
  if (!grid_sum(threadIdx.x == 0 ? sum : Real(0), parts, ticket, s, total) || threadIdx.x != 0) return;
  const Real norm = sqrt(total), L = load(loss, 0), weight = load(loss, 1);
  const bool finite = is_finite(L) && is_finite(norm);
  store(control, 0, load(schedule, 2 * place[1]));
  store(control, 1, 0);
  store(control, 2, norm);
  store(control, 3, load(schedule, 2 * place[1] + 1));
  if (fault[0] != 0) return;
  store(losses, place[0]++, weight != 0 ? L : Real(0) / Real(0)); // no weight, no loss
  if (!finite) {
    fault[0] = progress[3] + 1;
  } else if (weight > 0) {
    const Real scale = (Real)clip / (norm + Real(1e-6));
    store(control, 1, scale < 1 ? scale : Real(1));
    ++place[1], ++progress[3];
  }
}

KERNEL(accumulate, const Stored *grad, const Stored *loss, Stored *total, Stored *sums, i64 size) {
  const Real weight = load(loss, 1);
  for (EACH(i, size)) store(total, i, load(total, i) + weight * load(grad, i));
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    store(sums, 0, load(sums, 0) + load(loss, 0) * weight);
    store(sums, 1, load(sums, 1) + weight);
  }
}

// The last block to finish sets the sums to 0, after all have read them.
KERNEL(average, Stored *total, Stored *sums, Stored *grad, Stored *loss, int *ticket, i64 size) {
  __shared__ Scratch s;
  const Real sum = load(sums, 0), weight = load(sums, 1), divisor = weight > 0 ? weight : Real(1);
  for (EACH(i, size)) {
    store(grad, i, load(total, i) / divisor);
    store(total, i, 0);
  }
  if (comes_last(ticket, gridDim.x, s) && threadIdx.x == 0) {
    store(loss, 0, sum / divisor), store(loss, 1, weight);
    store(sums, 0, 0), store(sums, 1, 0);
  }
}

KERNEL(look_ahead, Stored *theta, const Stored *v, Stored *origin, const Stored *schedule, const i64 *place, i64 size,
       double reach) {
  const Real step = load(schedule, 2 * place[1]) * (Real)reach;
  for (EACH(i, size)) {
    const Real t = load(theta, i);
    store(origin, i, t);
    store(theta, i, t - step * load(v, i));
  }
}

// -- the rules -------------------------------------------------------------------------------------------------------

// theta <- decay theta - eta g
struct Sgd {
  Real eta;
  FORMULA Real of(Real theta, Real g, Real decay) const { return decay * theta - eta * g; }
};
KERNEL(sgd, Stored *theta, Copy *copy, const Stored *grad, const Stored *control, i64 size, i64 decayed) {
  const Step step = step_of(control, size, decayed);
  without_slots(theta, copy, grad, step, Sgd{step.eta});
}

// v <- a v + b g;  theta <- decay theta - (c g + d v)
struct Velocity {
  Real a, b, c, d;
  FORMULA Real of(Real theta, Real g, Real &v, Real decay) const {
    v = a * v + b * g;
    return decay * theta - (c * g + d * v);
  }
};
// v sums gradients, and is multiplied by the rate when it is applied; with `steps`, v sums steps, which contain the rate.  If
// `progress` is given, the first update sets v to g.  If `origin` is given, the update starts from it, and a skipped update
// returns to it.
KERNEL(velocity, const Stored *origin, Stored *theta, Copy *copy, const Stored *grad, Stored *v, const Stored *control,
       const i64 *progress, i64 size, i64 decayed, double a, double b, double c, double d, int steps) {
  const Step step = step_of(control, size, decayed);
  const bool first = progress && progress[3] <= 1;
  const Real of_g = steps ? step.eta : Real(1), of_v = steps ? Real(1) : step.eta;
  if (origin)
    for (EACH(i, size)) store(theta, copy, i, load(origin, i)); // no barrier: each thread has the same entries in both loops
  const Real keep = first ? Real(0) : (Real)a, take = first ? Real(1) : of_g * (Real)b;
  with_one_slot(theta, copy, grad, v, step, Velocity{keep, take, step.eta * (Real)c, of_v * (Real)d});
}

// -- max-norm --------------------------------------------------------------------------------------------------------

KERNEL(column_squares, const Stored *W, Real *squares, Real *parts, int *tickets, i64 rows, int columns) {
  __shared__ Scratch s;
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  Real sum = 0, total;
  if (j < columns)
    for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y) {
      const Real t = load(W, i * columns + j);
      sum += t * t;
    }
  if (column_sum(sum, j, columns, parts, tickets, s, total)) squares[j] = total;
}

KERNEL(shrink_columns, Stored *W, const Real *squares, const Stored *control, i64 rows, int columns, double limit) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j >= columns || !(load(control, 1) > 0) || !(squares[j] > (Real)(limit * limit))) return;
  const Real factor = (Real)limit / sqrt(squares[j]);
  for (i64 i = blockIdx.y * (i64)blockDim.y + threadIdx.y; i < rows; i += (i64)gridDim.y * blockDim.y)
    store(W, i * columns + j, load(W, i * columns + j) * factor);
}
