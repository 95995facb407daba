"""Intrinsics for compiled code: calls by address, atomic counters, flat views, scratch on the stack."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from ..subnormals import emit_read, emit_write, flush_bits
from .compiled import WIDEST
from .entry import FUNCTION, WORD

WORDS = WORD.as_pointer()


@intrinsic
def call_entry(typing, address, words, lo, hi):
    """Call the entry at `address`; words is an address, too."""

    def code(context, builder, signature, a):
        function, pointer = builder.inttoptr(a[0], FUNCTION.as_pointer()), builder.inttoptr(a[1], WORDS)
        builder.call(function, [pointer, a[2], a[3]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), code


@intrinsic
def atomic_add(typing, address, value):
    """Add to the 64-bit integer at `address`, seen by all threads in one order."""

    def code(context, builder, signature, a):
        return builder.atomic_rmw("add", builder.inttoptr(a[0], WORDS), a[1], "seq_cst")

    return types.int64(types.int64, types.int64), code


@intrinsic
def atomic_load(typing, address):
    def code(context, builder, signature, a):
        return builder.load_atomic(builder.inttoptr(a[0], WORDS), "seq_cst", 8)

    return types.int64(types.int64), code


@intrinsic
def pause(typing):
    """Tell the processor that this is a spin loop."""

    def code(context, builder, signature, a):
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
def call_yield(typing, address):
    """Call `int f(void)`: give the processor to another thread."""

    def code(context, builder, signature, a):
        builder.call(builder.inttoptr(a[0], ir.FunctionType(ir.IntType(32), []).as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), code


@intrinsic
def flush_subnormals(typing):
    """This thread computes with 0 in place of subnormal numbers from now on; the mode before, for `restore_mode`."""

    def code(context, builder, signature, a):
        before = emit_read(builder)
        emit_write(builder, WORD(flush_bits(builder.module.triple)))
        return before

    return types.int64(), code


@intrinsic
def restore_mode(typing, before):
    def code(context, builder, signature, a):
        emit_write(builder, a[0])
        return context.get_dummy_value()

    return types.void(types.int64), code


@intrinsic
def flat_of(typing, matrix):
    """All entries as a vector; numba's own reshape takes 0.2 s to compile."""
    vector = types.Array(matrix.dtype, 1, "C")

    def code(context, builder, signature, a):
        whole, flat = make_array(matrix)(context, builder, a[0]), make_array(vector)(context, builder)
        shape = [whole.nitems]
        populate_array(flat, whole.data, shape, strides=[whole.itemsize], itemsize=whole.itemsize, meminfo=None)
        return flat._getvalue()

    return vector(matrix), code


@intrinsic
def on_stack(typing, example):
    """A vector of WIDEST entries of the type of `example`, on the stack of the loop."""
    vector = types.Array(example, 1, "C")

    def code(context, builder, signature, a):
        element = context.get_data_type(example)
        stack = cgutils.alloca_once(builder, ir.ArrayType(element, WIDEST))
        room, size = make_array(vector)(context, builder), context.get_constant(types.intp, WIDEST)
        step = context.get_constant(types.intp, context.get_abi_sizeof(element))
        data = builder.bitcast(stack, element.as_pointer())
        populate_array(room, data, [size], strides=[step], itemsize=step, meminfo=None)
        return room._getvalue()

    return vector(example), code
