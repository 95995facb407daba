"""A derivative is the slope of the tangent: the limit of (f(x + h) − f(x)) / h.  On a computer h cannot be too small.

Change one line: f = np.sin, or another h in `approx_derivative`.
"""

import numpy as np
from script import Script

import dlcore as dl
from dlcore import plotting


def f(x):
    return x**2


def approx_derivative(f, x, h=0.001):
    """The lecture's snippet is one line of the library."""
    return dl.numerical_gradient(f, x, h, "forward")


def main(arguments=None):
    script = Script(__doc__, arguments)
    figure, axes = plotting.panels(3)

    a, x = 1.0, np.linspace(-0.5, 3.0, 100)
    axes[0].plot(x, f(x), color="black", linewidth=2, label="f = x²")
    for i, h in enumerate((1.5, 0.8, 0.3, 1e-6)):
        slope = approx_derivative(f, a, h)
        name = "tangent" if h < 1e-3 else f"h = {h}"
        axes[0].plot(x, f(a) + slope * (x - a), color=plotting.COLORS[i], label=f"{name}: slope {slope:.2f}")
    axes[0].set(title="secants turn into the tangent at 1", xlabel="x", ylim=(-1.5, 9))
    axes[0].legend(fontsize="small")

    hs = np.logspace(-14, 0, 57)
    errors = {
        method: np.array([abs(dl.numerical_gradient(np.exp, 1.0, h, method) - np.e) for h in hs])
        for method in ("forward", "central")
    }
    series = {name: (hs, np.maximum(e, 1e-13)) for name, e in errors.items()}
    plotting.lines(series, xlabel="h", ylabel="error of (e^x)′ at 1", log_x=True, log_y=True, axes=axes[1])
    axes[1].set_title("too large: formula; too small: rounding")

    def bowl(x):
        return float(x[0] ** 2 + x[1] ** 2)

    gradient = dl.numerical_gradient(bowl, [2.0, 5.0])
    plotting.contours(bowl, (-7, 7), (-7, 7), names=("x₁", "x₂"), points=41, axes=axes[2])
    arrow = {"arrowstyle": "-|>", "color": plotting.COLORS[1], "linewidth": 2}
    axes[2].annotate(
        "", xy=(2 + 0.3 * gradient[0], 5 + 0.3 * gradient[1]), xytext=(2, 5), arrowprops=arrow, annotation_clip=False
    )
    axes[2].plot(2, 5, "o", color=plotting.COLORS[1])
    axes[2].set(
        title=f"∇(x₁² + x₂²) at (2, 5) = ({gradient[0]:.0f}, {gradient[1]:.0f}), drawn at 0.3",
        ylim=(-7, 9),
        aspect="equal",
    )
    script.save("derivatives.png", figure)

    for name, g, points in (("3x", lambda x: 3 * x, (2, 5)), ("x²", f, (2, 5, 3))):
        for at in points:
            print(
                f"f = {name} at {at}: f = {g(at)}, f(x + 0.001) = {g(at + 0.001):.6f}, quotient {approx_derivative(g, at)!r}"
            )
    best = {name: hs[e.argmin()] for name, e in errors.items()}
    print(
        f"most exact h: forward {best['forward']:.0e}, central {best['central']:.0e}; below that, rounding takes over"
    )
    product = dl.numerical_gradient(lambda v: v[0] * v[1], [2.0, 5.0])
    print(f"by hand: ((x + h)² − x²) / h = 2x + h, which tends to 2x; at 3 it is {approx_derivative(f, 3.0, 1e-6):.4f}")
    print(f"by hand: ((x + h) y − x y) / h = y, and so (y, x) for x·y; at (2, 5) it is {product.round(4)}")
    return {"snippet": approx_derivative(f, 3), "gradient": gradient, "errors": errors, "h": hs, "product": product}


if __name__ == "__main__":
    main()
