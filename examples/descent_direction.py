"""Why the negative gradient: near θ a loss is its Taylor polynomial, and −∇L makes the first term most negative.

L(θ + η u) = L + η u·∇L + ½ η² uᵀ∇²L u + …;  u·∇L = ‖u‖ ‖∇L‖ cos β, lowest at β = 180°.

Change one line: another L, with its derivatives in DERIVATIVES.
"""

import math

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting

DERIVATIVES = [  # of L = x² + sin 3x
    lambda x: x**2 + np.sin(3 * x),
    lambda x: 2 * x + 3 * np.cos(3 * x),
    lambda x: 2 - 9 * np.sin(3 * x),
    lambda x: -27 * np.cos(3 * x),
]


def taylor(degree, around, x):
    """Σ_{k ≤ degree} L⁽ᵏ⁾(θ₀) (x − θ₀)ᵏ / k!"""
    return sum(DERIVATIVES[k](around) * (x - around) ** k / math.factorial(k) for k in range(degree + 1))


def surface(theta):
    return 0.5 * theta[0] ** 2 + theta[1] ** 2, np.array([theta[0], 2 * theta[1]])


def main(arguments=None):
    script = Script(__doc__, arguments)
    L, around, x = DERIVATIVES[0], 0.4, np.linspace(-1.2, 2.0, 300)
    figure, axes = plotting.panels(3, width=4.6, height=3.8)
    axes[0].plot(x, L(x), color="black", linewidth=2.2, label="L = x² + sin 3x")
    for degree in range(4):
        axes[0].plot(x, taylor(degree, around, x), color=plotting.COLORS[degree], label=f"degree {degree}")
    axes[0].plot(around, L(around), "ko")
    axes[0].set(title="Taylor polynomials around 0.4", xlabel="x", ylim=(-2, 5))
    axes[0].legend(fontsize="small")
    orders = []
    for degree in range(4):
        errors = [abs(L(around + h) - taylor(degree, around, around + h)) for h in (0.02, 0.01)]
        orders.append(math.log2(errors[0] / errors[1]))

    theta, eta = np.array([1.0, 1.0]), 0.01
    value, gradient = surface(theta)
    beta = np.radians(np.arange(0, 361, 5))
    angle = math.atan2(gradient[1], gradient[0])
    u = np.stack([np.cos(angle + beta), np.sin(angle + beta)], axis=1)
    slopes = u @ gradient
    change = np.array([surface(theta + eta * each)[0] - value for each in u]) / eta
    series = {"u·∇L": (np.degrees(beta), slopes), "measured, η = 0.01": (np.degrees(beta), change)}
    plotting.lines(series, xlabel="angle β between u and ∇L, degrees", ylabel="change of L / η", axes=axes[1])
    axes[1].get_lines()[1].set(linestyle="none", marker=".")
    axes[1].set_xticks(range(0, 361, 90))
    path = dl.descend(surface, theta, dl.SGD(0.15), 8).path
    plotting.contours(surface, (-1.5, 1.5), (-1.5, 1.5), paths={"−η ∇L": path}, minimum=(0, 0), points=41, axes=axes[2])
    axes[2].set(aspect="equal", title="each step crosses its contour at a right angle")
    script.save("descent_direction.png", figure)
    lowest = float(np.degrees(beta[slopes.argmin()]))
    print(
        "halving the distance divides the error of degree 0, 1, 2, 3 by 2 to the power "
        + ", ".join(f"{o:.2f}" for o in orders)
    )
    print(f"u·∇L is lowest at β = {lowest:g}°: {slopes.min():.4f} = −‖∇L‖ = {-np.linalg.norm(gradient):.4f}")
    return {"orders": orders, "lowest": lowest, "slopes": slopes, "change": change, "gradient": gradient}


if __name__ == "__main__":
    main()
