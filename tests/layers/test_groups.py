"""The layout of the flat buffers: in which order parameters lie, and which of them are updated together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.initializers import Constant
from dlcore.layers.parameters import Group, Layout, Parameter

from ..examples import Factored


def parameter(size: int, **options: Any) -> Parameter:
    return Parameter((size,), Constant(0.0), **options)


def matrix(size: int = 64, **options: Any) -> Parameter:
    return parameter(size, matrix=True, **options)


def layout(**entries: Parameter) -> Layout:
    return Layout(entries.items())


def spans(made: Layout) -> list[tuple[int, int, int]]:
    return [(group.start, group.stop, group.decayed) for group in made.groups]


def test_parameters_without_factors_are_one_group() -> None:
    """Matrices, the others, what is frozen, as declared; each begins at a multiple of 64; matrices decay, and nothing else."""
    model = dl.Sequential(dl.Dense(10, 7), dl.PReLU(), dl.Dense(7, 7, trainable=False), dl.Dense(7, 3))
    made = Layout(model.parameters().items())
    assert made.starts == {"0.W": 0, "3.W": 128, "0.b": 192, "1.alpha": 256, "3.b": 320, "2.W": 384, "2.b": 448}
    assert (made.matrices, made.trainable, made.size) == (192, 384, 512)
    assert made.groups == [Group(0, 384, 192, 1.0, 1.0)]
    assert made.groups[0].is_plain


def test_matrices_stay_in_front() -> None:
    """l2 acts on the first entries, whatever their rates are; equal rates lie side by side."""
    made = layout(
        b=parameter(3, rate=0.1), W=matrix(rate=6.0), c=parameter(3, rate=6.0), V=matrix(), U=matrix(rate=6.0), F=matrix(trainable=False)
    )  # fmt: skip
    assert list(made.starts) == ["V", "W", "U", "c", "b", "F"]
    assert (made.matrices, made.trainable) == (192, 320)
    assert spans(made) == [(0, 64, 64), (64, 256, 128), (256, 320, 0)]
    assert [group.rate for group in made.groups] == [1.0, 6.0, 0.1]


def test_what_decays_and_what_does_not_are_one_group_at_one_rate() -> None:
    """Entries that decay come first in a group, and their factor is one."""
    made = layout(V=matrix(decay=0.0), W=matrix(), b=parameter(3), c=parameter(3, decay=1.0))
    assert list(made.starts) == ["W", "V", "c", "b"]
    assert spans(made) == [(0, 128, 64), (128, 256, 64)]
    assert all(group.is_plain for group in made.groups)
    twice = layout(W=matrix(decay=2.0), V=matrix(), b=parameter(3))
    assert [(group.decayed, group.decay) for group in twice.groups] == [(64, 2.0), (64, 1.0)]
    assert [group.is_plain for group in twice.groups] == [False, True]


def test_groups_cover_what_is_trained() -> None:
    """Without gaps, and without what is frozen."""
    random = np.random.default_rng(0)
    for _ in range(50):
        made = layout(**{
            f"p{i}": parameter(
                int(random.integers(0, 200)), matrix=bool(random.integers(2)), trainable=bool(random.integers(4)),
                rate=float(random.choice([0.0, 0.5, 1.0])), decay=random.choice([None, 0.0, 1.0, 2.0]),
            )
            for i in range(6)
        })  # fmt: skip
        stops = [group.stop for group in made.groups]
        assert [group.start for group in made.groups] == [0, *stops[:-1]][: len(stops)]
        assert (stops or [0])[-1] == made.trainable
        for name, p in made.parameters.items():
            start = made.starts[name]
            if p.trainable and p.size:
                (group,) = (g for g in made.groups if g.start <= start < g.stop)
                factor = group.decay if start + p.size <= group.start + group.decayed else 0.0
                assert start + p.size <= group.start + group.decayed or start >= group.start + group.decayed
                assert (group.rate, factor) == (p.rate, p.decay_factor)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), "fast", True])
@pytest.mark.parametrize("name", ["rate", "decay"])
def test_a_factor_is_a_number_that_is_not_negative(name: str, bad: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match=f"Parameter: {name}={bad!r}, expected a number >= 0"):
        parameter(3, **{name: bad})


def test_a_model_with_factors_of_1_is_the_model_without() -> None:
    """The same calls, and the same bits after training."""
    X, y = np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % 3
    runs = []
    for kind in (dl.Dense, Factored):
        model = dl.Sequential(kind(4, 6), dl.ReLU(), kind(6, 3))
        trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.AdamW(0.01), seed=2)
        trainer.fit(X, y, epochs=3, batch_size=8)
        runs.append((str(trainer.step), [w.tobytes() for w in trainer.get_weights()]))
    assert runs[0] == runs[1]
