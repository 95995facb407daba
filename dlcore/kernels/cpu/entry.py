"""Compiled loops by address: each gets one more entry, a C function `(words, lo, hi)`, so that a table of addresses can call
any of them.  `words` are 64-bit: of an array its address and shape, of a number its bits.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core import cgutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .compiled import OPTIONS, Loop, keep_on_disk

SIGNATURE = types.void(types.CPointer(types.int64), types.int64, types.int64)
WORDS = ir.IntType(64).as_pointer()
FUNCTION = ir.FunctionType(ir.VoidType(), [WORDS, ir.IntType(64), ir.IntType(64)])  # SIGNATURE, in LLVM


class NotLowered(Exception):
    """What the table cannot say, with the reason."""


@cache
def _arguments_from(kinds: tuple[Any, ...]) -> Any:
    """An intrinsic that turns words into a tuple of arguments of these types."""
    result = types.Tuple(kinds)

    def read(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = 0

        def word() -> Any:
            nonlocal place
            place += 1
            return builder.load(builder.gep(values[0], [ir.Constant(ir.IntType(32), place - 1)]))

        def array(kind: Any) -> Any:
            value = make_array(kind)(context, builder)
            entry = context.get_data_type(kind.dtype)
            itemsize = context.get_constant(types.intp, context.get_abi_sizeof(entry))
            data, shape = builder.inttoptr(word(), entry.as_pointer()), [word() for _ in range(kind.ndim)]
            strides = [itemsize]
            for length in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            populate_array(value, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
            return value._getvalue()

        def number(kind: Any) -> Any:
            if isinstance(kind, types.Float):
                return context.cast(builder, builder.bitcast(word(), ir.DoubleType()), types.float64, kind)
            return context.cast(builder, word(), types.int64, kind)

        entries = [array(kind) if isinstance(kind, types.Array) else number(kind) for kind in kinds]
        return context.make_tuple(builder, result, entries)

    @intrinsic
    def arguments(typing: Any, words: Any) -> Any:
        return result(words), read

    return arguments


def words_of(arguments: Sequence[Any]) -> list[int]:
    """What `_arguments_from` reads."""
    words: list[int] = []
    for value in arguments:
        if isinstance(value, np.ndarray):
            words += [value.ctypes.data, *value.shape]
        elif isinstance(value, (float, np.floating)):
            words.append(int(np.float64(value).view(np.int64)))
        else:
            words.append(int(value))
    return words


_entries: dict[tuple[Loop, tuple[Any, ...]], CFunc] = {}  # they also keep the machine code alive


def entry(loop: Loop, arguments: Sequence[Any]) -> int:
    """The address of this loop for arguments of these types; compiled, or loaded from the cache, when first asked for."""
    kinds = tuple(typeof(value) for value in arguments)
    if (loop, kinds) not in _entries:
        for kind in kinds:
            if isinstance(kind, types.Array) and kind.layout != "C":
                raise NotLowered("an array is not C-contiguous")
        _entries[loop, kinds] = _compile(loop, kinds)
    return int(_entries[loop, kinds].address or 0)


def _compile(loop: Loop, kinds: tuple[Any, ...]) -> CFunc:
    read, run = _arguments_from(kinds), loop.dispatcher
    if loop.axis:

        def function(words, lo, hi):
            run(lo, hi, *read(words))

    else:

        def function(words, lo, hi):
            run(*read(words))

    return callback(function, f"{loop.identity} {kinds}")


def callback(function: Any, name: str) -> CFunc:
    """A C function of SIGNATURE; `name` tells it apart in the cache."""
    # machine code is found by its name, also that of other processes: two functions must never share one
    function.__qualname__ = f"{name.partition(' ')[0]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    compiled = CFunc(function, (SIGNATURE.args, SIGNATURE.return_type), locals={}, options=dict(OPTIONS))
    keep_on_disk(compiled, function, name)
    compiled.compile()
    return compiled


@intrinsic
def call_entry(typing: Any, address: Any, words: Any, lo: Any, hi: Any) -> Any:
    """Call the function of SIGNATURE at `address`; words is an address, too."""

    def code(context: Any, builder: Any, signature: Any, a: Any) -> Any:
        function, pointer = builder.inttoptr(a[0], FUNCTION.as_pointer()), builder.inttoptr(a[1], WORDS)
        builder.call(function, [pointer, a[2], a[3]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), code


@intrinsic
def atomic_add(typing: Any, address: Any, value: Any) -> Any:
    """Add to the 64-bit integer at `address`, seen by all threads in one order."""

    def code(context: Any, builder: Any, signature: Any, a: Any) -> Any:
        return builder.atomic_rmw("add", builder.inttoptr(a[0], WORDS), a[1], "seq_cst")

    return types.int64(types.int64, types.int64), code


@intrinsic
def atomic_load(typing: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, a: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(a[0], WORDS), "seq_cst", 8)

    return types.int64(types.int64), code


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this is a waiting loop."""

    def code(context: Any, builder: Any, signature: Any, a: Any) -> Any:
        name, arguments = _PAUSE.get(builder.module.triple.partition("-")[0], (None, []))
        if name:
            kinds = [argument.type for argument in arguments]
            hint = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), kinds), name)
            builder.call(hint, arguments)
        return context.get_dummy_value()

    return types.void(), code


_PAUSE = {
    "x86_64": ("llvm.x86.sse2.pause", []),
    "aarch64": ("llvm.aarch64.hint", [ir.Constant(ir.IntType(32), 1)]),
    "arm64": ("llvm.aarch64.hint", [ir.Constant(ir.IntType(32), 1)]),
}


@intrinsic
def call_yield(typing: Any, address: Any) -> Any:
    """Call `int f(void)`: give the processor to another thread."""

    def code(context: Any, builder: Any, signature: Any, a: Any) -> Any:
        builder.call(builder.inttoptr(a[0], ir.FunctionType(ir.IntType(32), []).as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), code
