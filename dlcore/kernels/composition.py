"""Kernels composed of kernels: the contract and the reference of a fused kernel follow from those of its parts.

    dense_relu = composed("dense_relu", "a = relu(x W + b)", dense, relu, inner="z")

runs dense, then relu, and has the contract `x[n,i] W[i,o] b[o] -> a[n,o]`.  Parts are connected by names: what one writes
as z, a later one reads as z; `part(dropout, x="a")` is a part that reads a where the contract of dropout says x.

    inputs    names that a part reads and no earlier one has written; the narrowest domain that a part asks for
    outputs   names that parts write, without those in `inner`
    sizes     equal where a name connects them, under the letter of the earlier part
    wide      as declared; a part that shares a real with a wide array of another runs in the wide dtype, with all its reals
    alias     as a part allows it, unless a later part reads the input
    kinks     those of all parts; the tolerance is the largest of any part
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase, ascii_uppercase

from ..errors import ContractError
from .contract import Argument, Contract, Reference, with_contract


@dataclass(frozen=True)
class Part:
    """A reference kernel, and its contract with the names that its arguments have in the composition."""

    kernel: Reference
    contract: Contract


def part(kernel: Reference, **names: str) -> Part:
    """A kernel as a part, with other names for some of its arguments: part(kernel, x="a")."""
    known = kernel.contract
    if unknown := names.keys() - {a.name for a in known.arguments}:
        raise ContractError(f"part {kernel.__name__}: {min(unknown)!r} is not in its contract '{known}'")
    return Part(kernel, _renamed(known, names, {}) if names else known)


def composed(
    name: str, doc: str, *kernels: Reference | Part, inner: str = "", letters: Mapping[str, str] | None = None
) -> Reference:
    """The reference kernel that runs `kernels` (or Parts) one after the other, and keeps them as its `parts`."""
    parts = tuple(k if isinstance(k, Part) else part(k) for k in kernels)
    contract = compose([p.contract for p in parts], inner, letters)
    calls = [(p.kernel, _names(p.contract.inputs), _names(p.contract.outputs)) for p in parts]
    inputs, outputs = _names(contract.inputs), _names(contract.outputs)

    def kernel(xp, *values):
        known = dict(zip(inputs, values, strict=True))
        for run, read, written in calls:
            results = run(xp, *(known[name] for name in read))
            known.update(zip(written, results if isinstance(results, tuple) else (results,), strict=True))
        return tuple(known[name] for name in outputs) if len(outputs) > 1 else known[outputs[0]]

    kernel.__name__ = kernel.__qualname__ = name
    kernel.__doc__ = doc
    return with_contract(kernel, contract, parts=parts)


def compose(parts: Sequence[Contract], inner: str = "", letters: Mapping[str, str] | None = None) -> Contract:
    """The contract of kernels that run one after the other, without the outputs in `inner`; `letters` renames sizes."""
    inputs: dict[str, Argument] = {}
    outputs: dict[str, Argument] = {}
    parts = _in_common_letters(parts, letters or {})
    for contract in parts:
        for a in contract.inputs:
            if a.name not in outputs:
                inputs[a.name] = _narrower(inputs.get(a.name, a), a)
        outputs |= {a.name: a for a in contract.outputs}
    for name in inner.split():
        if outputs.pop(name, None) is None:
            raise ContractError(f"inner {name!r}: no part of the composition writes it")
    wide = _wide(parts)
    left, right = (
        tuple(replace(a, wide=True) if a.name in wide and not a.wide else a for a in side.values())
        for side in (inputs, outputs)
    )
    aliases = frozenset(
        (o, i)
        for k, contract in enumerate(parts)
        for o, i in contract.aliases
        if o in outputs and i in inputs and not any(i in _names(later.inputs) for later in parts[k + 1 :])
    )
    kinks = tuple(dict.fromkeys(kink for contract in parts for kink in contract.smooth_away_from))
    return Contract(left, right, aliases, kinks, max(contract.tolerance for contract in parts))


def _names(arguments: Sequence[Argument]) -> list[str]:
    return [a.name for a in arguments]


def _narrower(a: Argument, b: Argument) -> Argument:
    """The declaration with the narrower domain, where two parts read one input."""
    if a.domain != b.domain and "real" not in (a.domain, b.domain):
        raise ContractError(f"{a} and {b} in one composition: neither domain contains the other")
    return b if a.domain == "real" else a


def _wide(parts: Sequence[Contract]) -> set[str]:
    """Names of the wide arrays."""
    reals = [[a for a in contract.arguments if a.is_real_array] for contract in parts]
    wide = {a.name for side in reals for a in side if a.wide}
    # a part that becomes wide may make another wide
    while more := {a.name for side in reals if any(a.name in wide and not a.wide for a in side) for a in side} - wide:
        wide |= more
    return wide


# A size while parts are matched: (False, False, 0, "2"), (True, False, part, "N") or (True, True, part, "n").  Of equal sizes
# the least names all: a number, then a capital letter, which is stricter than a small one, then the letter of an earlier part.
_Size = tuple[bool, bool, int, str]


def _in_common_letters(parts: Sequence[Contract], letters: Mapping[str, str]) -> list[Contract]:
    """The contracts with one letter for each size of the composition, so that a name has the same shape in all of them."""
    lesser: dict[_Size, _Size] = {}  # union-find: an equal size that is less

    def size(index: int, d: str) -> _Size:
        found = (d.isalpha(), d.islower(), index * d.isalpha(), d)
        while found in lesser:
            found = lesser[found]
        return found

    seen: dict[str, tuple[int, Argument]] = {}
    for index, contract in enumerate(parts):
        for a in contract.arguments:
            earlier, b = seen.setdefault(a.name, (index, a))
            if earlier == index:
                continue
            if not _alike(a, b):
                raise ContractError(f"{b} and {a} in one composition are not of one kind")
            for d, e in zip(a.dims or (), b.dims or (), strict=True):
                less, more = sorted((size(index, d), size(earlier, e)))
                if less != more and more[-1].isdigit():
                    raise ContractError(f"{b} and {a} in one composition have different shapes")
                if less != more:
                    lesser[more] = less
    named: dict[_Size, str] = {}
    for index, contract in enumerate(parts):
        for d in contract.letters:
            if (found := size(index, d)) not in named:
                named[found] = _free(letters.get(found[-1], found[-1]), named.values())
    return [
        _renamed(contract, {}, {d: named[size(index, d)] for d in contract.letters})
        for index, contract in enumerate(parts)
    ]


def _alike(a: Argument, b: Argument) -> bool:
    """Both Python numbers, or arrays with as many dimensions, and dtypes of one kind."""
    return a.dtype("real") == b.dtype("real") and (a.dims and len(a.dims)) == (b.dims and len(b.dims))


def _free(letter: str, taken: Collection[str]) -> str:
    """This letter, or the first of its case that is not taken."""
    alphabet = ascii_lowercase if letter.islower() else ascii_uppercase
    return next(each for each in letter + alphabet if each not in taken)


def _renamed(contract: Contract, names: Mapping[str, str], letters: Mapping[str, str]) -> Contract:
    """The contract with other names and other letters for sizes."""
    if all(old == new for old, new in (*names.items(), *letters.items())):
        return contract

    def renamed(a: Argument) -> Argument:
        dims = a.dims and tuple(letters.get(d, d) for d in a.dims)
        return replace(a, name=names.get(a.name, a.name), dims=dims, below=a.below and letters.get(a.below, a.below))

    aliases = frozenset((names.get(o, o), names.get(i, i)) for o, i in contract.aliases)
    inputs, outputs = tuple(map(renamed, contract.inputs)), tuple(map(renamed, contract.outputs))
    return replace(contract, inputs=inputs, outputs=outputs, aliases=aliases)
