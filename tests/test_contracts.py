"""Every kernel of every table, against its contract and the float64 reference: the generic contract test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.backends.backend import Backend, from_namespace
from dlcore.errors import ContractError
from dlcore.kernels import reference
from dlcore.kernels.contract import Contract, contract
from dlcore.kernels.table import Kernel

from .kernel_contracts import (
    HOST,
    ROOT_OF_SQUARES,
    SAMPLED,
    UNDERFLOW,
    Memory,
    check_at_all_sizes,
    check_kernel,
    draw,
    in_float64,
    often,
    positive_letters,
)

pytest.importorskip("numba")

# what 16-bit training adds; it needs a GPU.  Of kernels that are two words in a row one of each kind is enough
MIXED = set(reference.mixed.KERNELS) - SAMPLED
CPU = {
    name: kernel for name, kernel in Backend.for_device("cpu").kernels.items() if name not in reference.mixed.KERNELS
}
STRICT = Memory(lambda v: array_api_strict.asarray(v.copy()), np.asarray, array_api_strict.reshape)
NAMESPACES = {
    "numpy": (from_namespace(np, "numpy").kernels, HOST),
    "array_api_strict": (from_namespace(array_api_strict, "array_api_strict").kernels, STRICT),
}
DTYPES = ("float32", "float64")
FEW = settings(max_examples=5, deadline=None, derandomize=True, database=None)


def check_everywhere(kernel: Kernel, dtype: str, memory: Memory = HOST, stored: str | None = None) -> None:
    """At all sizes."""
    check_at_all_sizes(kernel.run, kernel.contract, reference.KERNELS[kernel.name], dtype, memory, stored)


# -- the tables ------------------------------------------------------------------------------------------------------


def test_every_reference_kernel_has_a_cpu_twin() -> None:
    """No kernel of the CPU's table is the slow reference, and none is without a reference."""
    from dlcore.kernels import cpu

    assert set(cpu.KERNELS) == set(reference.KERNELS) - set(reference.mixed.KERNELS)
    assert {kernel.source for kernel in CPU.values()} == {"cpu"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", often(CPU))
def test_cpu_kernel_keeps_its_contract(name: str, dtype: str) -> None:
    """A compiled kernel gives what the float64 reference gives, and touches nothing else."""
    check_everywhere(CPU[name], dtype)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("name", often([name for name in reference.KERNELS if name not in MIXED]))
def test_reference_kernel_keeps_its_contract(name: str, namespace: str) -> None:
    """The reference on a namespace, written into `out`, gives in float32 what it gives in float64, and touches nothing else."""
    table, memory = NAMESPACES[namespace]
    assert table[name].source == "reference"
    check_everywhere(table[name], "float32", memory)
    odd = odd_sizes(table[name].contract)
    check_kernel(table[name].run, table[name].contract, reference.KERNELS[name], odd, memory=memory)


@pytest.mark.parametrize("name", often(name for name in CPU if name not in ROOT_OF_SQUARES))
def test_cpu_kernel_where_products_underflow(name: str) -> None:
    """Within the tolerance, in units of the smallest normal number, and no result is subnormal: neither's, twin nor reference."""
    odd = odd_sizes(CPU[name].contract)
    for table in (CPU, NAMESPACES["numpy"][0]):
        kernel = table[name]
        check_kernel(kernel.run, kernel.contract, reference.KERNELS[name], odd, dtype="float32", scale=UNDERFLOW)


@pytest.mark.parametrize("name", ["gather", "gather_labels"])
def test_cpu_gather_casts_bytes(name: str) -> None:
    """Data stored as uint8 arrive as the same numbers in the dtype of computation."""
    check_everywhere(CPU[name], "float32", stored="uint8")


@pytest.mark.parametrize("name", often(CPU))
def test_cpu_kernel_at_any_size(name: str) -> None:
    """The contract holds whatever the sizes, 0 and 1 among them."""
    kernel = CPU[name]
    least = positive_letters(kernel.contract)
    shapes = st.fixed_dictionaries(
        {letter: st.integers(int(letter in least), 20) for letter in kernel.contract.letters}
    )

    @FEW
    @given(sizes=shapes, seed=st.integers(0, 1000), dtype=st.sampled_from(DTYPES))
    def holds(sizes: dict[str, int], seed: int, dtype: str) -> None:
        check_kernel(kernel.run, kernel.contract, reference.KERNELS[name], sizes, dtype=dtype, seed=seed)

    holds()


# -- layouts ---------------------------------------------------------------------------------------------------------


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.setflags(write=False)
    return a


def every_second(a: np.ndarray) -> np.ndarray:
    wide = np.zeros(tuple(2 * s for s in a.shape), a.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def backwards(a: np.ndarray) -> np.ndarray:
    turn = tuple(slice(None, None, -1) for _ in a.shape)
    return a[turn].copy()[turn]


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "read-only": read_only,
    "column-major": np.asfortranarray,
    "strided": every_second,
    "backwards": backwards,
}


def plain_outputs(contract: Contract, inputs: dict[str, Any], sizes: dict[str, int], dtype: str) -> list[np.ndarray]:
    return [
        inputs[a.name] if a.name in contract.updated else np.zeros(contract.shape(a, sizes), a.dtype(dtype))
        for a in contract.outputs
    ]


def odd_sizes(contract: Contract) -> dict[str, int]:
    return dict(zip(contract.letters, (5, 7, 3, 6, 4), strict=False))


def call(kernel: Any, inputs: dict[str, Any], outputs: list[np.ndarray]) -> None:
    kernel(*inputs.values(), out=outputs[0] if len(outputs) == 1 else tuple(outputs))


@pytest.mark.parametrize("name", often(CPU))
def test_checked_call_takes_any_layout_of_inputs(name: str) -> None:
    """The same bits come from read-only, column-major, strided and backwards inputs as from plain ones."""
    kernel = CPU[name]
    contract, sizes = kernel.contract, odd_sizes(kernel.contract)
    plain = draw(contract, sizes, "float64", 0)
    want = plain_outputs(contract, plain, sizes, "float64")
    call(kernel, plain, want)
    for layout in LAYOUTS.values():
        other = {
            k: layout(v) if isinstance(v, np.ndarray) and k not in contract.updated else v
            for k, v in draw(contract, sizes, "float64", 0).items()
        }
        got = plain_outputs(contract, other, sizes, "float64")
        call(kernel, other, got)
        for a, b in zip(want, got, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["relu", "dense", "softmax_cross_entropy", "dropout", "gather", "adam"])
def test_checked_call_refuses_any_other_layout_of_outputs(name: str, layout: str) -> None:
    """An output that is not C-contiguous and writable is an error that names it."""
    kernel = CPU[name]
    sizes = odd_sizes(kernel.contract)
    inputs = draw(kernel.contract, sizes, "float64", 0)
    outputs = plain_outputs(kernel.contract, inputs, sizes, "float64")
    last = next(i for i, a in reversed(list(enumerate(kernel.contract.outputs))) if a.dims)
    if outputs[last].ndim == 1 and layout == "column-major":
        pytest.skip("a vector has one order only")
    if kernel.contract.outputs[last].name in kernel.contract.updated:
        inputs[kernel.contract.outputs[last].name] = LAYOUTS[layout](outputs[last])
        outputs[last] = inputs[kernel.contract.outputs[last].name]
    else:
        outputs[last] = LAYOUTS[layout](outputs[last])
    with pytest.raises(ContractError, match=f"output {kernel.contract.outputs[last].name} must be C-contiguous"):
        call(kernel, inputs, outputs)


# compiling a loop for another layout takes half a second, so only what a plan can meet, and one loop of each kind
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("gather", "X"),
        ("relu", "z"),
        ("bias_grad", "delta"),
        ("softmax", "z"),
    ],
)
def test_unchecked_run_is_right_on_read_only_strided_inputs(name: str, argument: str) -> None:
    """A user's array that reaches a compiled loop as it is, read-only and with gaps, is read correctly."""
    kernel = CPU[name]
    sizes = odd_sizes(kernel.contract)
    inputs = draw(kernel.contract, sizes, "float64", 0)
    inputs[argument] = every_second(inputs[argument])
    inputs[argument].setflags(write=False)
    want = reference.KERNELS[name](
        np, *in_float64({k: v.copy() if hasattr(v, "copy") else v for k, v in inputs.items()}).values()
    )
    outputs = plain_outputs(kernel.contract, inputs, sizes, "float64")
    call(kernel.run, inputs, outputs)
    for a, b in zip(outputs, want if isinstance(want, tuple) else (want,), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


# -- the test is tested ----------------------------------------------------------------------------------------------


def no_bias(x: Any, W: Any, b: Any, *, out: Any) -> None:
    out[...] = x @ W


def bias_of_first_column(x: Any, W: Any, b: Any, *, out: Any) -> None:
    out[...] = x @ W + (b[0] if b.size else 0)


def sums_of_rows(delta: Any, *, out: Any) -> None:
    out[...] = np.sum(delta, axis=1)


def softmax_down_columns(z: Any, *, out: Any) -> None:
    e = np.exp(z)
    out[...] = e / np.sum(e, axis=0)


def clips_its_input(z: Any, *, out: Any) -> None:
    z[z <= 0] = 0
    out[...] = z


def writes_past_the_end(z: Any, *, out: Any) -> None:
    result = np.where(z <= 0, 0, z)
    out[...] = result
    longer = np.lib.stride_tricks.as_strided(out, (out.size + 1,), (out.itemsize,))
    longer[-1] = 1


def writes_before_the_start(z: Any, *, out: Any) -> None:
    out[...] = np.where(z <= 0, 0, z)
    flat = out.base if out.base.ndim == 1 else out.base.base
    flat[(out.ctypes.data - flat.ctypes.data) // out.itemsize - 1] = 1


def adds_to_what_is_there(delta: Any, *, out: Any) -> None:
    out[...] += np.sum(delta, axis=0)


def keeps_what_is_there(delta: Any, *, out: Any) -> None:
    out[...] = np.where(np.isnan(out), np.sum(delta, axis=0), out)


def transposed(x: Any, delta: Any, *, out: Any) -> None:
    out.reshape(-1)[:] = (delta.T @ x).reshape(-1)


def forgets_the_last_row(z: Any, *, out: Any) -> None:
    out[:-1] = np.where(z <= 0, 0, z)[:-1]


def forgets_the_last_of_many(z: Any, *, out: Any) -> None:
    whole = z.size - z.size % 8 if z.size > 64 else z.size
    out.reshape(-1)[:whole] = np.where(z <= 0, 0, z).reshape(-1)[:whole]


def reads_delta_after_writing(delta: Any, a: Any, *, out: Any) -> None:
    out[...] = a * delta
    out[...] -= a * np.sum(a * delta, axis=1, keepdims=True)


def loses_half_the_digits(z: Any, *, out: Any) -> None:
    out[...] = np.arctan(z.astype("float16"))


def wrong_constant(z: Any, *, out: Any) -> None:
    out[...] = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.0447 * z**3)))


def unweighted(z: Any, y: Any, w: Any, *, out: Any) -> None:
    loss, delta = out
    e = z - y
    delta[...] = e / max(len(z), 1)
    loss[...] = 0.5 * np.sum(e * e) / max(len(z), 1), np.sum(w)


def forgets_the_weight(z: Any, y: Any, w: Any, *, out: Any) -> None:
    loss, delta = out
    total = np.sum(w) if len(w) else 1
    e = z - y
    loss[...] = 0.5 * np.sum(w[:, None] * e * e) / total, len(w)
    delta[...] = w[:, None] * e / total


def decays_biases_too(theta: Any, grad: Any, control: Any, decayed: Any, *, out: Any) -> None:
    out[...] = (1 - control[0] * control[3]) * theta - control[0] * control[1] * grad


def mask_upside_down(delta: Any, mask: Any, keep: Any, *, out: Any) -> None:
    out[...] = np.where(mask == 0, delta / keep, 0)


def leaves_the_counters(X: Any, *rest: Any, out: Any) -> None:
    before = rest[2].copy()
    NAMESPACES["numpy"][0]["gather"].run(X, *rest, out=out)
    rest[2][...] = before


class Unsteady:
    """Differs in the last place from run to run, as a sum by racing threads does."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, delta: Any, *, out: Any) -> None:
        self.calls += 1
        out[...] = np.sum(delta, axis=0)
        if self.calls % 2:
            out[...] = np.nextafter(out, np.asarray(9, out.dtype))


WRONG = [
    ("dense", no_bias, r"z\["),
    ("dense", bias_of_first_column, r"z\["),
    ("bias_grad", sums_of_rows, r"db\["),
    ("softmax", softmax_down_columns, r"a\["),
    ("relu", clips_its_input, "input z was written"),
    ("relu", writes_past_the_end, "outside output a"),
    ("relu", writes_before_the_start, "outside output a"),
    ("bias_grad", adds_to_what_is_there, r"db\["),
    ("bias_grad", keeps_what_is_there, "what it held before"),
    ("weight_grad", transposed, r"dW\["),
    ("relu", forgets_the_last_row, r"a\["),
    ("relu", forgets_the_last_of_many, r"a\["),
    ("softmax_grad", reads_delta_after_writing, "dz over delta"),
    ("arctan", loses_half_the_digits, r"a\["),
    ("gelu_tanh", wrong_constant, r"a\["),
    ("squared_error", unweighted, r"(loss|delta)\["),
    ("squared_error", forgets_the_weight, r"loss\[1\]"),
    ("sgd", decays_biases_too, r"theta\["),
    ("dropout_grad", mask_upside_down, r"dx\["),
    ("gather", leaves_the_counters, "progress"),
    ("bias_grad", Unsteady(), "what it held before, or on the run"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "wrong", "why"), WRONG, ids=lambda v: getattr(v, "__name__", None))
def test_a_wrong_kernel_is_caught(name: str, wrong: Any, why: str, dtype: str) -> None:
    """The generic test raises AssertionError, for the right reason, for a kernel with one fault."""
    contract = reference.KERNELS[name].contract
    with pytest.raises(AssertionError, match=why):
        check_everywhere(Kernel(name, contract, wrong, "planted"), dtype)


def test_a_reference_that_overwrites_its_input_is_caught() -> None:
    """An output that is another output's old value must be saved before that one is written."""

    def look_ahead(theta: Any, v: Any, origin: Any, schedule: Any, place: Any, reach: Any, *, out: Any) -> None:
        theta -= schedule[place[1], 0] * reach * v
        origin[...] = theta

    contract = reference.KERNELS["look_ahead"].contract
    with pytest.raises(AssertionError, match="origin"):
        check_everywhere(Kernel("look_ahead", contract, look_ahead, "planted"), "float64")


@contract("x[n,i] V[i,o] -> a[n,o]")
def exp_of_product(xp: Any, x: Any, V: Any) -> Any:
    """V is not divided by √i, as W would be: of 1,500 columns products around 40, whose exp magnifies a rounding by as much"""
    return xp.exp(x @ V)


@pytest.mark.parametrize("seed", [60, 89, 207, 256, 274])
@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (1 + 1e-10, False)])
def test_where_rounding_is_magnified_any_order_of_a_sum_is_right(factor: float, right: bool, seed: int) -> None:
    """The same sums from behind: their exp may differ by more than 32 units in the last place.  An error of 1e-10 is still found.

    For each of these seeds moving the inputs by 2⁻⁵³ itself left exp as it was, with one of OpenBLAS's kernels.
    """

    def from_behind(x: Any, V: Any, *, out: Any) -> None:
        out[...] = factor * np.exp(x[:, ::-1] @ V[::-1])

    with nullcontext() if right else pytest.raises(AssertionError, match=r"a\["):
        check_kernel(from_behind, exp_of_product.contract, exp_of_product, {"n": 3, "i": 1500, "o": 4}, seed=seed)


@pytest.mark.parametrize("name", [n for n in reference.KERNELS if n.startswith("dense_") and "_grad" not in n])
def test_products_are_drawn_as_large_as_their_inputs(name: str) -> None:
    """z = x W + b of 1,500 columns is of the size of 1, not 40."""
    contract = reference.KERNELS[name].contract
    drawn = draw(contract, dict(zip(contract.letters, (30, 1500, 20, 2, 5), strict=False)), "float64", 0)
    assert 1 < np.std(drawn["x"] @ drawn["W"] + drawn["b"]) < 2
