"""The contract language: what it parses, what it refuses, what it checks, what it draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.errors import ConfigurationError, ContractError
from dlcore.kernels.contract import Argument, contract, dtype_name, parse
from dlcore.kernels.table import Buffer

DENSE = parse("x[n,i] W[i,o] b[o] -> z[n,o]")
ADAM = parse("theta[p] grad[p] rate:positive -> theta[p]")


def zeros(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


# -- the grammar -----------------------------------------------------------------------------------------------------


def test_a_contract_names_inputs_and_outputs_in_order() -> None:
    """Arguments come out as written, with their dimensions."""
    assert [str(a) for a in DENSE.inputs] == ["x[n,i]", "W[i,o]", "b[o]"]
    assert [str(a) for a in DENSE.outputs] == ["z[n,o]"]


def test_letters_are_the_free_sizes_in_order_of_appearance() -> None:
    """A number among the dimensions is itself, not a letter."""
    assert parse("x[n,3] loss[2] -> z[m,n]").letters == ("n", "m")


@pytest.mark.parametrize(
    ("word", "argument"),
    [
        ("x[n]", Argument("x", ("n",), "real")),
        ("x[]", Argument("x", (), "real")),
        ("alpha", Argument("alpha", None, "real")),
        ("keep:unit", Argument("keep", None, "unit")),
        ("m[n,o]:bits", Argument("m", ("n", "o"), "bits")),
        ("y[n]:index<n", Argument("y", ("n",), "index", "n")),
        ("X[N,d]:stored", Argument("X", ("N", "d"), "stored")),
    ],
)
def test_each_form_of_an_argument(word: str, argument: Argument) -> None:
    """name[dims]:domain, with `[]` for no dimensions and no brackets for a Python number."""
    assert parse(f"{word} -> z[n]" if "[n" in word else f"{word} q[n] -> z[n]").inputs[0] == argument


@pytest.mark.parametrize(
    "word", ["x[n]", "x[]", "alpha", "keep:unit", "m[n,o]:bits", "y[n]:index<n", "X[N,d]:stored", "l2:positive"]
)
def test_an_argument_prints_as_it_was_written(word: str) -> None:
    """str() of an argument is its text."""
    assert str(parse(f"{word} q[n] -> z[n]").inputs[0]) == word


@pytest.mark.parametrize(
    ("domain", "dtype"),
    [
        ("real", "float32"), ("unit", "float32"), ("positive", "float32"),
        ("count", "int64"), ("bits", "uint8"), ("stored", None),
    ],
)  # fmt: skip
def test_a_domain_has_a_dtype(domain: str, dtype: str | None) -> None:
    """Real domains have the dtype of computation, integers int64, bits uint8; stored data any."""
    assert Argument("v", ("n",), domain).dtype("float32") == dtype


def test_an_index_is_int64() -> None:
    """Class indices are int64 on every device."""
    assert parse("z[n,c] y[n]:index<c -> a[n,c]").inputs[1].dtype("float32") == "int64"


def test_a_name_on_both_sides_is_updated_in_place() -> None:
    """theta -> theta is one buffer, and its domain is said once."""
    c = parse("theta[p] v[p]:positive -> theta[p] v[p]")
    assert c.updated == ("theta", "v")
    assert c.outputs[1].domain == "positive"


def test_aliases_are_pairs_of_output_and_input() -> None:
    """alias="z x z y" allows z over x and z over y."""
    c = parse("x[n] y[n] -> z[n]", alias="z x z y")
    assert c.aliases == {("z", "x"), ("z", "y")}


def test_one_kink_may_be_a_plain_number() -> None:
    """smooth_away_from=0 and (0,) say the same."""
    assert parse("z[n] -> a[n]", smooth_away_from=0).smooth_away_from == (0.0,)
    assert parse("z[n] -> a[n]", smooth_away_from=(-1, 1)).smooth_away_from == (-1, 1)


def test_the_decorator_attaches_the_contract() -> None:
    """A marked function keeps being itself."""

    @contract("x[n] -> z[n]", tolerance=7)
    def kernel(xp: Any, x: Any) -> Any:
        return x

    assert kernel(None, 3) == 3
    assert (str(kernel.contract), kernel.contract.tolerance) == ("x[n] -> z[n]", 7)


@pytest.mark.parametrize(
    ("text", "declared", "why"),
    [
        ("x[n] z[n]", {}, "has no '->'"),
        ("x[n -> z[n]", {}, r"cannot read 'x\[n'"),
        ("x[n]]-> z[n]", {}, "cannot read"),
        ("x[n]:real:unit -> z[n]", {}, "cannot read"),
        ("x[n]:complex -> z[n]", {}, "cannot read 'x\\[n\\]:complex'"),
        ("x-y[n] -> z[n]", {}, "cannot read"),
        ("y[n]:index -> z[n]", {}, "cannot read"),
        ("y[n]:count<n -> z[n]", {}, "cannot read"),
        ("y[n]:index<c -> z[n]", {}, "bounded by a size that no argument has"),
        ("x[n] x[n] -> z[n]", {}, "twice on one side"),
        ("x[n] -> z[n] z[n]", {}, "twice on one side"),
        ("x[n] -> z", {}, "output z must be an array"),
        ("x[n,o] -> x[o,n]", {}, "updated in place but changes its shape"),
        ("x[n] -> z[n]", {"alias": "z"}, "pairs 'output input'"),
    ],
)
def test_malformed_text_is_refused(text: str, declared: dict[str, Any], why: str) -> None:
    """Each mistake in a contract is an error that says which."""
    with pytest.raises(ContractError, match=why):
        parse(text, **declared)


def test_an_unknown_declaration_is_refused() -> None:
    """A misspelt keyword does not pass in silence."""
    with pytest.raises(TypeError, match="tolerence"):
        parse("x[n] -> z[n]", tolerence=3)


@pytest.mark.parametrize("alias", ["z y", "q x", "x z"])
def test_an_alias_of_unknown_names_is_refused(alias: str) -> None:
    """A misspelt alias would silently allow nothing."""
    with pytest.raises(ContractError):
        parse("x[n] -> z[n]", alias=alias)


# -- checking a call -------------------------------------------------------------------------------------------------


def test_a_call_as_declared_passes() -> None:
    """Matching shapes and dtypes raise nothing, also without rows."""
    DENSE.check("dense", (zeros(5, 3), zeros(3, 2), zeros(2)), (zeros(5, 2),))
    DENSE.check("dense", (zeros(0, 3), zeros(3, 2), zeros(2)), (zeros(0, 2),))


def test_names_of_arrays_before_they_exist_pass() -> None:
    """A buffer is checked like an array: recording needs no memory."""
    x, W, b, z = (
        Buffer("scratch", name, s, "float64") for name, s in zip("xWbz", ((4, 3), (3, 2), (2,), (4, 2)), strict=True)
    )
    DENSE.check("dense", (x, W, b), (z,))


@pytest.mark.parametrize(
    ("inputs", "output", "why"),
    [
        ((zeros(5, 3), zeros(4, 2), zeros(2)), zeros(5, 2), r"W has shape \(4, 2\), expected i = 3"),
        ((zeros(5, 3), zeros(3, 2), zeros(3)), zeros(5, 2), r"b has shape \(3,\), expected o = 2"),
        ((zeros(5, 3), zeros(3, 2), zeros(1)), zeros(5, 2), r"b has shape \(1,\), expected o = 2"),
        ((zeros(5, 3), zeros(3, 2), zeros(2)), zeros(2, 5), r"z has shape \(2, 5\), expected n = 5"),
        ((zeros(5, 3), zeros(3, 2), zeros(1, 2)), zeros(5, 2), "b has shape .*, expected 1 dimensions"),
        ((zeros(5, 3), zeros(3, 2), 0.5), zeros(5, 2), "b is 0.5, expected an array"),
        ((zeros(5, 3), zeros(3, 2, dtype="float64"), zeros(2)), zeros(5, 2), "W is float64, expected float32"),
        ((zeros(5, 3), zeros(3, 2), zeros(2)), zeros(5, 2, dtype="float64"), "z is float64, expected float32"),
        ((zeros(5, 3), zeros(3, 2)), zeros(5, 2), "2 inputs and 1 outputs, expected 3 and 1"),
    ],
)
def test_a_call_against_its_contract_is_refused(inputs: tuple[Any, ...], output: Any, why: str) -> None:
    """Wrong shapes, dtypes and numbers of arguments are named, with the contract; nothing broadcasts."""
    with pytest.raises(ContractError, match=why) as error:
        DENSE.check("dense", inputs, (output,))
    assert "x[n,i] W[i,o] b[o] -> z[n,o]" in str(error.value)


def test_an_array_in_place_of_a_number_is_refused() -> None:
    """A number is fixed when the step is recorded; an array would not be."""
    theta = zeros(3)
    with pytest.raises(ContractError, match="rate is an array, expected a Python number"):
        ADAM.check("adam", (theta, zeros(3), np.float32([0.1])), (theta,))


@pytest.mark.parametrize(("domain", "dtype"), [("index<n", "int32"), ("count", "float32"), ("bits", "bool")])
def test_integers_of_another_kind_are_refused(domain: str, dtype: str) -> None:
    """int64 for counts and indices, uint8 for bits, nothing like them."""
    with pytest.raises(ContractError, match=f"y is {dtype}"):
        parse(f"y[n]:{domain} -> z[n]").check("k", (zeros(3, dtype=dtype),), (zeros(3),))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64", "bool"])
def test_stored_data_may_have_any_dtype(dtype: str) -> None:
    """Data keep the type they are stored in, and do not set the dtype of computation."""
    parse("X[N,d]:stored w[N] -> x[N,d]").check("k", (zeros(3, 2, dtype=dtype), zeros(3)), (zeros(3, 2),))


def test_a_fixed_size_is_checked() -> None:
    """loss[2] has two entries."""
    with pytest.raises(ContractError, match=r"loss has shape \(3,\), expected 2 = 2"):
        parse("z[n] -> loss[2]").check("k", (zeros(4),), (zeros(3),))


def test_an_updated_name_must_be_one_buffer() -> None:
    """An update into another array would leave the parameters as they are."""
    with pytest.raises(ContractError, match="theta is updated in place"):
        ADAM.check("adam", (zeros(3), zeros(3), 0.1), (zeros(3),))


def test_an_output_over_an_input_is_refused() -> None:
    """z over x would destroy what the product still reads."""
    square = zeros(2, 2)
    with pytest.raises(ContractError, match="output z is the buffer of input x"):
        DENSE.check("dense", (square, zeros(2, 2), zeros(2)), (square,))


def test_a_declared_alias_is_allowed() -> None:
    """What the contract declares may overlap, and only that."""
    add = parse("x[n] y[n] -> z[n]", alias="z x")
    x, y = zeros(3), zeros(3)
    add.check("add", (x, y), (x,))
    with pytest.raises(ContractError, match="output z is the buffer of input y"):
        add.check("add", (x, y), (y,))


def test_two_outputs_in_one_buffer_are_refused() -> None:
    """The second would overwrite the first."""
    z = zeros(3)
    with pytest.raises(ContractError, match="outputs u and v are one buffer"):
        parse("x[n] -> u[n] v[n]").check("k", (zeros(3),), (z, z))


def test_an_output_over_an_updated_input_is_refused() -> None:
    """A buffer that is updated is an output already."""
    theta = zeros(3)
    with pytest.raises(ContractError, match="output theta is the buffer of input v"):
        parse("theta[p] v[p] -> theta[p] v[p]").check("k", (theta, theta), (theta, theta))


def test_a_contract_error_is_a_value_error_with_exit_code_2() -> None:
    """Callers may catch ValueError; the command line ends with 2."""
    assert issubclass(ContractError, ConfigurationError)
    assert issubclass(ContractError, ValueError)
    assert ContractError.exit_code == 2


def test_the_dtype_of_any_library_has_the_same_name() -> None:
    """'float32' also where a library writes array_api_strict.float32 or torch.float32."""
    strict = pytest.importorskip("array_api_strict")
    assert dtype_name(strict.zeros(1, dtype=strict.float32)) == dtype_name(np.zeros(1, "float32")) == "float32"


# -- drawing ---------------------------------------------------------------------------------------------------------


def draws(text: str, sizes: dict[str, int], **declared: Any) -> dict[str, Any]:
    return parse(text, **declared).draw(np.random.default_rng(0), sizes)


def test_drawn_shapes_are_the_sizes() -> None:
    """Letters are replaced, numbers stay, 0 is a size."""
    values = draws("x[n,i] loss[2] e[n,0] s[] -> z[n]", {"n": 4, "i": 0})
    assert {k: v.shape for k, v in values.items()} == {"x": (4, 0), "loss": (2,), "e": (4, 0), "s": ()}


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [("unit", 0, 1), ("positive", 1e-9, np.inf), ("count", 0, np.inf), ("bits", 0, 1), ("index<c", 0, 2)],
)
def test_drawn_values_lie_in_their_domain(domain: str, low: float, high: float) -> None:
    """All of 10,000 values are inside, and they are not all the same."""
    v = draws(f"v[n]:{domain} w[c] -> z[n]", {"n": 10_000, "c": 3})["v"]
    assert low <= v.min() < v.max() <= high


def test_drawn_dtypes_follow_the_domain() -> None:
    """float64 for reals, int64 for integers, uint8 for bits."""
    values = draws("r[n] u[n]:unit c[n]:count b[n]:bits y[n]:index<n -> z[n]", {"n": 5})
    assert [str(v.dtype) for v in values.values()] == ["float64", "float64", "int64", "uint8", "int64"]


def test_drawn_values_stay_away_from_kinks() -> None:
    """No value within 0.05 of a declared kink, on either side."""
    z = draws("z[n] -> a[n]", {"n": 10_000}, smooth_away_from=0)["z"]
    assert np.abs(z).min() >= 0.05
    assert (z < 0).any()
    assert (z > 0).any()


def test_a_number_is_drawn_as_a_python_number() -> None:
    """Numbers without brackets are float or int, not arrays."""
    values = draws("alpha keep:unit flag:bits count:count x[n] -> z[n]", {"n": 1})
    assert [type(values[k]) for k in ("alpha", "keep", "flag", "count")] == [float, float, int, int]


def test_the_same_generator_draws_the_same() -> None:
    """What is drawn is a function of the generator's state."""
    a, b = (draws("x[n] y[n]:unit -> z[n]", {"n": 9}) for _ in range(2))
    assert all(np.array_equal(a[k], b[k]) for k in a)
