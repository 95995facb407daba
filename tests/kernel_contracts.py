"""The generic contract test: any kernel, against its contract and its reference.

`check_kernel` draws arguments from the contract, runs the kernel in guarded buffers, and raises AssertionError unless

- every output is within the declared tolerance of the float64 reference on the same (cast) values,
- no input but the declared updated ones changed a bit,
- nothing outside an output was written,
- the bits do not depend on what the outputs held before, nor on the run.

Kernels run as in a step, with subnormal numbers flushed to zero; the reference does not.  So a tolerance counts units in the last
place and, for results that are smaller, units of the smallest normal number λ: the standard model of arithmetic with flushing
is fl(a op b) = (a op b)(1 + δ) + η, where |δ| is half a unit at most, and |η| is below λ.

It is independent of the device: a kernel is a callable `run(*inputs, out=…)`, and a `Memory` says where its arrays live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dlcore.kernels.contract import FLOATING, Argument, Contract
from dlcore.kernels.subnormals import flushed

GUARD = 19  # entries before and after every array; odd, so that arrays start off vector boundaries
PRIMES = (3, 5, 7, 11, 13)
LARGE = (130, 67, 33, 10, 5)
# one of each kind of 16-bit kernels that run two others, for tests that do not need all of them
SAMPLED = {"rounded", "scaled", "unscaled", "adam_rounded", "squared_error_scaled", "dense_squared_error_scaled"}
# samples of dense_<g>_dropout, which on the CPU runs the loops of other kernels: one keeps a, one keeps z, one has a parameter
ONE_OF_EACH = {"dense_relu_dropout", "dense_silu_dropout", "dense_leaky_relu_dropout"}
VECTOR = 1301  # a size for arrays of one dimension only: more than one block of a blocked sum
UNDERFLOW = 2.0**-64  # reals of this size are normal numbers in float32, and their products are not
ROOT_OF_SQUARES = {
    "prepare_update"
}  # where squares underflow, so does half of the range of a norm: below 1.1e-19 it is 0


@dataclass(frozen=True)
class Memory:
    """Transfer of values to the memory of a kernel and back.  `asarray` must copy."""

    asarray: Callable[[np.ndarray], Any] = np.array
    to_host: Callable[[Any], np.ndarray] = np.asarray
    reshape: Callable[[Any, tuple[int, ...]], Any] = np.reshape


HOST = Memory()
FLUSHES = bool(
    flushed(lambda: np.float32(UNDERFLOW) * np.float32(UNDERFLOW)) == 0
)  # processors without the mode do not


def often(names: Iterable[str]) -> list[Any]:
    """Names for parametrize; kernels made only of the loops of other kernels are slow tests."""
    made = {name for name in names if name.startswith("dense") and name.endswith("_dropout")} - ONE_OF_EACH
    return [pytest.param(name, marks=pytest.mark.slow) if name in made else name for name in names]


class Guarded:
    """An array inside a larger flat buffer whose other entries must never change."""

    def __init__(self, memory: Memory, values: np.ndarray) -> None:
        self._memory, self.shape, self.size = memory, values.shape, values.size
        guard = np.full(GUARD, _poison(values.dtype), values.dtype)
        self._before = np.concatenate([guard, values.reshape(-1), guard])
        self._flat = memory.asarray(self._before)
        self.array = memory.reshape(self._flat[GUARD : GUARD + self.size], values.shape)

    def values(self) -> np.ndarray:
        flat = np.array(self._memory.to_host(self._flat))
        return flat[GUARD : GUARD + self.size].reshape(self.shape)

    def guards_hold(self) -> bool:
        flat = np.array(self._memory.to_host(self._flat))
        ends = [slice(0, GUARD), slice(GUARD + self.size, None)]
        return all(_bits(flat[end]) == _bits(self._before[end]) for end in ends)

    def unchanged(self) -> bool:
        return _bits(np.array(self._memory.to_host(self._flat))) == _bits(self._before)


def _bits(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values).tobytes()


def _poison(dtype: Any, run: int = 0) -> Any:
    """Values of outputs before a run: in run 0 NaN, which spreads into every result computed from it, then a plausible number."""
    return (np.nan, 0.75)[run] if is_real(dtype) else (85, 2)[run]


def is_real(dtype: Any) -> bool:
    """Whether this dtype holds real numbers; bfloat16 is not a float to NumPy."""
    return np.dtype(dtype).kind == "f" or np.dtype(dtype).name == "bfloat16"


def sizes_of(contract: Contract) -> Iterator[dict[str, int]]:
    """Sizes for every letter: 0, 1, odd, equal, large, and each of them 0 alone.  Capitals and bounds stay above 0."""
    letters = contract.letters
    least = {letter: int(letter in positive_letters(contract)) for letter in letters}
    flat = {
        letter
        for letter in letters
        if all(len(a.dims or ()) < 2 for a in (*contract.inputs, *contract.outputs) if letter in (a.dims or ()))
    }
    yield dict(least)
    yield dict.fromkeys(letters, 1)
    yield dict.fromkeys(letters, 6)
    odd = dict(zip(letters, PRIMES, strict=False))
    yield odd
    yield dict(zip(letters, reversed(PRIMES[: len(letters)]), strict=True))
    yield dict(zip(letters, LARGE, strict=False)) | {letter: VECTOR for letter in flat if letter.islower()}
    for letter in letters:
        if not least[letter]:
            yield odd | {letter: 0}


def family(name: str) -> str:
    """The name shared by kernels with one compiled loop: "relu" for dense_relu, input_grad_relu, relu and relu_grad."""
    return name.removeprefix("dense_").removeprefix("input_grad_").removesuffix("_grad")


def positive_letters(contract: Contract) -> set[str]:
    """Sizes of at least 1: capital letters and the bounds of indices."""
    arguments = (*contract.inputs, *contract.outputs)
    return {d for d in contract.letters if d.isupper()} | {a.below for a in arguments if a.below}


def draw(
    contract: Contract, sizes: Mapping[str, int], dtype: str, seed: Any, stored: str | None = None, scale: float = 1.0
) -> dict[str, Any]:
    """Inputs by name, in the dtypes that a kernel gets them in; arrays of reals are multiplied by `scale`.

    A weight matrix W[i,o] is divided by √i: then x W is of the size of x, whatever i.  Undivided, 1,500 columns give numbers
    around 40 and some of 90, whose exp multiplies the rounding of the sum by 90 and overflows in 16 bits.
    """
    drawn = contract.draw(np.random.default_rng(seed), sizes)
    if "W" in drawn:
        drawn["W"] /= np.sqrt(max(1, len(drawn["W"])))
    for a in contract.inputs:
        if a.dims is not None:
            if a.domain == "real":
                drawn[a.name] = drawn[a.name] * scale
            values = drawn[a.name] * 40 if a.domain == "stored" and stored == "uint8" else drawn[a.name]
            drawn[a.name] = (
                np.abs(values).astype("uint8")
                if values is not drawn[a.name]
                else values.astype(a.dtype(dtype) or stored or dtype)
            )
    return drawn


def in_float64(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same numbers, for the reference."""
    return {k: v.astype("float64") if isinstance(v, np.ndarray) and is_real(v.dtype) else v for k, v in values.items()}


def expected_of(contract: Contract, reference: Callable[..., Any], inputs: Mapping[str, Any]) -> list[np.ndarray]:
    results = reference(np, *in_float64(inputs).values())
    return [np.asarray(r) for r in (results if isinstance(results, tuple) else (results,))]


def check_at_all_sizes(
    run: Callable[..., None],
    contract: Contract,
    reference: Callable[..., Any],
    dtype: str,
    memory: Memory = HOST,
    stored: str | None = None,
) -> None:
    """check_kernel at all sizes; several times where counters and flags choose between branches."""
    branches = any(a.domain in ("count", "bits") and a.name != "mask" for a in contract.inputs)
    for sizes in sizes_of(contract):
        for seed in range(3 if branches and memory is HOST else 1):
            check_kernel(run, contract, reference, sizes, dtype=dtype, seed=seed, memory=memory, stored=stored)


def check_kernel(
    run: Callable[..., None],
    contract: Contract,
    reference: Callable[..., Any],
    sizes: Mapping[str, int],
    *,
    dtype: str = "float64",
    seed: Any = 0,
    memory: Memory = HOST,
    stored: str | None = None,
    scale: float = 1.0,
) -> None:
    """Raise AssertionError unless `run` does what `contract` and `reference` say, also with each declared alias."""
    inputs = draw(contract, sizes, dtype, seed, stored, scale)
    expected = expected_of(contract, reference, inputs)
    moved: list[list[np.ndarray]] = []
    half = float(np.spacing(np.ones((), dtype))) / 2  # the largest relative error of one rounding
    step = max(half, 2.0**-40)  # the reference rounds at 2⁻⁵³ itself: a smaller move would be lost in that

    def rounding(i: int) -> Callable[[], Any]:
        """Where a sum cancels, the unit is what one rounding of the inputs does to the reference's result: no kernel can
        promise less.  Asked for only where the last place of the largest value does not suffice.

        The inputs are moved by `step`, and the change of the result is scaled down to `half`."""

        def allowed() -> Any:
            if not moved:
                random = np.random.default_rng(5)
                others = [_moved(contract, inputs, step, random) for _ in range(4)]
                moved.extend(expected_of(contract, reference, values) for values in others)
            changes = [(m[i] - expected[i]) * (half / step) for m in moved]
            return contract.tolerance * _largest(contract.outputs[i], changes)

        return allowed

    for alias in (None, *sorted(contract.aliases)):
        where = f"sizes {dict(sizes)}, {dtype}, seed {seed}" + (f", {alias[0]} over {alias[1]}" if alias else "")
        runs = [_run(run, contract, inputs, sizes, dtype, memory, alias, attempt, where) for attempt in (0, 1)]
        for i, (a, want, got, again) in enumerate(zip(contract.outputs, expected, *runs, strict=True)):
            _compare(a, got, want, contract.tolerance * unit(a, want, dtype), rounding(i), where)
            assert _bits(got) == _bits(again), f"{a.name} depends on what it held before, or on the run; {where}"
            assert not subnormal(got).any() or not FLUSHES, f"{a.name} holds subnormal numbers; {where}"


def _run(
    run: Callable[..., None],
    contract: Contract,
    inputs: Mapping[str, Any],
    sizes: Mapping[str, int],
    dtype: str,
    memory: Memory,
    alias: tuple[str, str] | None,
    attempt: int,
    where: str,
) -> list[np.ndarray]:
    """Values of the outputs after one run."""
    given = {k: Guarded(memory, v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    outputs: dict[str, Guarded] = {}
    for a in contract.outputs:
        if a.name in contract.updated:
            outputs[a.name] = given[a.name]
        elif alias and alias[0] == a.name:
            outputs[a.name] = given[alias[1]]
        else:
            kind = a.dtype(dtype)
            outputs[a.name] = Guarded(memory, np.full(contract.shape(a, sizes), _poison(kind, attempt), kind))
    arrays = tuple(v.array for v in outputs.values())
    flushed(run, *(getattr(v, "array", v) for v in given.values()), out=arrays[0] if len(arrays) == 1 else arrays)
    written = {id(v) for v in outputs.values()}
    for name, buffer in given.items():
        if isinstance(buffer, Guarded) and id(buffer) not in written:
            assert buffer.unchanged(), f"input {name} was written; {where}"
    for name, buffer in outputs.items():
        assert buffer.guards_hold(), f"written outside output {name}; {where}"
    return [buffer.values() for buffer in outputs.values()]


def is_record(a: Argument) -> bool:
    """Whether this is an array of fixed size, such as loss[2], whose entries are different quantities with separate scales."""
    return all(d.isdigit() for d in a.dims or ())


def _largest(a: Argument, values: Sequence[np.ndarray]) -> Any:
    """The largest absolute value over all finite entries, or for each entry of a record."""
    sizes = np.abs(np.where(np.isfinite(values), values, 0.0))
    return np.max(sizes, axis=0, initial=0.0) if is_record(a) else np.max(sizes, initial=0.0)


def unit(a: Argument, want: np.ndarray, dtype: str) -> Any:
    """One unit in the last place of the largest expected value, and the smallest normal number."""
    if want.dtype.kind != "f":
        return 0
    return np.spacing(np.asarray(_largest(a, [want])).astype(dtype)).astype("float64") + smallest_normal(dtype)


def subnormal(values: np.ndarray) -> Any:
    """Which entries are subnormal numbers of the dtype of arithmetic."""
    if not is_real(values.dtype):
        return np.zeros(values.shape, bool)
    return (values != 0) & (np.abs(values.astype("float64")) < smallest_normal(values.dtype.name))


def smallest_normal(dtype: str) -> float:
    """Of the dtype of arithmetic: 16 bits are storage, what is computed has 32."""
    return float(np.finfo("float64" if dtype == "float64" else "float32").smallest_normal)


def _moved(contract: Contract, inputs: Mapping[str, Any], step: float, random: Any) -> dict[str, Any]:
    """The inputs in float64, each real one made larger or smaller by the factor 1 ± step; whole numbers are exact."""
    moved = in_float64(inputs)
    for a in contract.inputs:
        if a.domain in FLOATING - {"whole"} and a.dims is not None:
            moved[a.name] = moved[a.name] * (1 + step * random.choice([-1.0, 1.0], moved[a.name].shape))
    return moved


def _compare(
    a: Argument, got: np.ndarray, want: np.ndarray, allowed: Any, rounding: Callable[[], Any], where: str
) -> None:
    assert got.shape == want.shape, f"the reference gives {a.name} the shape {want.shape}, not {got.shape}; {where}"
    if not is_real(got.dtype):
        assert np.array_equal(got, want), f"{a.name} is {got}, expected {want}; {where}"
        return
    got = got.astype("float64")
    with np.errstate(invalid="ignore"):
        error = np.abs(got - want)
    right = (error <= allowed) | (got == want) | (np.isnan(got) & np.isnan(want))
    if not right.all():
        allowed = np.maximum(allowed, rounding())
        right |= error <= allowed
    if not right.all():
        place = tuple(int(i) for i in np.argwhere(~right)[0])
        limit = float(np.broadcast_to(allowed, want.shape)[place])
        raise AssertionError(
            f"{a.name}{list(place)} is {got[place]!r}, expected {want[place]!r}: off by {error[place]:.3g}, allowed {limit:.3g} "
            f"({int((~right).sum())} of {right.size} entries wrong); {where}"
        )
