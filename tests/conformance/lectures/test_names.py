"""One name for one thing."""

from __future__ import annotations

import inspect

import dlcore as dl


def test_17_and_32_one_name_for_one_thing() -> None:
    """No λ, α, β, γ, η in signatures but as `alpha`, a slope, and `beta…`, of averages; rates are `learning_rate`, ℓ2 is `l2`."""
    for name in dl.__all__:
        thing = getattr(dl, name)
        if not (inspect.isclass(thing) and issubclass(thing, (dl.Layer, dl.Loss, dl.Optimizer))):
            continue
        parameters = set(inspect.signature(thing).parameters)
        assert not parameters & {"lr", "eta", "lam", "gamma", "step_size", "lambda_"}, name
        assert "alpha" not in parameters or issubclass(thing, dl.Layer), name
        if issubclass(thing, dl.Optimizer):
            assert next(iter(parameters & {"learning_rate"})) == "learning_rate", name
            assert "l2" in parameters, name
    assert {"beta1", "beta2"} <= set(inspect.signature(dl.Adam).parameters)
    assert "beta" in inspect.signature(dl.MovingAverageSGD).parameters


def test_31_names() -> None:
    """Adaptive moment estimation, not "Adaptative Momentum Estimation"."""
    assert "Adaptive moment estimation" in inspect.getdoc(dl.Adam)  # type: ignore[operator]
