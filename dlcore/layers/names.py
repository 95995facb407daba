"""The names of a layer's arrays, by which it finds them among its views: each stands for one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import ConfigurationError
from .layer import Layer

_PLANS = ("step", "child")  # what layers/views.py has beside the arrays


def check_names(layer: Layer, fan_in: int, path: str) -> None:
    """Raise ConfigurationError where two arrays of a layer have one name, or one has a name of the plan's.

    A layer with `layers` inside may name their arrays too, as "0.W"; those are checked in the layers themselves.  `path` is the
    number of the layer, or "1.0" for the first inside layer 1.
    """
    inside: Sequence[Layer] = getattr(layer, "layers", ())
    gradients = {f"d{name}": name for name, p in layer.parameters().items() if p.trainable}
    taken: dict[str, str] = {}
    for kind, name in _names(layer, fan_in):
        if _is_of(name, inside):
            continue
        why = ""
        if name in taken:
            why = f"which is one of its {taken[name]} too"
        elif name in gradients:
            why = f"and the gradient of {gradients[name]!r} is called that"
        elif name in _PLANS:
            why = f"and layers find something of the plan under v.{name}"
        elif not name.isidentifier() or name.startswith("_"):
            why = "expected a name that may stand after v., without _ before it"
        if why:
            raise ConfigurationError(
                f"layer {path}, {type(layer).__name__}: {kind} {name!r}, {why}; choose another name"
            )
        taken[name] = kind
    for i, each in enumerate(inside):
        check_names(each, fan_in, f"{path}.{i}")
        fan_in = each.output_width(fan_in)


def _names(layer: Layer, fan_in: int) -> Iterator[tuple[str, str]]:
    """(kind, name) of all arrays that a layer declares."""
    yield from (("parameters", name) for name in layer.parameters())
    yield from (("state", name) for name in layer.state())
    yield from (("constants", name) for name in layer.constants(fan_in))
    yield from (("schedules", name) for name in layer.schedules())
    yield from (("scratch", name) for name in layer.scratch(1, fan_in))


def _is_of(name: str, inside: Sequence[Layer]) -> bool:
    """Whether this is a name of a layer inside, after its number and a dot."""
    number, dot, _ = name.partition(".")
    return bool(dot) and number.isdecimal() and int(number) < len(inside)
