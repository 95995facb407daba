"""Every layer, loss, optimizer, schedule and initializer as JSON and back; altered descriptions are in test_checkpoint.py."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers import initializers
from dlcore.optimizers import schedules
from dlcore.training.descriptions import build, describe

from ..examples import label, layers, losses, optimizers

PARTS = [
    *layers(),
    *losses(),
    *optimizers(),
    dl.Embedding((0, 2), (3, 4), 2),
    dl.Residual(dl.Tanh(), dl.Residual(dl.PReLU(0.1), dl.Dense(3, 3))),
    dl.Sequential(
        dl.Dense(4, 3, init=initializers.Normal(0.1)), dl.ReLU(), dl.Dense(3, 2, bias=False, trainable=False)
    ),
    dl.SGD(0.1, schedule=schedules.CosineDecay(100, floor=0.1)),
    dl.Adam(np.float32(0.5), clip_norm=np.int64(2)),
]


@pytest.mark.parametrize("part", PARTS, ids=label)
def test_json_and_back(part: Any) -> None:
    """Numbers of NumPy come back as Python's."""
    again = build(json.loads(json.dumps(describe(part))))
    assert again == part
    assert type(again) is type(part)


def test_a_class_of_the_users_own_is_named_and_not_built() -> None:
    """By its module: such a name is none of dlcore's."""

    class Own(dl.ReLU):
        pass

    description = describe(Own())
    assert description == {"type": f"{__name__}.{Own.__qualname__}"}
    with pytest.raises(dl.CheckpointError, match=r"which is not part of dlcore .*; it cannot be built from the file"):
        build(description)
