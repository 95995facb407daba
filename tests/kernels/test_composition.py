"""Composed kernels: what their contract follows from, and that they are their parts one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.errors import ContractError
from dlcore.kernels.composition import compose, composed, part
from dlcore.kernels.contract import Contract, contract, parse
from dlcore.kernels.reference import KERNELS

DENSE = parse("x[n,i] W[i,o] b[o] -> z[n,o]", tolerance=64)


@contract("x[n,i] W[i,o] -> z[n,o]", tolerance=64)
def linear(xp: Any, x: Any, W: Any) -> Any:
    return x @ W


@contract("z[m,k] alpha:positive -> a[m,k]", alias="a z", smooth_away_from=0)
def leaky(xp: Any, z: Any, alpha: float) -> Any:
    return xp.where(z > 0, z, alpha * z)


@contract("x[n,o] keep:unit -> y[n,o] mask[n,o]:bits")
def every_other(xp: Any, x: Any, keep: float) -> Any:
    mask = xp.zeros_like(x, dtype=xp.uint8)
    mask[:, ::2] = 1
    return x * mask / keep, mask


# -- arguments -------------------------------------------------------------------------------------------------------


def test_names_connect_the_parts() -> None:
    """What one part writes as z, the next reads as z: it is no input, and an output unless it is inner."""
    assert str(compose([linear.contract, leaky.contract])) == "x[n,i] W[i,o] alpha:positive -> z[n,o] a[n,o]"
    assert str(compose([linear.contract, leaky.contract], "z")) == "x[n,i] W[i,o] alpha:positive -> a[n,o]"


def test_parts_may_share_an_input() -> None:
    """It appears once, where the first part reads it, with the domain that suits both."""
    one, other = parse("x[n,i] delta[n,o] -> dW[i,o]"), parse("delta[n,k]:unit -> db[k]")
    assert str(compose([one, other])) == "x[n,i] delta[n,o]:unit -> dW[i,o] db[o]"
    assert str(compose([other, one])) == "delta[n,k]:unit x[n,i] -> db[k] dW[i,k]"


def test_a_part_may_update_what_an_earlier_one_wrote() -> None:
    """delta is made by the loss and scaled in place: an output, not an input."""
    scaled = parse("delta[n,k] scaling[3] -> delta[n,k]")
    whole = compose([parse("z[n,c] y[n]:index<c -> loss[2] delta[n,c]"), scaled])
    assert str(whole) == "z[n,c] y[n]:index<c scaling[3] -> loss[2] delta[n,c]"
    assert whole.updated == ()


def test_a_part_may_read_what_an_earlier_one_updated() -> None:
    """theta goes in and out, and its copy is made of the new value."""
    whole = compose([parse("theta[p] grad[p] -> theta[p]"), parse("theta[p] -> copy[p]")])
    assert (str(whole), whole.updated) == ("theta[p] grad[p] -> theta[p] copy[p]", ("theta",))


def test_a_part_may_call_its_arguments_otherwise() -> None:
    """part(f, x="a") reads a where the contract of f says x; its aliases go with it."""
    named = part(leaky, z="u", a="v")
    assert str(named.contract) == "u[m,k] alpha:positive -> v[m,k]"
    assert named.contract.aliases == {("v", "u")}
    assert named.kernel is leaky


# -- sizes -----------------------------------------------------------------------------------------------------------


def test_the_letter_of_the_earlier_part_stands() -> None:
    """leaky's m and k are dense's n and o, and a bound of indices follows."""
    labels = parse("z[m,c] y[m]:index<c -> loss[2]")
    assert str(compose([DENSE, labels], "z")) == "x[n,i] W[i,o] b[o] y[n]:index<o -> loss[2]"


def test_sizes_may_get_other_letters() -> None:
    """letters={"o": "c"} names the columns of the product as the loss does."""
    labels = parse("z[n,c] y[n]:index<c -> loss[2]")
    assert str(compose([DENSE, labels], "z", {"o": "c"})) == "x[n,i] W[i,c] b[c] y[n]:index<c -> loss[2]"


def test_a_letter_of_two_parts_is_not_by_itself_one_size() -> None:
    """Both write o for their columns; only a name connects sizes, so the second gets a letter of its own."""
    whole = compose([parse("x[n,o] -> y[n,o]"), parse("u[o] -> v[o]")])
    y, v = whole.outputs
    assert len({*y.dims, *v.dims}) == 3  # type: ignore[misc]
    assert whole.inputs[1].dims == v.dims


def test_a_later_part_may_show_that_two_sizes_are_one() -> None:
    """x + (x W) needs as many columns in as out."""
    add = parse("x[n,d] z[n,d] -> y[n,d]")
    assert str(compose([linear.contract, add], "z")) == "x[n,i] W[i,i] -> y[n,i]"


def test_numbers_and_capitals_are_stricter_than_letters() -> None:
    """Where one part takes any size and another 3, or at least 1, the stricter one holds."""
    assert str(compose([parse("x[p] -> s[]"), parse("x[3] -> t[]")])) == "x[3] -> s[] t[]"
    assert str(compose([parse("x[p] -> s[]"), parse("x[N] -> t[]")])) == "x[N] -> s[] t[]"


# -- what is declared ------------------------------------------------------------------------------------------------


def test_tolerance_and_kinks() -> None:
    """The largest tolerance, and every kink."""
    other = parse("a[n,k] -> c[n,k]", smooth_away_from=(0, 1), tolerance=7)
    whole = compose([linear.contract, leaky.contract, other])
    assert (whole.tolerance, whole.smooth_away_from) == (64, (0.0, 1))


def test_an_alias_holds_while_no_later_part_reads_the_input() -> None:
    """a over z is forbidden if z is still to be read, and means nothing if z is inside."""
    late = parse("z[m,k] a[m,k] -> c[m,k]", alias="c z")
    assert compose([leaky.contract]).aliases == {("a", "z")}
    assert compose([leaky.contract, late]).aliases == {("c", "z")}
    assert compose([linear.contract, leaky.contract], "z").aliases == frozenset()


def test_an_array_that_is_wide_in_one_part_widens_the_others() -> None:
    """An update on a wide theta computes in 32 bits, so all its reals are wide; what only the other part has is not."""
    update = parse("theta[p] grad[p] count[1]:count rate:positive -> theta[p]")
    whole = compose([update, parse("theta[p] -> copy[p]", wide="theta")])
    assert whole.wide == ("theta", "grad")


def test_widening_goes_on_from_part_to_part() -> None:
    """c is wide, so b is, so a is."""
    parts = parse("a[n] -> b[n]"), parse("b[n] -> c[n]"), parse("c[n] -> d[n]", wide="c")
    assert compose(parts).wide == ("a", "b", "c")
    assert compose([DENSE, parse("z[n,o] y[n,o] -> loss[2]", wide="y loss")], "z").wide == ("y", "loss")


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (("x[n] -> y[n]", "y[n,o] -> z[n]"), "not of one kind"),
        (("x[n] -> y[]", "y -> z[]"), "not of one kind"),
        (("x[n] -> m[n]:bits", "m[n] -> z[n]"), "not of one kind"),
        (("x[n] -> loss[2]", "loss[3] -> z[]"), "different shapes"),
        (("x[n]:unit -> y[n]", "x[n]:positive -> z[n]"), "neither domain contains the other"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(parts: tuple[str, ...], why: str) -> None:
    with pytest.raises(ContractError, match=why):
        compose([parse(text) for text in parts])


def test_a_bound_whose_size_is_inside_is_refused() -> None:
    """A composed contract must hold by itself: nothing that a caller passes would have the size c."""
    with pytest.raises(ContractError, match=r"y\[n\]:index<c is bounded by a size that no argument has"):
        compose([parse("x[n] -> z[n,c]"), parse("z[n,c] y[n]:index<c -> a[n]")], "z")


def test_names_that_no_part_has_are_refused() -> None:
    with pytest.raises(ContractError, match=r"'q' is not in its contract 'z\[m,k\] alpha:positive -> a\[m,k\]'"):
        part(leaky, q="z")
    with pytest.raises(ContractError, match="inner 'q': no part of the composition writes it"):
        compose([linear.contract], "q")


# -- the kernel ------------------------------------------------------------------------------------------------------


def test_a_composed_kernel_runs_its_parts() -> None:
    """Its values are those of the parts, called by hand."""
    kernel = composed("linear_leaky_every_other", "the words", linear, leaky, part(every_other, x="a"), inner="z")
    random = np.random.default_rng(0)
    x, W = random.standard_normal((4, 3)), random.standard_normal((3, 5))
    a, y, mask = kernel(np, x, W, 0.1, 0.5)
    assert np.array_equal(a, leaky(np, x @ W, 0.1))
    assert np.array_equal(y, a * [1, 0, 1, 0, 1] / 0.5)
    assert np.array_equal(mask, [[1, 0, 1, 0, 1]] * 4)
    assert (kernel.__name__, kernel.__doc__) == ("linear_leaky_every_other", "the words")
    assert [p.kernel for p in kernel.parts] == [linear, leaky, every_other]


def test_one_output_is_an_array_not_a_tuple() -> None:
    """As every reference kernel returns it."""
    kernel = composed("linear_leaky", "", linear, leaky, inner="z")
    assert kernel(np, np.ones((2, 3)), np.ones((3, 1)), 0.1).shape == (2, 1)


# the contracts of fused kernels as one would write them by hand
WRITTEN = {
    "dense_relu": parse("x[n,i] W[i,o] b[o] -> a[n,o]", tolerance=64, smooth_away_from=0),
    "dense_gelu": parse("x[n,i] W[i,o] b[o] -> z[n,o] a[n,o]", tolerance=64),
    "dense_leaky_relu_dropout": parse(
        "x[n,i] W[i,o] b[o] alpha:positive progress[4]:count key0:count key1:count layer:count keep[1]:share "
        "-> a[n,o] y[n,o] mask[n,o]:bits",
        tolerance=64,
        smooth_away_from=0,
    ),
    "input_grad_sigmoid": parse("delta[n,o] W[i,o] a[n,i]:unit -> dz[n,i] db[i]", wide="db", tolerance=64),
    "dense_huber": parse(
        "x[n,i] W[i,k] b[k] y[n,k] w[n]:positive threshold:positive -> loss[2] delta[n,k]",
        wide="y w loss",
        tolerance=64,
    ),
    "dense_softmax_cross_entropy": parse(
        "x[n,i] W[i,c] b[c] y[n]:index<c w[n]:positive smoothing:unit -> loss[2] delta[n,c]",
        wide="w loss",
        tolerance=64,
    ),
    "squared_error_scaled": parse(
        "z[n,k] y[n,k] w[n]:positive scaling[3]:positive -> loss[2] delta[n,k]",
        alias="delta z",
        wide="y w loss scaling",
        tolerance=64,
    ),
    "lion_rounded": parse(
        "theta[p] grad[p] m[p] control[4]:positive decayed:count beta1:unit beta2:unit -> theta[p] m[p] copy[p]",
        wide="theta grad m control",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_fused_kernels_have_the_contracts_that_one_would_write(name: str) -> None:
    known: Contract = KERNELS[name].contract
    assert known == WRITTEN[name]
