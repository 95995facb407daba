"""The error function, which the Array API lacks."""

import math

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): numerators and denominators,
# highest power first, on |x| <= 0.46875, up to 4, and beyond.
_SMALL_P = (
    1.85777706184603153e-1,
    3.16112374387056560,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_MIDDLE_P = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
)  # fmt: skip
_MIDDLE_Q = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
_LARGE_P = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_LARGE_Q = (
    1.0,
    2.56852019228982242,
    1.87295284992346725,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)


def _ratio(x, p, q):
    """p(x) / q(x) by Horner's rule."""
    numerator, denominator = p[0] * x + p[1], q[0] * x + q[1]
    for a in p[2:]:
        numerator = numerator * x + a
    for a in q[2:]:
        denominator = denominator * x + a
    return numerator / denominator


def erf(xp, x):
    """erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, to 2e-16 in float64."""
    u = xp.abs(x)
    low, high = xp.full_like(u, 0.46875), xp.full_like(u, 4.0)
    square = xp.minimum(u, low) ** 2
    small = x * _ratio(square, _SMALL_P, _SMALL_Q)
    middle = 1 - xp.exp(-(u * u)) * _ratio(xp.minimum(u, high), _MIDDLE_P, _MIDDLE_Q)
    far = xp.maximum(u, high)
    s = 1 / (far * far)
    large = 1 - xp.exp(-(u * u)) / far * (1 / math.sqrt(math.pi) - s * _ratio(s, _LARGE_P, _LARGE_Q))
    return xp.where(u <= low, small, xp.sign(x) * xp.where(u <= high, middle, large))
