"""What a kernel may assume and must deliver, as data: parse it, check a call against it, draw arguments from it.

    @contract("x[n,i] W[i,o] b[o] -> z[n,o]")
    def dense(xp, x, W, b): ...

Grammar: inputs, `->`, outputs, separated by blanks; each is `name[dims]:domain`.

    dims      letters are sizes, the same letter the same size; a number is itself; `[]` is an array without dimensions;
              no brackets at all: a Python number fixed when the step is recorded (`alpha`, `keep:unit`);
              a capital letter is a size of at least 1 (a data set, a table)
    domain    real (default), unit (0 <= v <= 1), positive (v > 0), index<c (integer below the size c),
              count (integer >= 0), whole (integer >= 0 in the dtype of the reals), bits (0 or 1),
              stored (real, in whatever dtype the user's data have),
              share (0 <= v <= 1, in float64 whatever the dtype of the reals)

A name on both sides is updated in place: it is passed as input and as output, and is the same buffer.  Any other overlap
of outputs with inputs is forbidden unless declared: `alias="a z"` says that `a` may be written over `z`.
`wide="loss w"` names arrays of reals that have at least 32 bits: they are float32 where the dtype of computation has 16.
`smooth_away_from=0` declares a kink (differences and comparisons stay away from it); `tolerance` is the error allowed
against the float64 reference, in units of the last place of the largest expected value; below the smallest normal number, which
steps flush to zero (subnormals.py), in units of that number.

This module knows no array library: an array is anything with `shape` and `dtype`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import ContractError

if TYPE_CHECKING:
    from ..arrays import Namespace

FLOATING = frozenset({"real", "unit", "positive", "whole"})
DOMAINS = FLOATING | {"count", "bits", "stored", "share"}
WIDER = {"float16": "float32", "bfloat16": "float32"}  # dtype of sums and parameters where the reals have 16 bits
_ARGUMENT = re.compile(r"(?P<name>\w+)(?P<dims>\[[\w,]*\])?(?::(?P<domain>\w+)(?:<(?P<below>\w+))?)?")


@dataclass(frozen=True)
class Argument:
    """One name of a contract.  `dims` is None for a Python number."""

    name: str
    dims: tuple[str, ...] | None
    domain: str = "real"
    below: str | None = None
    wide: bool = False

    def __str__(self) -> str:
        dims = "" if self.dims is None else f"[{','.join(self.dims)}]"
        domain = "" if self.domain == "real" else f":{self.domain}" + (f"<{self.below}" if self.below else "")
        return f"{self.name}{dims}{domain}"

    @property
    def is_real_array(self) -> bool:
        return self.dims is not None and self.domain in FLOATING

    def dtype(self, real: str) -> str | None:
        """Name of the dtype of this array where `real` is the dtype of computation; None: any."""
        if self.domain == "stored":
            return None
        if self.wide:
            return wide(real)
        return real if self.domain in FLOATING else {"bits": "uint8", "share": "float64"}.get(self.domain, "int64")


def wide(real: str) -> str:
    """The dtype of wide arrays where `real` is the dtype of computation."""
    return WIDER.get(real, real)


@dataclass(frozen=True)
class Contract:
    """Inputs and outputs of a kernel, and what is declared about them.  str() is its text in the grammar above."""

    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    aliases: frozenset[tuple[str, str]] = frozenset()
    smooth_away_from: tuple[float, ...] = ()
    tolerance: float = 32.0
    updated: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Raise ContractError unless the arguments fit together, wherever they come from: a text or a composition."""
        given, made = {a.name: a for a in self.inputs}, {a.name: a for a in self.outputs}
        object.__setattr__(self, "updated", tuple(name for name in made if name in given))
        if len(given) != len(self.inputs) or len(made) != len(self.outputs):
            raise self._malformed("a name appears twice on one side")
        known = {d for a in self.arguments for d in a.dims or ()}
        for a in self.arguments:
            if a.domain == "index" and a.below not in known:
                raise self._malformed(f"{a} is bounded by a size that no argument has")
        for a in self.outputs:
            if a.dims is None:
                raise self._malformed(f"output {a.name} must be an array")
            if a.name in given and given[a.name].dims != a.dims:
                raise self._malformed(f"{a.name} is updated in place but changes its shape")
        for o, i in self.aliases:
            if o not in made or i not in given:
                raise self._malformed(f"alias {o!r} {i!r} is not an output and an input")
        # an updated name says its domain once, among the inputs
        object.__setattr__(self, "outputs", tuple(given.get(a.name, a) for a in self.outputs))

    def __str__(self) -> str:
        written = (replace(a, domain="real", below=None) if a.name in self.updated else a for a in self.outputs)
        return f"{' '.join(map(str, self.inputs))} -> {' '.join(map(str, written))}"

    def _malformed(self, why: str) -> ContractError:
        return ContractError(f"contract '{self}': {why}")

    @property
    def arguments(self) -> tuple[Argument, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def letters(self) -> tuple[str, ...]:
        """The free sizes, in order of appearance."""
        dims = (d for a in self.arguments for d in a.dims or ())
        return tuple(dict.fromkeys(d for d in dims if not d.isdigit()))

    @property
    def wide(self) -> tuple[str, ...]:
        """Names of the wide arrays."""
        return tuple(dict.fromkeys(a.name for a in self.arguments if a.wide))

    def shape(self, argument: Argument, sizes: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(int(d) if d.isdigit() else sizes[d] for d in argument.dims or ())

    # -- checking a call -----------------------------------------------------------------------------------------

    def check(self, kernel: str, inputs: Sequence[object], outputs: Sequence[object]) -> None:
        """Raise ContractError unless shapes, dtypes and overlaps of this call are as declared."""

        def fail(why: str) -> ContractError:
            return ContractError(f"{kernel}: {why}; its contract is '{self}'")

        if len(inputs) != len(self.inputs) or len(outputs) != len(self.outputs):
            raise fail(
                f"{len(inputs)} inputs and {len(outputs)} outputs, expected {len(self.inputs)} and {len(self.outputs)}"
            )
        given = [*zip(self.inputs, inputs, strict=True), *zip(self.outputs, outputs, strict=True)]
        sizes: dict[str, int] = {}
        real = self._real(given)
        for argument, value in given:
            shape = getattr(value, "shape", None)
            if argument.dims is None:
                if shape is not None:
                    raise fail(f"{argument.name} is an array, expected a Python number")
                continue
            if shape is None or not hasattr(value, "dtype"):
                raise fail(f"{argument.name} is {value!r}, expected an array")
            if len(shape) != len(argument.dims):
                raise fail(f"{argument.name} has shape {tuple(shape)}, expected {len(argument.dims)} dimensions")
            for letter, size in zip(argument.dims, shape, strict=True):
                expected = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
                if size != expected:
                    raise fail(f"{argument.name} has shape {tuple(shape)}, expected {letter} = {expected}")
            dtype = dtype_name(value)
            expected_dtype = argument.dtype(real or dtype)
            if expected_dtype not in (None, dtype):
                raise fail(f"{argument.name} is {dtype}, expected {expected_dtype}")
        self._check_overlap(fail, inputs, outputs)

    @staticmethod
    def _real(given: Sequence[tuple[Argument, object]]) -> str | None:
        """The dtype of computation of a call: that of its first real array that is not wide, or of its first real array."""
        reals = [(a.wide, dtype_name(v)) for a, v in given if a.is_real_array and hasattr(v, "dtype")]
        return min(reals, key=lambda pair: pair[0])[1] if reals else None

    def _check_overlap(
        self, fail: Callable[[str], ContractError], inputs: Sequence[object], outputs: Sequence[object]
    ) -> None:
        """Compare buffers by identity, which is all that a recorded plan knows; the plan itself handles overlapping views."""
        named_inputs = {a.name: v for a, v in zip(self.inputs, inputs, strict=True) if a.dims is not None}
        seen: dict[int, str] = {}
        for argument, value in zip(self.outputs, outputs, strict=True):
            name = argument.name
            if name in self.updated and named_inputs[name] is not value:
                raise fail(f"{name} is updated in place, so input and output must be one buffer")
            if id(value) in seen:
                raise fail(f"outputs {seen[id(value)]} and {name} are one buffer")
            seen[id(value)] = name
            for other, given in named_inputs.items():
                if given is value and other != name and (name, other) not in self.aliases:
                    raise fail(f"output {name} is the buffer of input {other}")

    # -- drawing arguments, for tests ----------------------------------------------------------------------------

    def draw(self, random, sizes):
        """Random inputs by name: float64 arrays for the real domains.  `random` acts as a numpy.random.Generator."""
        return {a.name: self._draw_one(random, a, sizes) for a in self.inputs}

    def _draw_one(self, random, a, sizes):
        shape = self.shape(a, sizes) if a.dims else (1,)
        if a.domain == "bits":
            value = random.integers(0, 2, shape).astype("uint8")
        elif a.domain == "index":
            value = random.integers(0, sizes[str(a.below)], shape)
        elif a.domain == "count":
            value = random.integers(0, 7, shape)
        elif a.domain == "whole":
            value = random.integers(0, 7, shape).astype("float64")
        elif a.domain in ("unit", "share"):
            value = random.uniform(0.02, 0.98, shape)
        elif a.domain == "positive":
            value = random.uniform(0.1, 2.0, shape)
        else:
            value = random.standard_normal(shape)
            for kink in self.smooth_away_from:
                value = value + 0.05 * ((value >= kink) * 2.0 - 1.0)
        return value.item() if a.dims is None else value.reshape(self.shape(a, sizes))


class HasDtype(Protocol):
    """An array of any library, or what stands for one."""

    @property
    def dtype(self) -> object: ...


def dtype_name(value: HasDtype) -> str:
    """'float32' for the dtype float32 of any library."""
    return str(value.dtype).rsplit(".", 1)[-1]


def parse(
    text: str,
    *,
    alias: str = "",
    wide: str = "",
    smooth_away_from: float | Iterable[float] = (),
    tolerance: float = Contract.tolerance,
) -> Contract:
    """The contract a text describes."""
    left, arrow, right = text.partition("->")
    if not arrow:
        raise ContractError(f"contract {text!r} has no '->'")
    inputs, outputs = _arguments(left, text), _arguments(right, text)
    broad = set(wide.split())
    if unknown := broad - {a.name for a in (*inputs, *outputs) if a.is_real_array}:
        raise ContractError(f"contract {text!r}: wide {min(unknown)!r} is no array of reals")
    inputs, outputs = (tuple(replace(a, wide=True) if a.name in broad else a for a in s) for s in (inputs, outputs))
    aliases = frozenset(_pairs(alias.split(), text))
    kinks = tuple(smooth_away_from) if isinstance(smooth_away_from, Iterable) else (float(smooth_away_from),)
    return Contract(inputs, outputs, aliases, kinks, tolerance)


def _pairs(names: list[str], text: str) -> list[tuple[str, str]]:
    if len(names) % 2:
        raise ContractError(f"contract {text!r}: alias= takes pairs 'output input'")
    return list(zip(names[::2], names[1::2], strict=True))


@cache  # contracts share most of their words, and all are parsed when dlcore is imported
def _argument(word: str) -> Argument | None:
    match = _ARGUMENT.fullmatch(word)
    domain = (match and match["domain"]) or "real"
    if not match or (domain == "index") != bool(match["below"]) or domain not in DOMAINS | {"index"}:
        return None
    dims = match["dims"]
    split = None if dims is None else tuple(d for d in dims[1:-1].split(",") if d)
    return Argument(match["name"], split, domain, match["below"])


def _arguments(side: str, text: str) -> tuple[Argument, ...]:
    arguments = []
    for word in side.split():
        argument = _argument(word)
        if argument is None:
            raise ContractError(f"contract {text!r}: cannot read {word!r}")
        arguments.append(argument)
    return tuple(arguments)


class Reference(Protocol):
    """A reference kernel: a pure function of a namespace, arrays and numbers, with its contract."""

    __name__: str
    contract: Contract

    def __call__(self, xp: Namespace, /, *inputs: object) -> Any: ...  # an array, or a tuple of them


def contract(
    text: str,
    *,
    alias: str = "",
    wide: str = "",
    smooth_away_from: float | Iterable[float] = (),
    tolerance: float = Contract.tolerance,
) -> Callable[[Callable[..., object]], Reference]:
    """Attach a contract to a reference kernel."""
    parsed = parse(text, alias=alias, wide=wide, smooth_away_from=smooth_away_from, tolerance=tolerance)
    return lambda kernel: with_contract(kernel, parsed)


def with_contract(kernel: Callable[..., object], contract: Contract, **facts: object) -> Reference:
    """The kernel itself, which now has the contract and these facts as attributes."""
    vars(kernel).update(contract=contract, **facts)
    return cast("Reference", kernel)
