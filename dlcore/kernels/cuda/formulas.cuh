// The scalar formulas of each elementwise activation and its gradient, under the names of the kernels; the mathematics is in
// kernels/reference/activations.py.  Everything else about these kernels exists once, in activations.cu.
//
// z is the input, a the output; a gradient reads the one that it names.  alpha is the parameter of leaky_relu and elu.
// Comparisons are written so that NaN stays NaN.
#pragma once
#include "real.cuh"

FORMULA Real logistic(Real z) { // 1 / (1 + exp(-z)), without overflow
  Real e = exp(-fabs(z));
  return (z < 0 ? e : Real(1)) / (1 + e);
}
FORMULA Real normal_distribution(Real z) { return Real(0.5) * (1 + erf(z * Real(0.7071067811865476))); }
FORMULA Real normal_density(Real z) { return Real(0.3989422804014327) * exp(Real(-0.5) * z * z); }
FORMULA Real gelu_tangent(Real z) { return tanh(Real(0.7978845608028654) * (z + Real(0.044715) * z * z * z)); }
FORMULA Real gelu_slope(Real z) { return Real(0.7978845608028654) * (1 + Real(3 * 0.044715) * z * z); }

#define SELU_SCALE Real(1.0507009873554804934193349852946)
#define SELU_ALPHA Real(1.6732632423543772848170429916717)

#define ACTIVATION(name, value)                                                                                        \
  struct name##_formula {                                                                                              \
    static FORMULA Real of(Real z, Real alpha) { return value; }                                                       \
  };
#define GRADIENT(name, kept, value)                                                                                    \
  struct name##_grad_formula {                                                                                         \
    static FORMULA Real of(Real delta, Real kept, Real alpha) { return value; }                                        \
  };

ACTIVATION(identity, z)
GRADIENT(identity, a, delta)

ACTIVATION(binary_step, z >= 0 ? Real(1) : Real(0))
GRADIENT(binary_step, a, Real(0))

ACTIVATION(sigmoid, logistic(z))
GRADIENT(sigmoid, a, delta *(a * (1 - a)))

ACTIVATION(tanh, tanh(z))
GRADIENT(tanh, a, delta *(1 - a * a))

ACTIVATION(arctan, atan(z))
GRADIENT(arctan, z, delta / (1 + z * z))

ACTIVATION(relu, z <= 0 ? Real(0) : z)
GRADIENT(relu, a, a <= 0 ? Real(0) : delta)

ACTIVATION(leaky_relu, z > 0 ? z : alpha * z)
GRADIENT(leaky_relu, a, a > 0 ? delta : alpha * delta)

ACTIVATION(elu, z > 0 ? z : alpha * expm1(z))
GRADIENT(elu, a, a > 0 ? delta : delta * (a + alpha))

ACTIVATION(selu, SELU_SCALE *(z > 0 ? z : SELU_ALPHA * expm1(z)))
GRADIENT(selu, a, a > 0 ? delta * SELU_SCALE : delta * (a + SELU_SCALE * SELU_ALPHA))

ACTIVATION(softplus, (z <= 0 ? Real(0) : z) + log1p(exp(-fabs(z))))
GRADIENT(softplus, a, -delta *expm1(-a))

ACTIVATION(gelu, z *normal_distribution(z))
GRADIENT(gelu, z, delta *(normal_distribution(z) + z * normal_density(z)))

ACTIVATION(gelu_tanh, Real(0.5) * z * (1 + gelu_tangent(z)))
GRADIENT(gelu_tanh, z,
         delta *Real(0.5) * (1 + gelu_tangent(z) + z * (1 - gelu_tangent(z) * gelu_tangent(z)) * gelu_slope(z)))

ACTIVATION(silu, z *logistic(z))
GRADIENT(silu, z, delta *logistic(z) * (1 + z * (1 - logistic(z))))

ACTIVATION(exponential, exp(z)) // for the Poisson loss; no layer uses it, so it has no gradient
