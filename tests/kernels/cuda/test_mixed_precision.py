"""Training in 16 bits on the emulated device: against the same training in float64, and what happens when a gradient overflows."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import cuda_backend
from dlcore.kernels import cuda, reference
from dlcore.kernels.reference.mixed import FIRST_SCALE, LARGEST_SCALE, OPTIMIZERS, PATIENCE

from ...examples import Factored
from .emulation import COMPILER, MISSING, EmulatedDevice

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)
pytest.importorskip("ml_dtypes")

DEVICE = EmulatedDevice()
BACKEND = cuda_backend("emulated", np, DEVICE, nullcontext)
RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((320, 12))
LABELS = (X[:, :3] @ RANDOM.standard_normal((3, 4))).argmax(axis=1)
VALUES = np.sin(X[:, :2])
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


def trainer(dtype: str, hidden: tuple[dl.Layer, ...] = (dl.ReLU(),), **options: Any) -> dl.Trainer:
    # before BatchNorm a bias has the gradient 0, of whose rounding Adam makes steps of full length
    bias = not isinstance(hidden[0], dl.BatchNorm)
    model = dl.Sequential(dl.Dense(12, 24, bias=bias), *hidden, dl.Dense(24, 4))
    options = {"optimizer": dl.Adam(3e-3), "device": BACKEND, "seed": 4} | options
    return dl.Trainer(model, dl.SoftmaxCrossEntropy(), dtype=dtype, **options)


@pytest.mark.parametrize(
    ("dtype", "hidden"),
    [
        ("float16", (dl.ReLU(), dl.Dropout(0.2))),
        ("bfloat16", (dl.ReLU(), dl.Dropout(0.2))),
        ("float16", (dl.BatchNorm(24), dl.GELU())),
        ("bfloat16", (dl.LayerNorm(24), dl.PReLU())),
    ],
    ids=["float16", "bfloat16", "batch norm", "layer norm"],
)
def test_training_follows_float64(dtype: str, hidden: tuple[dl.Layer, ...]) -> None:
    """Two epochs: the losses to a few units of the dtype, weights that moved as far and in the same direction."""
    runs = {name: trainer(name, hidden) for name in (dtype, "float64")}
    start = np.concatenate([w.ravel() for w in runs["float64"].get_weights()])
    for run in runs.values():
        run.fit(X, LABELS, epochs=2, batch_size=32, validation=(X[:100], LABELS[:100]))
    ours, theirs = runs[dtype], runs["float64"]
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=2 * EPS[dtype])
    np.testing.assert_allclose(ours.history["val_loss"], theirs.history["val_loss"], rtol=4 * EPS[dtype])
    moved = [np.concatenate([w.ravel() for w in run.get_weights()]) - start for run in (ours, theirs)]
    cosine = moved[0] @ moved[1] / np.linalg.norm(moved[0]) / np.linalg.norm(moved[1])
    assert cosine > 1 - 8 * EPS[dtype]
    assert ours.skipped_updates == 0
    assert all(w.dtype == np.float32 for w in ours.get_weights())
    assert ours.predict(X).dtype == np.float32
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=8 * EPS[dtype])


@pytest.mark.parametrize(
    "optimizer", [dl.SGD(0.05, momentum=0.9, l2=1e-3), dl.MovingAverageSGD(0.05, 0.9, nesterov=True)]
)
def test_regression_with_accumulated_gradients(optimizer: dl.Optimizer) -> None:
    """Targets and sums are not rounded to 16 bits; look-ahead and max-norm are followed by the copy of the weights."""
    losses = {}
    for dtype in ("float16", "float64"):
        model = dl.Sequential(dl.Dense(12, 16), dl.Tanh(), dl.Dense(16, 2))
        run = dl.Trainer(model, dl.SquaredError(), optimizer, device=BACKEND, dtype=dtype, seed=1)
        run.state.set_counter("scaling", np.array([16.0]))
        losses[dtype] = run.fit(X, VALUES + 30, epochs=2, batch_size=48, accumulate=2)["loss"]
        assert_copy_follows(run)
    np.testing.assert_allclose(losses["float16"], losses["float64"], rtol=2e-3)


def assert_copy_follows(run: dl.Trainer) -> None:
    """What layers compute with is what the parameters are, rounded."""
    state = run.state
    assert state.computed.tobytes() == state.theta.astype(state.computed.dtype).tobytes()


@pytest.mark.parametrize("optimizer", [dl.AdamW(1e-2, max_norm=0.5), dl.Lion(1e-3), dl.SGD(0.1)])
def test_the_copy_follows_the_weights(optimizer: dl.Optimizer, tmp_path: Any) -> None:
    """After updates, setting, loading, and reset."""
    run = trainer("bfloat16", optimizer=optimizer)
    assert_copy_follows(run)
    run.fit(X, LABELS, epochs=1, batch_size=32)
    assert_copy_follows(run)
    run.save(tmp_path / "run.safetensors")
    assert_copy_follows(dl.Trainer.load(tmp_path / "run.safetensors", device=BACKEND))
    run.set_weights([2 * w for w in run.get_weights()])
    assert_copy_follows(run)
    run.reset()
    assert_copy_follows(run)


def test_an_update_and_its_copy_are_one_call() -> None:
    """The printed step: the scale is inside the loss, the copy inside the optimizer, and no call is the reference's."""
    step = trainer("float16").step
    assert {call.kernel.source for call in step.calls} == {"cuda"}
    names = [call.name for call in step.calls]
    assert "dense_softmax_cross_entropy_scaled" in names
    assert names[-3:] == ["unscaled", "prepare_update", "adam_rounded"]
    assert [call.name for call in trainer("bfloat16").step.lists["update"]] == ["prepare_update", "adam_rounded"]


@pytest.mark.parametrize("max_norm", [None, 0.5])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_each_group_of_parameters_writes_its_part_of_the_copy(dtype: str, max_norm: float | None) -> None:
    """Losses follow float64's, the copy follows the weights; without max_norm each update and its copy are one call."""
    hidden = (dl.ReLU(), Factored(24, 24, rates=(0.1, 2.0), decays=(0.5, 1.0)), dl.Tanh())
    runs = {
        name: trainer(name, hidden, optimizer=dl.AdamW(3e-3, weight_decay=0.3, max_norm=max_norm))
        for name in (dtype, "float64")
    }
    for run in runs.values():
        run.fit(X, LABELS, epochs=2, batch_size=32)
    np.testing.assert_allclose(runs[dtype].history["loss"], runs["float64"].history["loss"], rtol=2 * EPS[dtype])
    assert_copy_follows(runs[dtype])
    names = [call.name for call in runs[dtype].step.lists["update"]]
    fused, apart = (names.count(name) for name in ("adam_rounded", "rounded"))
    assert (fused, apart) == ((0, 1) if max_norm else (len(runs[dtype].recipe.parameters.groups), 0))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_schedule_of_dropout_does_not_depend_on_the_dtype(dtype: str) -> None:
    """The masks of every batch are those of float64."""
    masks = []
    for name in (dtype, "float64"):
        run = trainer(name, (dl.ReLU(), dl.Dropout(0.3, schedule=dl.schedules.CosineDecay(10))))
        run.pace.steps, seen = 1, []

        class Look(dl.Callback):
            def on_chunk_end(self, trainer: Any, seen: list[bytes] = seen) -> None:
                trainer.pace.steps = 1
                (mask,) = {b for call in trainer.step.calls for b in call.outputs if b.path == "2.mask"}
                seen.append(trainer.running.array(mask).tobytes())

        run.fit(X[:96], LABELS[:96], epochs=2, batch_size=16, callbacks=[Look()])
        masks.append(seen)
    assert masks[0] == masks[1]
    assert len(masks[0]) == 12


# -- the scale -------------------------------------------------------------------------------------------------------


def test_an_overflow_is_skipped_and_training_goes_on(tmp_path: Any) -> None:
    """With a scale that is too large: it halves until gradients fit, then the network learns; the scale is saved."""
    run = trainer("float16")
    run.state.set_counter("scaling", np.array([LARGEST_SCALE, 0.0, 0.0]))
    before = run.get_weights()
    run.fit(X[:32], LABELS[:32], epochs=1, batch_size=32)
    assert (run.loss_scale, run.skipped_updates, run.updates) == (LARGEST_SCALE / 2, 1, 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, run.get_weights(), strict=True))
    loss = trainer("float16").evaluate(X[:32], LABELS[:32])["loss"]
    np.testing.assert_allclose(run.history["loss"], loss, rtol=1e-3)  # an epoch of skipped updates has its loss
    run.fit(X, LABELS, epochs=4, batch_size=32)
    assert run.updates + run.skipped_updates == 41
    assert 1 < run.skipped_updates < 10
    assert run.loss_scale == LARGEST_SCALE / 2**run.skipped_updates
    assert run.history["loss"][-1] < run.history["loss"][1]
    run.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors", device=BACKEND)
    assert (loaded.loss_scale, loaded.skipped_updates) == (run.loss_scale, run.skipped_updates)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_resumed_run_is_the_same_run(dtype: str, tmp_path: Any) -> None:
    """Saved after the first epoch and loaded: the bits of two epochs in one go, the scale on its way among them."""
    one, two = (trainer(dtype, (dl.BatchNorm(24), dl.ReLU(), dl.Dropout(0.2))) for _ in range(2))
    for run in (one, two):
        run.state.set_counter("scaling", np.array([2.0**22]))
    one.fit(X, LABELS, epochs=2, batch_size=32)
    two.fit(X, LABELS, epochs=1, batch_size=32)
    two.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors", device=BACKEND)
    loaded.fit(X, LABELS, epochs=1, batch_size=32)
    assert (loaded.skipped_updates, loaded.loss_scale) == (one.skipped_updates, one.loss_scale)
    assert one.skipped_updates > 0 or dtype == "bfloat16"
    for a, b in zip(one.get_weights(), loaded.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_gradients_are_shown_without_the_scale() -> None:
    """As float64 has them."""
    ours, theirs = (dl.gradients(trainer(dtype, (dl.Tanh(),)), X, LABELS) for dtype in ("float16", "float64"))
    for name, gradient in theirs.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=0, atol=4 * EPS["float16"] * np.abs(gradient).max())


def test_divergence_is_still_divergence() -> None:
    """A loss that is not finite is no matter of the scale."""
    run = trainer("float16", optimizer=dl.SGD(1e6))
    with pytest.raises(dl.DivergenceError, match="training diverged at update"):
        run.fit(X * 100, LABELS, epochs=5, batch_size=32)


@pytest.mark.parametrize("where", ["reference", "cuda"])
@pytest.mark.parametrize(
    ("scaling", "grad", "loss", "want", "gradient", "weight"),
    [
        ((8, 5, 1), (16, 4), (2, 3), (8, 6, 1), (2, 0.5), 3),
        ((8, 5, 1), (np.inf, 4), (2, 3), (4, 0, 2), (0, 0.5), -3),
        ((8, 5, 1), (np.nan, 4), (2, 3), (4, 0, 2), (0, 0.5), -3),
        (
            (1, 5, 1),
            (np.inf, 4),
            (2, 3),
            (1, 5, 1),
            (np.inf, 4),
            3,
        ),  # nothing left to halve: the gradient is not finite
        ((8, 5, 1), (np.inf, 4), (np.nan, 3), (8, 5, 1), (0, 0.5), 3),  # the loss is found by what comes next
        ((8, PATIENCE - 1, 1), (16, 4), (2, 3), (16, 0, 1), (2, 0.5), 3),
        ((LARGEST_SCALE, PATIENCE - 1, 0), (0, 0), (2, 3), (LARGEST_SCALE, 0, 0), (0, 0), 3),
        ((8, 5, 1), (0, 0), (0, 0), (8, 5, 1), (0, 0), 0),  # a batch without weight says nothing
    ],
)
def test_the_rule_of_the_scale(
    where: str, scaling: Any, grad: Any, loss: Any, want: Any, gradient: Any, weight: Any
) -> None:
    """Halve and skip on overflow, double after 2,000 finite gradients."""
    g, l, s = unscaled(where, grad, loss, scaling, fault=0)
    assert (tuple(s), tuple(g)) == (want, gradient)
    assert l[1] == weight


@pytest.mark.parametrize("where", ["reference", "cuda"])
@pytest.mark.parametrize("grad", [(16, 4), (np.inf, 4)])
@pytest.mark.parametrize("good", [5, PATIENCE - 1])
def test_after_divergence_the_scale_stays(where: str, grad: Any, good: int) -> None:
    """Steps of a chunk that come after the one that failed leave no trace, so nothing depends on where a chunk ends."""
    assert tuple(unscaled(where, grad, (2, 3), (8, good, 1), fault=7)[2]) == (8, good, 1)


def unscaled(where: str, grad: Any, loss: Any, scaling: Any, fault: int) -> Any:
    """Gradient, loss and scaling after the kernel."""
    g, l, s = (np.array(v, "float32") for v in (grad, loss, scaling))
    if where == "cuda":
        cuda.kernels(DEVICE)["unscaled"](g, l, s, np.array([fault]), out=(g, l, s))
        return g, l, s
    with np.errstate(all="ignore"):
        return reference.KERNELS["unscaled"](np, g, l, s, np.array([fault]))


def test_it_starts_at_two_to_the_sixteen() -> None:
    assert trainer("float16").loss_scale == FIRST_SCALE == 65536
    assert trainer("bfloat16").loss_scale == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_a_form_with_a_copy(name: str) -> None:
    """Parameters of 32 bits and a copy of 16 in one kernel: the reference's numbers, and the copy is theta rounded."""
    kernel = reference.KERNELS[f"{name}_rounded"]
    values = kernel.contract.draw(np.random.default_rng(0), dict.fromkeys(kernel.contract.letters, 600))
    given = {
        k: v.astype(a.dtype("bfloat16")) if a.dims is not None else v
        for (k, v), a in zip(values.items(), kernel.contract.inputs, strict=True)
    }
    want = kernel(np, *(v.copy() if isinstance(v, np.ndarray) else v for v in given.values()))
    copy = np.zeros(600, "bfloat16")
    out = tuple(given[a.name] for a in kernel.contract.outputs[:-1])
    cuda.kernels(DEVICE)[f"{name}_rounded"](*given.values(), out=(*out, copy))
    for got, expected in zip(out, want, strict=False):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert copy.tobytes() == out[0].astype(copy.dtype).tobytes()


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_cpu_says_that_it_has_no_16_bits(dtype: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=r"expected one of float32, float64; 16 bits need a GPU"):
        trainer(dtype, device="cpu")


def test_a_run_in_16_bits_loads_on_a_cpu(tmp_path: Any) -> None:
    """Its parameters are float32, and nothing of them is lost; what computes now is said."""
    run = trainer("bfloat16")
    run.fit(X, LABELS, epochs=1, batch_size=32)
    run.save(tmp_path / "run.safetensors")
    with pytest.warns(UserWarning, match="cpu does not compute in bfloat16; the trainer has float32"):
        loaded = dl.Trainer.load(tmp_path / "run.safetensors", device="cpu")
    for a, b in zip(run.get_weights(), loaded.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    with pytest.warns(UserWarning, match="dtype 'float32', not 'bfloat16': its bits may differ"):
        loaded.fit(X, LABELS, epochs=1, batch_size=32)


def test_codes_that_16_bits_do_not_hold_are_refused() -> None:
    """257 as bfloat16 is 256: another category."""
    model = dl.Sequential(dl.Embedding(0, 300, 4), dl.Dense(15, 2))
    with pytest.raises(dl.ConfigurationError, match="categories=300, and bfloat16 holds whole numbers up to 256"):
        dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=BACKEND, dtype="bfloat16")


@pytest.mark.parametrize("kept", ["float64", "float32", "int32", "uint32", "int64"])
def test_data_beyond_float16_are_refused(kept: str) -> None:
    """Whole numbers too: 70000 would become infinite where it is gathered."""
    bad = np.abs(X).astype(kept)
    bad[3, 5] = 70000
    with pytest.raises(dl.DataError, match=r"X\[3, 5\] is 70000, too large for float16"):
        trainer("float16").fit(bad, LABELS)
    assert np.isfinite(trainer("bfloat16").predict(bad)).all()


@pytest.mark.parametrize(("value", "kept"), [(65535, "uint16"), (-(2**63), "int64")])
def test_the_last_whole_numbers_are_refused(value: int, kept: str) -> None:
    """One that has two bytes, as float16 has, and one whose absolute value has no room in its own dtype."""
    with pytest.raises(dl.DataError, match="too large for float16"):
        trainer("float16").predict(np.full((4, 12), value, kept))
    small = np.full((4, 12), 1000, "uint16")
    assert np.isfinite(trainer("float16").predict(small)).all()


def test_weights_beyond_float16_are_refused() -> None:
    """Layers read them in 16 bits, where they would be infinite; those of before stay.  Other dtypes hold them."""
    for dtype, fits in (("float16", 65504.0), ("bfloat16", 1e30), ("float32", 1e30)):
        run = trainer(dtype)
        weights = run.get_weights()
        weights[0][3, 5] = fits
        run.set_weights(weights)
        assert run.get_weights()[0][3, 5] == np.float32(fits)
    run = trainer("float16")
    before = run.get_weights()
    wrong = [w.copy() for w in before]
    wrong[1][2] = -65600
    with pytest.raises(dl.DataError, match=r"set_weights: 0.b\[2\] is -65600, too large for float16"):
        run.set_weights(wrong)
    assert all(np.array_equal(a, b) for a, b in zip(before, run.get_weights(), strict=True))
