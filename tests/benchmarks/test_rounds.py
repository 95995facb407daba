"""The arithmetic of rounds, ratios and tables, on made-up numbers; the rule that ends a run; the products of a step."""

from __future__ import annotations

import numpy as np
import pytest
import rounds
import rules
import tables
import tasks
import time_peers
import time_step
from peers import bare_products_cuda

import dlcore as dl


def test_a_ratio_is_taken_within_its_round() -> None:
    """A machine that slows everybody down tenfold in one round changes no ratio; a ratio of medians would be 2.5."""
    ours, theirs = [1.0, 10.0, 2.0], [2.0, 20.0, 5.0]
    assert rounds.ratios(theirs, ours) == rounds.Spread(median=2.0, least=2.0, most=2.5)


def test_an_even_number_of_rounds_has_the_middle_of_two_as_its_median() -> None:
    assert rounds.Spread.of([4.0, 1.0, 3.0, 2.0]) == rounds.Spread(2.5, 1.0, 4.0)


def test_ratios_of_different_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        rounds.ratios([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="no median"):
        rounds.ratios([], [])


def test_nobody_always_follows_the_same() -> None:
    """Every contestant takes part in every round, and each round begins with another one."""
    calls: list[str] = []
    turns = {name: lambda name=name: calls.append(name) or len(calls) for name in "abc"}
    assert rounds.interleaved(turns, 4) == {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11], "c": [3, 5, 7, 12]}
    assert "".join(calls) == "abc" + "bca" + "cab" + "abc"
    assert list(rounds.order([], 3)) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234e-9, "1.23 ns"), (9.996e-7, "1.00 µs"), (1.2345e-4, "123 µs"), (0.99949, "999 ms"), (0.9996, "1.00 s"),
        (12.34, "12.3 s"), (1234.5, "1234 s"),
    ],
)  # fmt: skip
def test_times_have_three_digits(value: float, text: str) -> None:
    assert tables.seconds(value) == text


def test_a_table_refuses_rows_of_another_length() -> None:
    assert tables.markdown(("a", "b"), [("x", "1.00"), ("long", "2")]).splitlines() == [
        "| a    |    b |", "| :--- | ---: |", "| x    | 1.00 |", "| long |    2 |",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="under a header of 2"):
        tables.markdown(("a", "b"), [("x",)])


def _result(contestant: str, times: list[float]) -> dict[str, object]:
    return {
        "contestant": contestant, "network": "n", "step_seconds": times, "setup_seconds": [0.1] * len(times),
        "operations": 2e6, "facts": {"version": "1"},
    }  # fmt: skip


def test_the_best_of_a_library_is_its_fastest_way() -> None:
    """Its ratio is that of its own rounds; ways with fewer bits are another row."""
    results = [
        _result("dlcore", [1.0, 2.0, 1.0]),
        _result("torch eager", [9.0, 9.0, 9.0]),
        _result("torch fused", [3.0, 8.0, 4.0]),
        _result("torch bf16", [0.5, 1.0, 0.5]),
    ]
    table = time_peers.best_of_libraries({"results": results}).splitlines()
    assert [cell.strip() for cell in table[2].split("|")[1:3]] == ["torch", "4.00 (3.00 to 4.00) fused"]
    assert "0.500 (0.500 to 0.500)" in table[3]
    assert time_peers.best_of_libraries({"results": results[1:]}) == ""


def test_a_step_beside_its_products() -> None:
    """Medians 2 ms and 1 ms, ratios 2, 1 and 3, and 2 million operations in 2 ms: 1 GFLOP/s."""
    results = [_result("dlcore", [2e-3, 1e-3, 3e-3]), _result("bare products", [1e-3, 1e-3, 1e-3])]
    row = [cell.strip() for cell in time_step.summary({"results": results}).splitlines()[2].split("|")[1:-1]]
    assert row == ["n", "2.00 ms", "1.00 ms", "2.00 (1.00 to 3.00)", "1.00", "100 ms"]
    assert "not measured" in time_step.summary({"results": results[:1]})


def test_products_are_those_of_the_recorded_step() -> None:
    """As many operations as the training step itself counts."""
    for task in tasks.NETWORKS[:2]:
        layers = [
            layer for i, o in zip(task.widths, task.widths[1:], strict=False) for layer in (dl.Dense(i, o), dl.ReLU())
        ]
        trainer = dl.Trainer(dl.Sequential(*layers[:-1]), dl.SoftmaxCrossEntropy(), dl.Adam(1e-3))
        assert trainer.step.operations / 128 == task.operations / task.batch  # recorded for 128 rows


def test_products_by_columns() -> None:
    """The arrays that cuBLASLt reads by columns give, read by rows, the product that was asked for."""
    random = np.random.default_rng(0)
    for kind, m, k, n in tasks.Task((5, 4, 3), 2, 2).products():
        a = random.standard_normal((k, m) if kind == "weights" else (m, k))
        b = random.standard_normal((n, k) if kind == "inputs" else (k, n))
        expected = (a.T if kind == "weights" else a) @ (b.T if kind == "inputs" else b)
        layout = bare_products_cuda.layout(kind, m, k, n)
        first, second = b.ravel().reshape(layout.first, order="F"), a.ravel().reshape(layout.second, order="F")
        product = (first.T if layout.transpose_first else first) @ (second.T if layout.transpose_second else second)
        assert product.shape == layout.result
        np.testing.assert_allclose(product.ravel(order="F").reshape(m, n), expected)


def test_rows_that_are_not_whole_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="100 rows are not a multiple of the batch, 32"):
        tasks.Task((4, 2), 32, 100)
    assert tasks.Task((4, 2), 32, 960).with_rows(100).rows == 96
    assert tasks.Task((4, 2), 32, 960).with_rows(1).rows == 32


def test_no_improvement() -> None:
    """0.95 and 0.94 are less than 0.1 below 1.0, 0.85 is not; then three epochs in a row bring too little."""
    rule = rules.NoImprovement(tolerance=0.1, epochs=2)
    assert [rule(loss, lambda: 0.0) for loss in (1.0, 0.95, 0.94, 0.83, 0.8, 0.79, 0.85)] == [False] * 6 + [True]


@pytest.mark.slow
def test_no_improvement_is_scikit_learns_rule() -> None:
    """Its MLPClassifier on noisy data, epoch by epoch: the rule says stop after as many epochs."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    random = np.random.default_rng(0)
    X, y = random.standard_normal((60, 5)), random.integers(0, 2, 60)
    how = {"learning_rate_init": 0.5, "tol": 1e-2, "n_iter_no_change": 4, "max_iter": 500, "random_state": 0}
    model = neural_network.MLPClassifier((8,), solver="sgd", **how).fit(X, y)
    rule = rules.NoImprovement(tolerance=1e-2, epochs=4)
    said = [rule(loss, lambda: 0.0) for loss in model.loss_curve_]
    assert model.n_iter_ < 500
    assert said == [False] * (model.n_iter_ - 1) + [True]


def test_reaches_asks_for_the_accuracy() -> None:
    rule = rules.Reaches(0.9)
    assert [rule(1.0, lambda a=a: a) for a in (0.5, 0.89, 0.9)] == [False, False, True]
    assert rule.met
