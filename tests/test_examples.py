"""Every example runs, and what it shows is what the lectures say: a number from each, against worked values or outsiders."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting

pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem != "script")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run an example with --quick; what its main() returns.  Pictures are composed and not rendered: that is a slow test."""
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def composed(figure: Any, dpi: float) -> bytes:
        assert all(axes.has_data() or axes.texts for axes in figure.axes)
        for axes in figure.axes:
            if axes.get_xlabel() == "epoch" and "loss" in axes.get_ylabel():  # known at the end of the first, at 1
                assert {line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) > 2} <= {1}
        return b"\x89PNG"

    def run(name: str) -> Any:
        monkeypatch.setattr(plotting, "png", composed)
        found = importlib.import_module(name).main(["--quick", "--out", str(tmp_path)])
        assert list(tmp_path.iterdir()), f"{name} leaves no picture"
        return found

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_pictures_are_rendered(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    importlib.import_module(name).main(["--quick", "--out", str(tmp_path)])
    for path in tmp_path.iterdir():
        with image.open(path) as picture:
            assert min(picture.size) > 100, path


CHANGES = [  # script, a line that it tells to change, the change
    ("activations", "limit=4.0", "limit=10.0"),
    ("adaline", "(0.01, 0.1, 0.5)", "(0.01, 0.1, 1.5)"),
    ("adaptive_rates", "rho=0.9", "rho=0.99"),
    ("backpropagation", "delta1 = (weights[2] @ delta2) * (1 - a**2)", "delta1 = (weights[2] @ delta2) * (1 - a)"),
    ("brute_force", "side = 31", "side = 100"),
    ("circuits", '{"x": 3, "y": -2}', '{"x": 0, "y": -2}'),
    ("convex", "0.3 * LIMIT", "1.01 * LIMIT"),
    ("derivatives", "return x**2", "return np.sin(x)"),
    ("early_stopping", "for rows in (15,", "for rows in (150,"),
    ("escape", "in_batches(1, seed)", "in_batches(3, seed)"),
    ("gabor", "(-1.5, 20.0)}", "(5.0, 5.0)}"),
    ("gradient_cost", "(16, 32, 64)", "(16, 32, 64, 80)"),
    ("hidden_activations", "DEPTH, WIDTH = 4", "DEPTH, WIDTH = 8"),
    ("initialization", "dl.Sigmoid()", "dl.ReLU()"),
    ("learning_rates", "1.02}", "2 / H}"),
    ("logistic_regression_numpy", "300), 1.0", "300), 300.0"),
    ("minibatches", "B = 3", "B = 1"),
    ("minibatches", "B = 3", "B = 5"),
    ("minibatches", "B = 3", "B = 9"),
    ("momentum", "BETA = 0.9", "BETA = 0.99"),
    ("noise", "RATES = (0.1,", "RATES = (0.5,"),
    ("optimizers", "dl.SGD(0.05)", "dl.SGD(0.067)"),
    ("perceptron", "spread=0.35", "spread=0.9"),
    ("random_search", "tweak=0.1", "tweak=1.0"),
    ("ravine", "dl.SGD(0.065)", "dl.SGD(0.067)"),
    ("regularization", "data(20, 0)", "data(200, 0)"),
    ("risk", "SIGMA = 1.0", "SIGMA = 0.0"),
    ("schedules", "lambda step: 1.0", "lambda step: 1 / (1 + step) ** 0.1"),
    ("sigmoid_neuron", "np.linspace(-4, 4, 81)", "10 * np.linspace(-4, 4, 81)"),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of numbers that overflow: some changes are meant to
@pytest.mark.parametrize(("name", "line", "changed"), CHANGES, ids=lambda value: value.replace(" ", ""))
def test_the_line_to_change_can_be_changed(
    name: str, line: str, changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The change that its docstring proposes runs to the end, and leaves pictures."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(plotting, "png", lambda figure, dpi: b"")
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert line in text
    example: dict[str, Any] = {"__name__": name}
    exec(compile(text.replace(line, changed), name, "exec"), example)
    example["main"](["--quick", "--out", str(tmp_path)])
    assert list(tmp_path.iterdir())


def test_every_example_is_tested_here_and_short() -> None:
    """Below 80 lines, with a docstring that says what to change; options come from script.py."""
    tests = Path(__file__).read_text(encoding="utf-8")
    for name in SCRIPTS:
        text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 80, name
        assert "change a" in text.lower() or "Change one line" in text, name
        assert f'run("{name}")' in tests, f"{name} has no test"


def test_an_unknown_option_is_refused(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module("perceptron").main(["--quik"])
    assert stopped.value.code == 2
    assert "--quik" in capsys.readouterr().err


def test_a_file_is_no_folder_for_pictures(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SystemExit):
        importlib.import_module("perceptron").main(["--out", str(tmp_path / "taken")])
    assert "taken" in capsys.readouterr().err


# -- neurons ---------------------------------------------------------------------------------------------------------


def test_perceptron(run: Any) -> None:
    """It comes to rest on separable data and not on XOR; from 0 the rate only rescales, 0.5/0.01 = 50 times."""
    found = run("perceptron")
    assert found["wrong"][-1] == 0
    assert found["unchanged"]
    assert found["xor"] >= 1
    one, other = (np.concatenate([part.ravel() for part in end]) for end in found["ends"])
    assert 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.05  # two starts, two lines
    for slow, fast in zip(*found["scaled"], strict=True):
        np.testing.assert_allclose(50 * slow, fast, rtol=1e-12)


def test_adaline(run: Any) -> None:
    """Both starts come near the least squares solution; a rate of 0.5 is nearer than 0.01 at first, and 0.1 at the end.

    Targets 0 and 1 are half as far apart: half the weights, and the same decisions.
    """
    found = run("adaline")
    for end in found["ends"]:
        assert np.linalg.norm(end - found["best"]) < 0.1
    slow, right, fast = found["distance"].values()
    assert fast[1] < right[1] < slow[1]
    assert right[-1] < min(slow[-1], fast[-1])
    assert found["same"]
    assert found["apart"][0] < 1 < found["apart"][1]  # degrees between the two lines: of Adaline, of the perceptron
    np.testing.assert_allclose(found["coded"], found["ends"][0] / 2 + [0, 0, 0.5], rtol=1e-9)


def test_sigmoid_neuron(run: Any) -> None:
    """The sigmoid's output moves by at most ¼ of a change in z, the perceptron's jumps by 1; XOR is never more than ¾ right."""
    found = run("sigmoid_neuron")
    assert found["steepest"] == pytest.approx(0.25, abs=1e-3)
    assert found["jump"] == 1
    assert found["xor"] <= 0.75
    trainer, (W, b) = found["trainer"], found["trainer"].get_weights()
    on_the_line = np.array([[x, -(b[0] + W[0, 0] * x) / W[1, 0]] for x in (-1.0, 0.0, 2.0)])
    np.testing.assert_allclose(trainer.predict(on_the_line), 0.5, atol=1e-12)


def test_neurons(run: Any) -> None:
    """Perceptron and Adaline differ in where the error comes from, and in nothing else."""
    edges = run("neurons")["edges"]
    perceptron, adaline = (edges[title] for title in edges if "the error" in title)
    assert perceptron ^ adaline == {("out", "error"), ("z", "error")}


def test_logistic_regression(run: Any) -> None:
    """By hand and by the library: the same numbers.  Weights of 0 have the loss log 2."""
    found = run("logistic_regression_numpy")
    assert found["difference"] < 1e-12
    assert found["first"] == pytest.approx(math.log(2), rel=1e-12)
    assert found["losses"][-1] < 0.5


# -- derivatives -----------------------------------------------------------------------------------------------------


def test_activations(run: Any) -> None:
    """softmax(0.1, 1.3, 2.5), the diagonal of its Jacobian, and 10 · 2 · 0.05 = 1."""
    found = run("activations")
    np.testing.assert_allclose(found["softmax"], [0.0652, 0.2164, 0.7184], atol=5e-5)
    np.testing.assert_allclose(np.diag(found["jacobian"]), [0.0609, 0.1696, 0.2023], atol=5e-5)
    np.testing.assert_allclose(found["jacobian"].sum(axis=1), 0, atol=1e-9)
    assert found["linear"] == pytest.approx([10, -10])
    assert found["bent"] == pytest.approx([10, 0])


def test_derivatives(run: Any) -> None:
    found = run("derivatives")
    assert found["snippet"] == 6.000999999999479
    np.testing.assert_allclose(found["gradient"], [4, 10], rtol=1e-9)
    np.testing.assert_allclose(found["product"], [5, 2], rtol=1e-9)
    coarse = found["h"] > 1e-4
    slopes = [
        np.polyfit(np.log(found["h"][coarse][:12]), np.log(e[coarse][:12]), 1)[0] for e in found["errors"].values()
    ]
    assert slopes == pytest.approx([1, 2], abs=0.05)


def test_circuits(run: Any) -> None:
    """The lectures' worked circuits."""
    found = run("circuits")
    for title, value, gradients in (
        ("(x + y) z", -12, [-4, -4, 3]),
        ("((a b + c) d)²", 6.25, [7.5, 5, 2.5, 25]),
        ("(a + b) / (c + d)", 0.75, [0.25, 0.25, -0.1875, -0.1875]),
        ("σ(w₁x₁ + w₂x₂ + b)", 0.7311, [-0.1966, 0.3932, -0.3932, -0.5898, 0.1966]),
    ):
        assert found[title][0] == pytest.approx(value, abs=5e-5)
        assert list(found[title][1].values()) == pytest.approx(gradients, abs=5e-5)
    circuits, gates = sys.modules["circuits"], [("f", "max", "a b")]
    tied = circuits.backward(circuits.forward({"a": 2.0, "b": 2.0}, gates), gates, 3.0)
    assert (tied["a"], tied["b"]) == (1.5, 1.5)  # a tied maximum gives each a half


def test_gates_and_chains_of_circuits(run: Any) -> None:
    """Each gate with 3 from above, by differences; (x² + 1)³ is 24 steep at 1 and 300 at 2; what is used twice sums."""
    run("circuits")
    forward, backward, gates = (getattr(sys.modules["circuits"], name) for name in ("forward", "backward", "GATES"))
    for gate, (value, _) in gates.items():
        names = ["a", "b"][: value.__code__.co_argcount]
        for at in ([1.5, -0.5], [-2.0, 0.7]):
            circuit, numbers = [("f", gate, " ".join(names))], at[: len(names)]
            back = backward(forward(dict(zip(names, numbers, strict=True)), circuit), circuit, 3.0)
            slopes = dl.numerical_gradient(lambda x, value=value: float(value(*x)), numbers)
            np.testing.assert_allclose([back[n] for n in names], 3 * slopes, rtol=1e-7, atol=1e-9, err_msg=gate)
    cube = [("p", "x²", "x"), ("q", "+", "p one"), ("r", "x²", "q"), ("f", "×", "r q")]
    for x, slope in ((1.0, 24.0), (2.0, 300.0)):
        assert backward(forward({"x": x, "one": 1.0}, cube), cube)["x"] == slope
    assert backward(forward({"a": 5.0}, [("f", "×", "a a")]), [("f", "×", "a a")], 3.0)["a"] == 30
    squares = [*((n.upper(), "x²", n) for n in "abc"), ("s", "+", "A B"), ("f", "+", "s C")]
    back = backward(forward({"a": 1.0, "b": 2.0, "c": 3.0}, squares), squares)
    assert [back[n] for n in "abc"] == [2, 4, 6]


def test_backpropagation(run: Any) -> None:
    """Scalars, vectors and matrices give the library's gradient for all three losses."""
    errors = run("backpropagation")["errors"]
    assert len(errors) == 9
    assert max(errors.values()) < 1e-14


def test_gradient_cost(run: Any) -> None:
    """Differences cost about 2N losses: their ratio to backpropagation grows with N."""
    found = run("gradient_cost")
    assert found["ratio"][-1] > 2 * found["ratio"][0] > 2
    assert found["check"]


def test_random_search(run: Any) -> None:
    """A step of η (y, x) gains η (x² + y²) = 13 η; local search never accepts worse."""
    found = run("random_search")
    assert found["gain"] == pytest.approx(13, abs=0.01)
    assert (np.diff(found["values"]["local"]) >= 0).all()
    assert found["values"]["gradient"][-1] > found["values"]["local"][-1]


# -- descent ---------------------------------------------------------------------------------------------------------


def test_descent_direction(run: Any) -> None:
    """The polynomial of degree n errs like h to the n + 1; u·∇L is lowest opposite to the gradient."""
    found = run("descent_direction")
    assert found["orders"] == pytest.approx([1, 2, 3, 4], abs=0.1)
    assert found["lowest"] == 180
    assert found["slopes"].min() == pytest.approx(-np.linalg.norm(found["gradient"]))
    assert np.abs(found["change"] - found["slopes"]).max() < 0.011  # ½ η uᵀ∇²L u <= η


def test_learning_rates(run: Any) -> None:
    """Each step multiplies θ by 1 − η h with h = 2: 0.95 and 1.02 are on both sides of 2/h."""
    found = run("learning_rates")
    for path, rate in zip(found["paths"].values(), (0.02, 0.4, 0.95, 1.02), strict=True):
        np.testing.assert_allclose(path[-1], (1 - 2 * rate) ** 40, rtol=1e-9)
    assert found["small"][-1] < -1 < 0 < found["large"][-1]  # one stays in the narrow valley, the other jumps out


def test_momentum(run: Any) -> None:
    """1 − 0.9ᵗ of η for a constant gradient; 0.1/1.9 of it for an alternating one."""
    found = run("momentum")
    np.testing.assert_allclose(found["constant"][[0, 1, 9, 21]], [0.1, 0.19, 0.6513, 0.9015], atol=5e-5)
    assert found["alternating"][-1] == pytest.approx(0.1 / 1.9, rel=0.01)


def test_ravine(run: Any) -> None:
    """a) shrinks the flat coordinate by 29/30 a step; c) steps by η in each coordinate; Adam ends nearer than a)."""
    found = run("ravine")
    steep, _, _, adam = found["distance"]
    assert steep == pytest.approx(2 * (29 / 30) ** 60, rel=1e-3)
    assert adam < steep
    assert np.median(found["lengths"][2]) == pytest.approx(0.1 * math.sqrt(2))
    assert found["lengths"][2].max() < 0.1 * math.sqrt(2) + 1e-12  # shorter where a coordinate is 0


def test_optimizers(run: Any) -> None:
    """All start at the same loss, ½ (4 + 30) = 17, and get lower; SGD's path is the closed form."""
    found = run("optimizers")
    assert {values[0] for values in found["losses"].values()} == {17.0}
    assert all(values[-1] < values[0] for values in found["losses"].values())
    shrunk = (1 - 0.05 * np.array([1.0, 30.0])) ** 20 * [-2.0, 1.0]
    np.testing.assert_allclose(found["paths"]["SGD"][20], shrunk, rtol=1e-9)


def test_adaptive_rates(run: Any) -> None:
    """AdaGrad: 1, ½, 0.1 of η at 1, 4, 100; RMSProp: 3.16, 1.24, 1.00 at 1, 10, 100; a rare feature keeps its rate.

    With ε inside the root a step is half of η at g = √(ε/3), outside at g = ε.
    """
    found = run("adaptive_rates")
    adagrad, rmsprop, adam, uncorrected = found["rates"].values()
    assert adagrad[[0, 3, 99]] == pytest.approx([1, 0.5, 0.1], abs=1e-6)
    assert rmsprop[[0, 9, 99]] == pytest.approx([3.16, 1.24, 1.00], abs=5e-3)
    assert uncorrected[[0, 9]] == pytest.approx([3.16, 6.53], abs=5e-3)
    np.testing.assert_allclose(adam, 1, rtol=1e-6)
    assert found["moves"][99, 1] == pytest.approx(1 / math.sqrt(5))
    (g, inside), (_, outside) = found["first"].values()
    np.testing.assert_allclose(inside, g / np.sqrt(g**2 + 1e-8), rtol=1e-9)
    np.testing.assert_allclose(outside, g / (g + 1e-8), rtol=1e-9)
    np.testing.assert_allclose(np.abs(found["circling"][-4:]), 0.05, atol=1e-6)


def test_schedules(run: Any) -> None:
    """Factors at the end: ½³ after three of four quarters, 0.01 exponentially, 1/√t, 0 for a cosine; and they are used."""
    found = run("schedules")
    factors, steps = found["factors"], 180
    assert factors["step"][-1] == 0.5**3
    assert factors["exponential"][-1] == pytest.approx(0.01 ** ((steps - 1) / steps))
    assert factors["inverse time"][-1] == pytest.approx(1 / (1 + (steps - 1) / 18))
    assert factors["cosine"][-1] == pytest.approx(0, abs=1e-3)
    assert max(factors["one cycle"]) == pytest.approx(1)
    assert found["losses"]["cosine"][-1] != found["losses"]["constant"][-1]


def test_convex(run: Any) -> None:
    """Every start and the network end at the closed form, where the gradient is 0; above the limit the loss grows."""
    found = run("convex")
    assert np.abs(found["gradient"]).max() < 1e-14
    for end in (*found["ends"], found["network"]):
        np.testing.assert_allclose(end, found["closed"], atol=1e-6)
    assert found["over"].values[-1] > 1e3 * found["over"].values[0]


def test_gabor(run: Any) -> None:
    """Starts 1 and 3 reach the global minimum near (0, 16.6), start 2 does not; the centre is at −θ₀ / (0.06 θ₁)."""
    found = run("gabor")
    np.testing.assert_allclose(found["minima"][0], [0, 16.6], atol=0.2)
    first, second, third = found["ends"].values()
    assert max(first, third) < 0.01 < 0.03 < second
    gabor = sys.modules["gabor"].gabor
    for theta in ((3.0, 12.0), (-4.0, 16.0)):
        centre = -theta[0] / (0.06 * theta[1])
        assert gabor(theta, centre) == pytest.approx(0, abs=1e-15)
        assert gabor(theta, centre + 1) == pytest.approx(-gabor(theta, centre - 1))
    loss = sys.modules["gabor"].loss
    np.testing.assert_allclose(
        loss(np.array([1.0, 9.0]))[1], dl.numerical_gradient(lambda t: loss(t)[0], [1.0, 9.0]), rtol=1e-6
    )


def test_brute_force(run: Any) -> None:
    """SciPy searches the same grid for the lecture's J and finds the same point; its minimize ends where the neuron does."""
    optimize = pytest.importorskip("scipy.optimize")
    found, script = run("brute_force"), sys.modules["brute_force"]

    def J(theta: Any) -> float:
        return float(((script.Y - 1 / (1 + np.exp(-theta[0] * script.X - theta[1]))) ** 2).sum() / len(script.X))

    point, lowest, _, _ = optimize.brute(J, (slice(-1, 5, 31j), slice(-4, 2, 31j)), full_output=True, finish=None)
    np.testing.assert_allclose(found["grid"], point, atol=1e-12)
    assert found["lowest"] == pytest.approx(lowest, rel=1e-12)
    best = optimize.minimize(J, point, tol=1e-10)
    np.testing.assert_allclose(found["found"], best.x, atol=1e-3)
    assert found["J"] == pytest.approx(best.fun, rel=1e-5)
    assert best.fun < lowest
    assert found["digits"] == 15700


def test_minibatches(run: Any) -> None:
    """The mean of all batch gradients is the full one; the batch's loss rises and falls while that of all rows falls."""
    found = run("minibatches")
    np.testing.assert_allclose(np.mean(found["parts"], axis=0), found["full"], rtol=1e-12)
    np.testing.assert_allclose(found["mean"], found["full"], rtol=1e-12)
    assert (np.diff(found["values"]) > 0).sum() > 10
    assert found["whole"][-1] < 0.3 * found["whole"][0]


def test_batch_size(run: Any) -> None:
    """With four copies of the rows, batch steps give the same losses for four times the rows."""
    found = run("batch_size")
    seen = list(found["seen"].values())
    (rows, losses), (rows4, losses4) = seen[:2]
    np.testing.assert_allclose(losses, losses4, rtol=1e-9)
    np.testing.assert_array_equal(4 * rows, rows4)
    (_, mini), (_, mini4) = seen[2:]
    assert mini4[1] < mini[1]
    small, large = found["memory"]
    # for each of 240 rows more: x, the hidden activations and their deltas, 64 numbers of 4 bytes each, 10 deltas and the weight
    # of the row; 8 bytes each for its index and its label; little else
    assert large - small == pytest.approx(240 * (4 * (3 * 64 + 10 + 1) + 2 * 8), rel=0.05)


def test_escape(run: Any) -> None:
    """All rows stay in the local minimum and on the ridge; single rows and noise leave both."""
    found = run("escape")
    np.testing.assert_allclose(found["stays"], [-6.0, 11.5], atol=0.2)
    assert found["away"] == found["tries"] == found["lower"]
    assert found["ridge"][1] == 0
    assert abs(found["leaves"][1]) == pytest.approx(math.sqrt(2), abs=0.1)


def test_noise(run: Any) -> None:
    """Variance η/(2 − η); with η_t = 1/t, θ_t is the running mean of the rows, from any start."""
    found = run("noise")
    for eta, variance in found["variances"].items():
        assert variance == pytest.approx(eta / (2 - eta), rel=0.25)  # 1500 correlated values
    means = np.cumsum(found["rows"]) / np.arange(1, len(found["rows"]) + 1)
    np.testing.assert_allclose(found["path"][1:], means[:200], rtol=1e-10)
    constant, decaying, _ = (distance[-1] for distance in found["distances"].values())
    assert decaying < 0.5 * constant


def test_risk(run: Any) -> None:
    """Empirical risk is off by 1/√n."""
    found = run("risk")
    assert found["slope"] == pytest.approx(-0.5, abs=0.1)
    assert found["lowest"] == pytest.approx(2, abs=0.6)


def test_early_stopping(run: Any) -> None:
    """Trained on, the empirical risk falls and the risk rises; the epoch that is kept has the lowest held-out loss."""
    found = run("early_stopping")
    assert found["loss"][-1] < found["loss"][found["best"] - 1]
    assert found["risk"][-1] > 1.1 * found["kept"]
    assert found["kept"] == pytest.approx(found["risk"][found["best"] - 1], rel=1e-5)


# -- networks --------------------------------------------------------------------------------------------------------


def test_regularization(run: Any) -> None:
    """More l2, higher loss on the training rows and smaller weights."""
    found = run("regularization")
    assert (np.diff(found["by_l2"][:, 0]) > 0).all()
    assert found["norms"][0.01] < found["norms"][0.0]
    assert found["best"][50][0] == found["by_l2"][:, 1].min()


def test_initialization(run: Any) -> None:
    """Equal units stay equal; zero output weights leave the hidden ones alone for one step only; large weights saturate."""
    found = run("initialization")
    assert (found["same"], found["other"]) == (1, 6)
    slopes = list(found["saturation"].values())
    assert slopes[0] == pytest.approx(0.25, abs=1e-3)
    assert slopes == sorted(slopes, reverse=True)
    assert slopes[-1] < 0.05
    assert all(losses[-1] < losses[0] for _, losses, _ in found["ways"].values())
    first, second = found["moved"]["output weights 0"][1:3]
    assert (first, second > 0, found["moved"]["output weights Glorot"][1] > 0) == (0, True, True)
    zero, drawn = (found["ways"][name][2][0][1] for name in ("Glorot", "biases N(0, 1)"))
    assert not zero.any()
    assert abs(drawn.std() - 1) < 4 / math.sqrt(2 * len(drawn))  # of 32 biases; the error of a deviation is σ/√2n


def test_hidden_activations(run: Any) -> None:
    """Four sigmoid layers let less than a hundredth of the gradient through, ReLU most of it."""
    found = run("hidden_activations")
    ratio = {name: norms[0] / norms[-1] for name, (_, norms, *_) in found.items()}
    assert ratio["Sigmoid"] < 0.02 < 0.3 < ratio["ReLU"]
    assert found["ReLU"][0][-1] < found["Sigmoid"][0][-1]
