// Updates that scale each coordinate by the size of its gradients.  The mathematics is in kernels/reference/adaptive.py.
#include "updates.cuh"

struct Root { // the divisor, with epsilon outside or inside the root
  Real outside, inside;
  FORMULA Real of(Real v) const { return sqrt(v + inside) + outside; }
};

FORMULA Root root(double epsilon, int inside) { return {inside ? Real(0) : (Real)epsilon, inside ? (Real)epsilon : Real(0)}; }

struct Normalized {
  Real eta;
  Root divisor;
  FORMULA Real of(Real theta, Real g, Real decay) const { return decay * theta - eta * g / divisor.of(g * g); }
};
KERNEL(normalized_gradient, Stored *theta, Copy *copy, const Stored *grad, const Stored *control, i64 size, i64 decayed,
       double epsilon, int inside) {
  const Step step = step_of(control, size, decayed);
  without_slots(theta, copy, grad, step, Normalized{step.eta, root(epsilon, inside)});
}

// v <- a v + b g^2
struct Squares {
  Real eta, a, b;
  Root divisor;
  FORMULA Real of(Real theta, Real g, Real &v, Real decay) const {
    v = a * v + b * g * g;
    return decay * theta - eta * g / divisor.of(v);
  }
};
KERNEL(by_squares, Stored *theta, Copy *copy, const Stored *grad, Stored *v, const Stored *control, i64 size, i64 decayed,
       double a, double b, double epsilon, int inside) {
  const Step step = step_of(control, size, decayed);
  with_one_slot(theta, copy, grad, v, step, Squares{step.eta, (Real)a, (Real)b, root(epsilon, inside)});
}

// Both moments; the corrections 1 / (1 - beta^t) are in the rates of m and g, and in `correction`.
struct Moments {
  Real beta1, one1, beta2, one2, rate, rate_of_g, correction;
  Root divisor;
  FORMULA Real of(Real theta, Real g, Real &m, Real &v, Real decay) const {
    m = beta1 * m + one1 * g;
    v = beta2 * v + one2 * g * g;
    return decay * theta - (rate * m + rate_of_g * g) / divisor.of(v * correction);
  }
};
KERNEL(by_moments, Stored *theta, Copy *copy, const Stored *grad, Stored *m, Stored *v, const Stored *control,
       const i64 *progress, i64 size, i64 decayed, double beta1, double beta2, double epsilon, int inside, int nesterov) {
  __shared__ Moments rule;
  const Step step = step_of(control, size, decayed);
  if (threadIdx.x == 0) { // once per block: powers of float64 are slow, and in float32 1 - beta^t would have four digits
    const double t = progress[3] > 1 ? (double)progress[3] : 1, eta = step.eta;
    rule.beta1 = (Real)beta1, rule.one1 = (Real)(1 - beta1), rule.beta2 = (Real)beta2, rule.one2 = (Real)(1 - beta2);
    rule.rate = (Real)(eta * (nesterov ? beta1 : 1) / (1 - pow(beta1, t + nesterov)));
    rule.rate_of_g = (Real)(nesterov ? eta * (1 - beta1) / (1 - pow(beta1, t)) : 0);
    rule.correction = (Real)(1 / (1 - pow(beta2, t)));
    rule.divisor = root(epsilon, inside);
  }
  __syncthreads();
  with_two_slots(theta, copy, grad, m, v, step, rule);
}

// theta <- decay theta - eta sign(c),  c = beta1 m + (1 - beta1) g;  m <- beta2 m + (1 - beta2) g
struct Signs {
  Real eta, beta1, one1, beta2, one2;
  FORMULA Real of(Real theta, Real g, Real &m, Real decay) const {
    const Real c = beta1 * m + one1 * g;
    m = beta2 * m + one2 * g;
    return decay * theta - (c > 0 ? eta : c < 0 ? -eta : Real(0));
  }
};
KERNEL(lion, Stored *theta, Copy *copy, const Stored *grad, Stored *m, const Stored *control, i64 size, i64 decayed,
       double beta1, double beta2) {
  const Step step = step_of(control, size, decayed);
  with_one_slot(theta, copy, grad, m, step, Signs{step.eta, (Real)beta1, (Real)(1 - beta1), (Real)beta2, (Real)(1 - beta2)});
}
