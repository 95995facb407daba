"""Schedules: the factors that PyTorch has for the same steps, and what training makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.optimizers import schedules

STEPS = 40
# name -> (schedule, torch's scheduler of a rate of 1, by its module and the optimizer)
TORCHS: dict[str, tuple[schedules.Schedule, Any]] = {
    "step": (schedules.StepDecay(7, 0.5), lambda s, o: s.StepLR(o, 7, 0.5)),
    "exponential": (schedules.ExponentialDecay(1, 0.9), lambda s, o: s.ExponentialLR(o, 0.9)),
    "cosine": (schedules.CosineDecay(STEPS, 0.1), lambda s, o: s.CosineAnnealingLR(o, STEPS, 0.1)),
    "one cycle": (schedules.OneCycle(STEPS), lambda s, o: s.OneCycleLR(o, 1.0, STEPS, cycle_momentum=False)),
    "another cycle": (
        schedules.OneCycle(STEPS, 0.5, 0.1, 1e-3),
        lambda s, o: s.OneCycleLR(
            o, 1.0, STEPS, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
    "warm-up": (schedules.WarmUp(8), lambda s, o: s.LinearLR(o, 1 / 8, 1.0, 7)),
    "warm-up, then steps": (
        schedules.WarmUp(8, schedules.StepDecay(5, 0.3)),
        lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 1 / 8, 1.0, 7), s.StepLR(o, 5, 0.3)], [8]),
    ),
}


@pytest.mark.parametrize("name", TORCHS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # SequentialLR calls its schedulers in a way that torch deprecates
def test_factors_are_torchs(name: str) -> None:
    """The same rate at each of 40 updates."""
    torch = pytest.importorskip("torch")
    schedule, make = TORCHS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(STEPS - 1):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose([schedule(step) for step in range(STEPS)], rates, rtol=1e-12)


def test_inverse_scaling_by_hand() -> None:
    """scikit-learn's "invscaling", η / t^power with t from 1: 1, 1/√2, 1/√3, ½."""
    assert [schedules.InverseScaling()(step) for step in range(4)] == pytest.approx([1, 2**-0.5, 3**-0.5, 0.5])


def test_a_rate_of_1_over_t_makes_the_running_mean() -> None:
    """On ½ (θ − x_t)² from any start: θ_t is the mean of x_1 … x_t (lecture 004)."""
    x = np.random.default_rng(0).standard_normal(50)
    model = dl.Sequential(dl.Dense(1, 1, bias=False, init=dl.initializers.Constant(7.0)))
    optimizer = dl.SGD(1.0, schedule=schedules.InverseScaling(1.0))
    trainer = dl.Trainer(model, dl.SquaredError(), optimizer, dtype="float64")
    trainer.fit(np.ones((50, 1)), x, epochs=1, batch_size=1, shuffle=False)
    assert trainer.get_weights()[0].item() == pytest.approx(x.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        (schedules.OneCycle(10, floor=0.25), 0.25),
        (schedules.OneCycle(10, warm_up=0, floor=0.5), 0.5),
        (schedules.CosineDecay(10, 0.125), 0.125),
        (schedules.WarmUp(2.5), 1.0),
        (schedules.StepDecay(10, 0.0), 0.0),
    ],
    ids=repr,
)
def test_far_beyond_its_steps_a_schedule_rests(schedule: schedules.Schedule, end: float) -> None:
    """A run may be longer than its schedule; factors stay within 0 and 1 on the way."""
    assert schedule(10**9) == pytest.approx(end, abs=1e-12)
    factors = [schedule(step) for step in range(20)]
    assert min(factors) >= 0
    assert max(factors) == pytest.approx(1.0)


def test_a_warm_up_with_what_follows_is_saved(tmp_path: Any) -> None:
    """A schedule in a schedule comes back from the file."""
    schedule = schedules.WarmUp(5, schedules.CosineDecay(20, 0.1))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), dl.SquaredError(), dl.SGD(0.1, schedule=schedule))
    trainer.save(tmp_path / "run.safetensors")
    assert dl.Trainer.load(tmp_path / "run.safetensors").optimizer.schedule == schedule
