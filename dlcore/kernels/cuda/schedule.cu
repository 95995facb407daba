// Numbers that change from update to update.  The mathematics is in kernels/reference/schedule.py.
#include "real.cuh"

// Tables of layers are double whatever is stored in the other arrays.
KERNEL(scheduled, const double *numbers, const i64 *place, double *present, i64 count) {
  for (EACH(j, count)) present[j] = numbers[place[1] * count + j];
}

KERNEL(group_control, const Stored *control, Stored *own, double rate, double decay) {
  if (blockIdx.x != 0 || threadIdx.x != 0) return;
  store(own, 0, (Real)rate * load(control, 0));
  store(own, 1, load(control, 1));
  store(own, 2, load(control, 2));
  store(own, 3, (Real)decay * load(control, 3));
}
