// Updates that scale each coordinate by the size of its gradients.  The mathematics is in kernels/reference/adaptive.py.
#include "updates.cuh"

struct Root { // what v is divided by: epsilon is outside of the root, or inside
  Real outside, inside;
  FORMULA Real of(Real v) const { return sqrt(v + inside) + outside; }
};

FORMULA Root root(double epsilon, int inside) { return {inside ? Real(0) : (Real)epsilon, inside ? (Real)epsilon : Real(0)}; }

KERNEL(normalized_gradient, Stored *theta, const Stored *grad, const Stored *control, i64 size, i64 matrices,
       double weight_decay, double epsilon, int inside) {
  const Real scale = load(control, 1), decay = decay_factor(control, weight_decay), eta = load(control, 0);
  const Root divisor = root(epsilon, inside);
  if (scale > 0)
    for (EACH(i, size)) {
      const Real g = scale * load(grad, i);
      store(theta, i, (i < matrices ? decay : Real(1)) * load(theta, i) - eta * g / divisor.of(g * g));
    }
}

// v <- a v + b g^2
KERNEL(by_squares, Stored *theta, const Stored *grad, Stored *v, const Stored *control, i64 size, i64 matrices,
       double weight_decay, double a, double b, double epsilon, int inside) {
  const Real scale = load(control, 1), decay = decay_factor(control, weight_decay), eta = load(control, 0);
  const Root divisor = root(epsilon, inside);
  if (scale > 0)
    for (EACH(i, size)) {
      const Real g = scale * load(grad, i), square = (Real)a * load(v, i) + (Real)b * g * g;
      store(theta, i, (i < matrices ? decay : Real(1)) * load(theta, i) - eta * g / divisor.of(square));
      store(v, i, square);
    }
}

// With the corrections 1 / (1 - beta^t) in the rates of m and g, and in `correction`.
struct Moments {
  Real beta1, one1, beta2, one2, rate, rate_of_g, correction;
  Root divisor;
  FORMULA Real of(Real theta, Real g, Real &m, Real &v, Real decay) const {
    m = beta1 * m + one1 * g;
    v = beta2 * v + one2 * g * g;
    return decay * theta - (rate * m + rate_of_g * g) / divisor.of(v * correction);
  }
};

KERNEL(by_moments, Stored *theta, const Stored *grad, Stored *m, Stored *v, const Stored *control, const i64 *progress,
       i64 size, i64 matrices, double weight_decay, double beta1, double beta2, double epsilon, int inside, int nesterov) {
  __shared__ Moments rule;
  const Real scale = load(control, 1), decay = decay_factor(control, weight_decay);
  if (threadIdx.x == 0) { // once a block: powers of float64 are slow, and in float32 1 - beta^t would have four digits
    const double t = progress[3] > 1 ? (double)progress[3] : 1, eta = load(control, 0);
    rule.beta1 = (Real)beta1, rule.one1 = (Real)(1 - beta1), rule.beta2 = (Real)beta2, rule.one2 = (Real)(1 - beta2);
    rule.rate = (Real)(eta * (nesterov ? beta1 : 1) / (1 - pow(beta1, t + nesterov)));
    rule.rate_of_g = (Real)(nesterov ? eta * (1 - beta1) / (1 - pow(beta1, t)) : 0);
    rule.correction = (Real)(1 / (1 - pow(beta2, t)));
    rule.divisor = root(epsilon, inside);
  }
  __syncthreads();
  if (scale > 0)
    for (EACH(i, size)) {
      Real mean = load(m, i), square = load(v, i);
      store(theta, i, rule.of(load(theta, i), scale * load(grad, i), mean, square, i < matrices ? decay : Real(1)));
      store(m, i, mean);
      store(v, i, square);
    }
}

KERNEL(lion, Stored *theta, const Stored *grad, Stored *m, const Stored *control, i64 size, i64 matrices,
       double weight_decay, double beta1, double beta2) {
  const Real scale = load(control, 1), decay = decay_factor(control, weight_decay), eta = load(control, 0);
  if (scale > 0)
    for (EACH(i, size)) {
      const Real g = scale * load(grad, i), mean = load(m, i), direction = (Real)beta1 * mean + (Real)(1 - beta1) * g;
      const Real step = direction > 0 ? eta : direction < 0 ? -eta : Real(0);
      store(theta, i, (i < matrices ? decay : Real(1)) * load(theta, i) - step);
      store(m, i, (Real)beta2 * mean + (Real)(1 - beta2) * g);
    }
}
