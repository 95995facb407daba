"""Mistakes of users: each gets one clear error before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

N, COLUMNS = 12, 3
X = np.random.default_rng(0).standard_normal((N, COLUMNS))
LABELS = np.random.default_rng(1).integers(0, 3, N)
REAL = np.random.default_rng(2).standard_normal((N, 2))
BITS = np.random.default_rng(3).integers(0, 2, (N, 2))


def trainer_for(loss: dl.Loss, outputs: int) -> dl.Trainer:
    model = dl.Sequential(dl.Dense(COLUMNS, 4), dl.ReLU(), dl.Dense(4, outputs))
    return dl.Trainer(model, loss, dl.Adam(0.01))


def refuses(trainer: dl.Trainer, error: type[Exception], message: str, *data: Any, **options: Any) -> None:
    """fit raises this error, and the trainer is as it was."""
    before = trainer.get_weights()
    with pytest.raises(error, match=message) as raised:
        trainer.fit(*data, **{"epochs": 1, **options})
    assert isinstance(raised.value, dl.DlcoreError)
    assert (trainer.updates, trainer.epoch, trainer.history.epochs) == (0, 0, 0)
    for w, kept in zip(trainer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, kept)


def replaced(a: np.ndarray, row: int, value: Any, dtype: Any = None) -> np.ndarray:
    a = a.astype(dtype or a.dtype)
    a[row] = value
    return a


CONFIGURATION, DATA, SHAPE, DEVICE = dl.ConfigurationError, dl.DataError, dl.ShapeError, dl.DeviceError
SOFTMAX, BINARY, SQUARED = dl.SoftmaxCrossEntropy(), dl.BinaryCrossEntropy(), dl.SquaredError()

# (loss, outputs, targets, error, what the message says)
BAD_TARGETS: dict[str, tuple[dl.Loss, int, Any, type[Exception], str]] = {
    "label too large": (SOFTMAX, 3, replaced(LABELS, 5, 3), DATA, r"y\[5\] is 3; the network has 3 outputs, .*from 0 to 2"),
    "label too small": (SOFTMAX, 3, replaced(LABELS, 2, -1), DATA, r"y\[2\] is -1; .*from 0 to 2"),
    "labels from 1": (SOFTMAX, 3, LABELS + 1, DATA, r"is 3; .*from 0 to 2"),
    "enormous label": (SOFTMAX, 3, replaced(LABELS, 4, 2**63, np.uint64), DATA, r"y\[4\] is 9\.22.*from 0 to 2"),
    "fractional label": (SOFTMAX, 3, replaced(LABELS, 1, 0.5, float), DATA, r"y\[1\] is 0\.5; expected class indices"),
    "NaN label": (SOFTMAX, 3, replaced(LABELS, 0, np.nan, float), DATA, r"y\[0\] is nan; expected class indices"),
    "infinite label": (SOFTMAX, 3, replaced(LABELS, 3, np.inf, float), DATA, r"y\[3\] is inf; expected class indices"),
    "text label": (SOFTMAX, 3, np.array(["a"] * N), DATA, "<U1.*class indices from 0; encode text"),
    "text label as object": (SOFTMAX, 3, np.array(["a"] * N, object), DATA, "not numbers.*encode text"),
    "digits as text": (SOFTMAX, 3, np.array(["1"] * N), DATA, "<U1.*encode text"),
    "digits as text as objects": (SOFTMAX, 3, np.array(["1"] * N, object), DATA, "encode text"),
    "None label": (SOFTMAX, 3, [None] * N, DATA, "class indices"),
    "complex label": (SOFTMAX, 3, LABELS.astype(complex), DATA, "complex128.*class indices"),
    "masked labels": (SOFTMAX, 3, np.ma.masked_equal(LABELS, 1), DATA, "masked"),
    "ragged labels": (SOFTMAX, 3, [[0], [1, 2]] * 6, DATA, "y"),
    "no labels": (SOFTMAX, 3, None, DATA, "y"),
    "one label": (SOFTMAX, 3, 1, SHAPE, r"shape \(\).*expected class indices \(n,\)"),
    "labels in a row": (SOFTMAX, 3, LABELS[None], SHAPE, r"shape \(1, 12\).*\(n,\) or \(n, 1\), or distributions \(n, 3\)"),
    "distribution of the wrong width": (SOFTMAX, 3, np.full((N, 4), 0.25), SHAPE, r"shape \(12, 4\), and the network 3 outputs"),
    "no distribution": (SOFTMAX, 3, np.full((N, 3), 0.5), DATA, r"y\[0\] is not a distribution over 3 classes"),
    "negative distribution": (SOFTMAX, 3, replaced(np.full((N, 3), 1 / 3), 4, [-1, 1, 1]), DATA, r"y\[4\] is not a distribution"),
    "NaN in a distribution": (SOFTMAX, 3, replaced(np.full((N, 3), 1 / 3), 6, np.nan), DATA, r"y\[6\] is not a distribution"),
    "several labels a row": (SOFTMAX, 3, np.ones((N, 3), int), DATA, "BinaryCrossEntropy"),
    "binary out of range": (BINARY, 2, replaced(BITS, 7, 2), DATA, r"y\[7\] is \[2\.0, 2\.0\]; expected values from 0 to 1"),
    "binary -1 and 1": (BINARY, 2, 2 * BITS - 1, DATA, "expected values from 0 to 1"),
    "binary NaN": (BINARY, 2, replaced(BITS, 7, np.nan, float), DATA, r"y\[7, 0\] is NaN"),
    "binary (n,) for two outputs": (BINARY, 2, BITS[:, 0], SHAPE, r"shape \(12,\), and the network 2 output\(s\); expected y \(n, 2\)"),
    "binary (n, 2) for one output": (BINARY, 1, BITS, SHAPE, r"shape \(12, 2\), .* 1 output\(s\); expected y \(n,\) or \(n, 1\)"),
    "binary text": (BINARY, 2, np.array([["yes", "no"]] * N), DATA, "<U3.*0 and 1"),
    "masked bits": (BINARY, 2, np.ma.masked_equal(BITS, 1), DATA, "masked"),
    "regression NaN": (SQUARED, 2, replaced(REAL, 3, np.nan), DATA, r"y\[3, 0\] is NaN"),
    "regression infinity": (SQUARED, 2, replaced(REAL, 11, -np.inf), DATA, r"y\[11, 0\] is infinite"),
    "regression too large": (SQUARED, 2, replaced(REAL, 5, 1e39), DATA, r"y\[5, 0\] is 1e\+39, too large for float32"),
    "regression (n,) for two outputs": (SQUARED, 2, REAL[:, 0], SHAPE, r"shape \(12,\), and the network 2 output\(s\)"),
    "regression (1, n) for one output": (SQUARED, 1, REAL[:, 0][None], SHAPE, r"shape \(1, 12\).*\(n,\) or \(n, 1\)"),
    "regression in three dimensions": (SQUARED, 2, REAL[:, :, None], SHAPE, r"shape \(12, 2, 1\)"),
    "regression text": (SQUARED, 2, REAL.astype(str), DATA, "real numbers"),
    "regression dates": (SQUARED, 2, np.zeros((N, 2), "M8[D]"), DATA, "real numbers"),
    "masked numbers": (SQUARED, 2, np.ma.masked_greater(REAL, 0), DATA, "masked"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_targets(case: str) -> None:
    """The message names the row, the value and what was expected; fit and evaluate agree."""
    loss, outputs, y, error, message = BAD_TARGETS[case]
    trainer = trainer_for(loss, outputs)
    refuses(trainer, error, message, X, y)
    with pytest.raises(error, match=message):
        trainer.evaluate(X, y)


def test_sparse_targets_are_refused() -> None:
    """A sparse matrix is no target."""
    sparse = pytest.importorskip("scipy.sparse")
    refuses(trainer_for(BINARY, 2), dl.DataError, "y", X, sparse.csr_matrix(BITS))


ONE = np.ones(N)

# arguments of fit beside X and y
BAD_OPTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative epochs": ({"epochs": -1}, CONFIGURATION, "epochs=-1, expected an integer >= 0"),
    "half an epoch": ({"epochs": 0.5}, CONFIGURATION, "epochs=0.5, expected an integer"),
    "epochs True": ({"epochs": True}, CONFIGURATION, "epochs=True, expected an integer"),
    "no epochs": ({"epochs": None}, CONFIGURATION, "epochs=None, expected an integer"),
    "batch of 0": ({"batch_size": 0}, CONFIGURATION, "batch_size=0, expected a positive integer"),
    "batch of -1": ({"batch_size": -1}, CONFIGURATION, "batch_size=-1, expected a positive integer"),
    "batch of 2.0": ({"batch_size": 2.0}, CONFIGURATION, "batch_size=2.0, expected a positive integer"),
    "batch as text": ({"batch_size": "32"}, CONFIGURATION, "batch_size='32', expected a positive integer"),
    "accumulate 0": ({"accumulate": 0}, CONFIGURATION, "accumulate=0, expected a positive integer"),
    "shuffle as text": ({"shuffle": "no"}, CONFIGURATION, "shuffle='no'"),
    "a callback class": ({"callbacks": [dl.EarlyStopping]}, CONFIGURATION, "EarlyStopping.*not a dlcore.Callback"),
    "a callback alone": ({"callbacks": dl.EarlyStopping()}, CONFIGURATION, "callbacks"),
    "a function as callback": ({"callbacks": [print]}, CONFIGURATION, "print.*not a dlcore.Callback"),
    "validation alone": ({"validation": X}, CONFIGURATION, r"expected a tuple \(X, y\)"),
    "validation of one": ({"validation": (X,)}, CONFIGURATION, r"expected a tuple \(X, y\)"),
    "validation share": ({"validation": 0.2}, CONFIGURATION, r"expected a tuple \(X, y\)"),
    "validation columns": ({"validation": (X[:, :2], LABELS)}, SHAPE, "validation X has 2 columns, the network expects 3"),
    "validation rows": ({"validation": (X[:5], LABELS)}, SHAPE, "validation X has 5 rows, and y 12"),
    "validation NaN": ({"validation": (X * np.nan, LABELS)}, DATA, r"validation X\[0, 0\] is NaN"),
    "validation labels": ({"validation": (X, LABELS + 3)}, DATA, "is .; the network has 3 outputs"),
    "validation empty": ({"validation": (X[:0], LABELS[:0])}, DATA, "validation X has no rows"),
    "validation weights": ({"validation": (X, LABELS, -ONE)}, DATA, r"validation sample_weight\[0\] is -1"),
    "short weights": ({"sample_weight": ONE[:5]}, SHAPE, r"sample_weight has shape \(5,\), expected \(12,\)"),
    "negative weights": ({"sample_weight": -ONE}, DATA, r"sample_weight\[0\] is -1"),
    "no weight at all": ({"sample_weight": 0 * ONE}, DATA, "all sample_weight are zero"),
    "NaN weights": ({"sample_weight": np.nan * ONE}, DATA, r"sample_weight\[0\] is NaN"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_of_fit(case: str) -> None:
    """The message names the option, its value and what was expected."""
    options, error, message = BAD_OPTIONS[case]
    refuses(trainer_for(SOFTMAX, 3), error, message, X, LABELS, **options)


def test_mismatched_rows() -> None:
    """Both lengths are named, whichever is the longer."""
    refuses(trainer_for(SOFTMAX, 3), dl.ShapeError, "X has 11 rows, and y 12", X[:11], LABELS)
    refuses(trainer_for(SOFTMAX, 3), dl.ShapeError, "X has 12 rows, and y 11", X, LABELS[:11])
    refuses(trainer_for(SQUARED, 2), dl.ShapeError, "X has 12 rows, and y 1", X, REAL[:1])


def test_empty_data() -> None:
    """Nothing to learn from."""
    refuses(trainer_for(SOFTMAX, 3), dl.DataError, "X has no rows", X[:0], LABELS[:0])


def test_the_monitor_of_early_stopping_is_checked_before_training() -> None:
    """A monitor that fit will not report is an error before the first update."""
    refuses(
        trainer_for(SOFTMAX, 3), dl.ConfigurationError, "monitor='val_loss'", X, LABELS, callbacks=[dl.EarlyStopping()]
    )


def test_one_row_for_batch_norm() -> None:
    """A batch of one row has no variance; the message says what to do."""
    model = dl.Sequential(dl.Dense(COLUMNS, 4), dl.BatchNorm(4), dl.Dense(4, 3))
    for options in ({"batch_size": 1}, {"batch_size": 11}):
        trainer = dl.Trainer(model, SOFTMAX, dl.SGD(0.1))
        refuses(trainer, dl.DataError, "BatchNorm: a training batch has 1 row", X, LABELS, **options)


@pytest.mark.parametrize("method", ["predict", "predict_labels"])
def test_bad_input_of_predict(method: str) -> None:
    """predict checks as fit does."""
    trainer = trainer_for(SOFTMAX, 3)
    with pytest.raises(dl.ShapeError, match="2 columns, the network expects 3"):
        getattr(trainer, method)(X[:, :2])
    with pytest.raises(dl.DataError, match=r"X\[0, 0\] is NaN"):
        getattr(trainer, method)(X * np.nan)
    with pytest.raises(dl.DataError, match="no rows"):
        getattr(trainer, method)(X[:0])


def test_bad_weights_are_refused_whole() -> None:
    """set_weights changes all arrays or none, and names the one that does not fit."""
    trainer = trainer_for(SOFTMAX, 3)
    before = trainer.get_weights()
    good = [w + 1 for w in before]
    bad: list[tuple[Any, type[Exception], str]] = [
        (good[:3], dl.ShapeError, r"3 arrays, expected 4: 0\.W, 0\.b, 2\.W, 2\.b"),
        ([*good[:3], np.zeros(4)], dl.ShapeError, r"2\.b has shape \(4,\), expected \(3,\)"),
        ([*good[:2], good[2].T, good[3]], dl.ShapeError, r"2\.W has shape \(3, 4\), expected \(4, 3\)"),
        ([*good[:3], np.array(["a", "b", "c"])], dl.DataError, r"2\.b is <U1, expected numbers"),
        ([*good[:3], np.zeros(3, complex)], dl.DataError, r"2\.b is complex128, expected numbers"),
        ([*good[:3], [[1.0], [1.0, 2.0]]], dl.DataError, r"2\.b"),
    ]
    for weights, error, message in bad:
        with pytest.raises(error, match=message):
            trainer.set_weights(weights)
        for w, kept in zip(trainer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(w, kept)


# -- parts that do not fit together --------------------------------------------------------------------------------------

MODEL = dl.Sequential(dl.Dense(3, 3))
SGD = dl.SGD(0.1)


def ending(loss: dl.Loss, *layers: dl.Layer) -> dl.Trainer:
    """A trainer whose network ends like this before the loss."""
    return dl.Trainer(dl.Sequential(*layers), loss, SGD)


BAD_TRAINERS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "loss class": (lambda: dl.Trainer(MODEL, dl.SquaredError, SGD), CONFIGURATION, "loss=.*SquaredError.*with parentheses"),
    "optimizer class": (lambda: dl.Trainer(MODEL, SQUARED, dl.Adam), CONFIGURATION, "optimizer=.*Adam.*with parentheses"),
    "loss name": (lambda: dl.Trainer(MODEL, "mse", SGD), CONFIGURATION, "loss='mse', expected a Loss"),
    "optimizer name": (lambda: dl.Trainer(MODEL, SQUARED, "adam"), CONFIGURATION, "optimizer='adam', expected an? Optimizer"),
    "list as model": (lambda: dl.Trainer([dl.Dense(3, 3)], SQUARED, SGD), CONFIGURATION, "model=.*expected a Sequential"),
    "exchanged": (lambda: dl.Trainer(MODEL, SGD, SQUARED), CONFIGURATION, r"loss=SGD\(.*expected a Loss"),
    "unknown device": (lambda: dl.Trainer(MODEL, SQUARED, SGD, device="gpu"), DEVICE, "'gpu' is unknown; expected 'cpu', 'cuda'"),
    "device in capitals": (lambda: dl.Trainer(MODEL, SQUARED, SGD, device="CPU"), DEVICE, "'CPU' is unknown"),
    "device number": (lambda: dl.Trainer(MODEL, SQUARED, SGD, device="cuda:x"), DEVICE, "'cuda:x' is unknown"),
    "negative device": (lambda: dl.Trainer(MODEL, SQUARED, SGD, device="cuda:-1"), DEVICE, "'cuda:-1' is unknown"),
    "no device": (lambda: dl.Trainer(MODEL, SQUARED, SGD, device=None), DEVICE, "None is unknown"),
    "dtype float16": (lambda: dl.Trainer(MODEL, SQUARED, SGD, dtype="float16"), CONFIGURATION, "'float16'.*float32, float64"),
    "dtype int": (lambda: dl.Trainer(MODEL, SQUARED, SGD, dtype="int32"), CONFIGURATION, "'int32'.*float32, float64"),
    "negative seed": (lambda: dl.Trainer(MODEL, SQUARED, SGD, seed=-1), CONFIGURATION, r"seed=-1: expected an integer from 0"),
    "huge seed": (lambda: dl.Trainer(MODEL, SQUARED, SGD, seed=2**64), CONFIGURATION, "seed=18446744073709551616"),
    "fractional seed": (lambda: dl.Trainer(MODEL, SQUARED, SGD, seed=1.5), CONFIGURATION, "seed=1.5"),
    "no seed": (lambda: dl.Trainer(MODEL, SQUARED, SGD, seed=None), CONFIGURATION, "seed=None"),
    "softmax twice": (lambda: ending(SOFTMAX, dl.Dense(3, 3), dl.Softmax()), CONFIGURATION, "built in; remove the Softmax layer"),
    "sigmoid before softmax": (lambda: ending(SOFTMAX, dl.Dense(3, 3), dl.Sigmoid()), CONFIGURATION, "built in; remove the Sigmoid layer"),
    "sigmoid twice": (lambda: ending(BINARY, dl.Dense(3, 1), dl.Sigmoid()), CONFIGURATION, "built in; remove the Sigmoid layer"),
    "softmax before binary": (lambda: ending(BINARY, dl.Dense(3, 2), dl.Softmax()), CONFIGURATION, "built in; remove the Softmax layer"),
    "softmax of one output": (lambda: ending(SOFTMAX, dl.Dense(3, 1)), CONFIGURATION, "at least 2 outputs.*use BinaryCrossEntropy"),
    "an empty model": (lambda: dl.Sequential(), CONFIGURATION, "expected at least one layer"),
    "a layer class": (lambda: dl.Sequential(dl.Dense(3, 3), dl.ReLU), CONFIGURATION, "layer 1 is .*ReLU.*with parentheses"),
    "a layer class in Residual": (lambda: dl.Residual(dl.ReLU), CONFIGURATION, "not a layer"),
    "a function as layer": (lambda: dl.Sequential(dl.Dense(3, 3), np.tanh), CONFIGURATION, "layer 1 is .*tanh.*not a layer"),
    "a list of layers": (lambda: dl.Sequential([dl.Dense(3, 3)]), CONFIGURATION, "layer 0 is .*not a layer"),
    "widths": (lambda: dl.Sequential(dl.Dense(3, 4), dl.ReLU(), dl.Dense(5, 2)), CONFIGURATION, "layer 2, Dense, expects 5.*gets 4"),
    "normalization width": (lambda: dl.Sequential(dl.Dense(3, 4), dl.BatchNorm(3)), CONFIGURATION, "layer 1, BatchNorm, expects 3.*gets 4"),
    "no width": (lambda: dl.Sequential(dl.ReLU()), CONFIGURATION, "how many columns come in"),
    "Residual width": (lambda: dl.Sequential(dl.Dense(3, 4), dl.Residual(dl.Dense(4, 5))), CONFIGURATION, "turn 4 columns into 5"),
    "Residual inside": (lambda: dl.Sequential(dl.Residual(dl.Dense(4, 5), dl.Dense(4, 4))), CONFIGURATION, "expects 4 columns, and gets 5"),
    "empty Residual": (lambda: dl.Residual(), CONFIGURATION, "at least one layer"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TRAINERS)
def test_bad_parts_of_a_trainer(case: str) -> None:
    """Each is refused where it is given, with what was expected."""
    build, error, message = BAD_TRAINERS[case]
    with pytest.raises(error, match=message) as raised:
        build()
    assert isinstance(raised.value, dl.DlcoreError)


def test_cuda_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" names the pip command; "auto" says in one line that it uses the CPU."""
    import sys

    monkeypatch.setitem(sys.modules, "cupy", None)
    from dlcore.backends.backend import _cuda

    _cuda.cache_clear()
    with pytest.raises(dl.DeviceError, match=r'pip install "cupy-cuda13x\[ctk\]"'):
        dl.Trainer(MODEL, SQUARED, SGD, device="cuda")


def test_auto_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One line, and the CPU."""
    import sys

    monkeypatch.setitem(sys.modules, "cupy", None)
    with caplog.at_level("WARNING", logger="dlcore"):
        trainer = dl.Trainer(MODEL, SQUARED, SGD, device="auto")
    assert trainer.device == "cpu"
    assert len(caplog.records) == 1
    assert "using the CPU" in caplog.records[0].getMessage()
    assert "\n" not in caplog.records[0].getMessage()


BAD_NUMBERS: dict[str, Callable[[], Any]] = {
    f"{text}": (lambda text=text: eval(text, {"dl": dl, "nan": float("nan"), "inf": float("inf")}))
    for text in (
        "dl.SGD(0)", "dl.SGD(-0.1)", "dl.SGD(nan)", "dl.SGD(inf)", "dl.SGD('0.1')", "dl.SGD(None)", "dl.SGD(True)",
        "dl.SGD(0.1, momentum=1)", "dl.SGD(0.1, momentum=-0.1)", "dl.SGD(0.1, 0.9, dampening=2)", "dl.SGD(0.1, nesterov=True)",
        "dl.SGD(0.1, 0.9, 0.5, nesterov=True)", "dl.SGD(0.1, l2=-1)", "dl.SGD(0.1, l2=nan)", "dl.SGD(0.1, weight_decay=-1)",
        "dl.SGD(0.1, clip_norm=0)", "dl.SGD(0.1, clip_norm=-1)", "dl.SGD(0.1, max_norm=0)", "dl.SGD(0.1, schedule=0.5)",
        "dl.SGD(0.1, decay_schedule=0.5)", "dl.AdamW(0.1, decay_schedule=dl.schedules.WarmUp)",
        "dl.MovingAverageSGD(0.1, beta=1)", "dl.MovingAverageSGD(0.1, look_ahead=-1)", "dl.MovingAverageSGD(0.1, look_ahead=nan)",
        "dl.Adam(1e-3, beta1=1)", "dl.Adam(1e-3, beta2=-0.1)", "dl.Adam(1e-3, epsilon=0)", "dl.Adam(1e-3, epsilon=-1)",
        "dl.AdaGrad(0.1, epsilon=0)", "dl.RMSProp(0.1, rho=1)", "dl.RMSProp(0.1, epsilon='1')", "dl.Nadam(0.1, beta1=1)",
        "dl.Lion(0.1, beta2=1)", "dl.NormalizedGradient(0)", "dl.NormalizedGradient(0.1, epsilon=nan)",
        "dl.SGD(0.1, 0.9, velocity='steps')", "dl.SGD(0.1, 0.9, 0.5, velocity='step')",
        "dl.AdamW(1e-3, weight_decay=-0.1)", "dl.AdamW(1e-3, weight_decay='0.1')",
        "dl.Dense(0, 3)", "dl.Dense(3, -1)", "dl.Dense(3.0, 3)", "dl.Dense('3', 3)", "dl.Dense(True, 3)", "dl.Dense(3, 3, init='he')",
        "dl.Dropout(1)", "dl.Dropout(-0.1)", "dl.Dropout(nan)", "dl.Dropout('0.5')", "dl.Dropout(0.5, schedule=0.5)",
        "dl.BatchNorm(0)", "dl.BatchNorm(3, momentum=2)",
        "dl.BatchNorm(3, epsilon=-1)", "dl.LayerNorm(2.5)", "dl.LayerNorm(3, epsilon=nan)", "dl.LeakyReLU(-1)", "dl.LeakyReLU(nan)",
        "dl.ELU(-1)", "dl.ELU('1')", "dl.PReLU(nan)", "dl.GELU('fast')", "dl.GELU(True)",
        "dl.SoftmaxCrossEntropy(1)", "dl.SoftmaxCrossEntropy(-0.1)", "dl.SoftmaxCrossEntropy(nan)", "dl.SoftmaxCrossEntropy('0.1')",
        "dl.Huber(0)", "dl.Huber(nan)", "dl.Huber('1')",
        "dl.EarlyStopping(patience=0)", "dl.EarlyStopping(patience=1.5)", "dl.EarlyStopping(min_delta=nan)",
        "dl.schedules.InverseTimeDecay(0)", "dl.schedules.InverseTimeDecay(nan)", "dl.schedules.CosineDecay(-5)",
        "dl.schedules.CosineDecay(10, floor=2)", "dl.schedules.StepDecay(0)", "dl.schedules.StepDecay(5, 1.5)",
        "dl.schedules.ExponentialDecay(5, -1)", "dl.schedules.InverseScaling(0)", "dl.schedules.OneCycle(1)",
        "dl.schedules.OneCycle(10, 1)", "dl.schedules.OneCycle(10, start=nan)", "dl.schedules.WarmUp(0)",
        "dl.schedules.WarmUp(5, 0.5)", "dl.schedules.WarmUp('5')", "dl.ReduceOnPlateau(factor=1)", "dl.ReduceOnPlateau(patience=0)",
        "dl.ReduceOnPlateau(min_rate=-1)", "dl.ReduceOnPlateau(3)", "dl.initializers.Normal('1')",
        "dl.initializers.GlorotUniform(nan)", "dl.initializers.Constant(None)", "dl.Dense(3, 3, bias_init=0)", "dl.Dense(3, 3, init=0)",
    )
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_hyperparameters(case: str) -> None:
    """A hyperparameter out of range is refused where it is written, and the message names the class."""
    with pytest.raises(dl.ConfigurationError, match=case.split("(")[0].rsplit(".", 1)[1]) as raised:
        BAD_NUMBERS[case]()
    assert len(str(raised.value).splitlines()) == 1


def test_integers_of_numpy_are_integers() -> None:
    """Sizes that come out of NumPy, such as y.max() + 1, are sizes."""
    assert dl.Dense(np.int64(3), np.int32(4)) == dl.Dense(3, 4)
    assert dl.BatchNorm(np.int64(3)) == dl.BatchNorm(3)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(np.int64(COLUMNS), np.int32(3))), SOFTMAX, dl.SGD(0.1))
    trainer.fit(X, LABELS, epochs=1)


def test_numbers_of_numpy_are_numbers() -> None:
    """So are rates and other hyperparameters, in float32 too."""
    assert dl.Dropout(np.float32(0.5)) == dl.Dropout(0.5)
    assert dl.SGD(np.float32(0.25)) == dl.SGD(0.25)
    assert dl.SoftmaxCrossEntropy(np.float32(0.25)) == dl.SoftmaxCrossEntropy(0.25)


def test_an_activation_given_to_dense_is_named() -> None:
    """Dense(4, 8, "relu") is how other libraries write it; here it would have been a bias."""
    with pytest.raises(dl.ConfigurationError, match="activation is a layer of its own"):
        dl.Dense(4, 8, "relu")  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["x", None])
def test_a_schedule_without_a_number(bad: Any) -> None:
    """One error names the schedule and the update."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(COLUMNS, 3)), SOFTMAX, dl.SGD(0.1, schedule=lambda step: bad))
    with pytest.raises(dl.ConfigurationError, match="schedule: no factor for update 0"):
        trainer.fit(X, LABELS, epochs=1)


def test_weights_of_nan_are_refused() -> None:
    """set_weights takes what a network can have."""
    trainer = trainer_for(SOFTMAX, 3)
    weights = trainer.get_weights()
    weights[0][0, 0] = np.nan
    with pytest.raises(dl.DataError, match=r"0\.W\[0, 0\] is NaN"):
        trainer.set_weights(weights)
    with pytest.raises(dl.DataError, match="expected a list of arrays"):
        trainer.set_weights(None)  # type: ignore[arg-type]
