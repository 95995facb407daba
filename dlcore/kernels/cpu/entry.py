"""Compiled functions by address: each is compiled once for given types, as a C function `(words, lo, hi)`, so that a table of
addresses can call any of them.  `words` are 64-bit: for an array its address, its shape, and its strides if it has gaps; for
a number its bits.

numba compiles the Python function to LLVM IR; its wrappers for calls from Python (unboxing, dispatch) are left out, which
saves more than half of the time of compiling.
"""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import cpu_target
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from ...interrupts import check_interrupt
from ..subnormals import unflushed
from . import cache

WORD = ir.IntType(64)
FUNCTION = ir.FunctionType(ir.VoidType(), [WORD.as_pointer(), WORD, WORD])  # (words, lo, hi)
SYMBOL = "entry"

counts: Counter[str] = Counter()  # how many entries this process has compiled, and how many it has found on disk


def kind_of(value):
    """The type that an argument is compiled for."""
    dtype = getattr(value, "dtype", None)
    if isinstance(value, np.ndarray):
        return types.Array(from_dtype(dtype), value.ndim, "C" if value.flags.c_contiguous else "A")
    if dtype is not None:
        return from_dtype(dtype)
    return types.float64 if isinstance(value, float) else types.int64


def words_of(arguments) -> list[int]:
    """The words from which an entry reads these arguments."""
    words: list[int] = []
    for value in arguments:
        if isinstance(value, np.ndarray):
            words += [value.ctypes.data, *value.shape, *(() if value.flags.c_contiguous else value.strides)]
        elif isinstance(value, (float, np.floating)):
            words.append(int(np.float64(value).view(np.int64)))
        else:
            words.append(int(value))
    return words


class Entry:
    """A function, compiled for arguments of these kinds; a `windowed` one takes lo and hi before them.

    `name` identifies the code in the cache.
    """

    def __init__(self, function, kinds, options: Mapping[str, object], windowed: bool, name: str) -> None:
        with global_compiler_lock:
            code = cache.load(name)
            if code is None:
                check_interrupt()  # a cold start compiles for seconds, and nothing is half done here
                code = unflushed(_compile, function, kinds, options, windowed)
                cache.save(name, code)
                counts["compiled"] += 1
            else:
                counts["found"] += 1
            cpu_target.target_context  # noqa: B018  initializes LLVM and registers the addresses of numba's own functions
            # an engine for each entry: a shared one finds code by symbols, and all entries have the same
            machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
            self.address = int(self._engine.get_function_address(SYMBOL))


class _ToLLVM(_FunctionCompiler):
    """numba's compiler, stopped at LLVM IR."""

    def _customize_flags(self, flags):
        flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.no_compile = True
        flags.enable_pyobject = flags.enable_looplift = False
        return flags


class _Part(JITCodeLibrary):
    """LLVM IR of a function that is linked into its callers: not optimized or compiled to machine code by itself."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    def object_code(self) -> bytes:
        """Machine code of this function with all functions it calls."""
        self.finalize()
        super()._optimize_final_module()
        return bytes(self._codegen._tm.emit_object(self._final_module))


@contextmanager
def _making_parts() -> Iterator[None]:
    """Compile every function as a _Part; numba's lock must be held."""
    codegen, collecting = cpu_target.target_context.codegen(), gc.isenabled()
    codegen._library_class, codegen.set_env = _Part, lambda name, environment: None
    gc.disable()  # garbage collection would take a sixth of the time
    try:
        yield
    finally:
        del codegen._library_class, codegen.set_env
        if collecting:
            gc.enable()


def _compile(function, kinds, options: Mapping[str, object], windowed: bool) -> bytes:
    """Object code in which SYMBOL is the entry."""
    compiler = _ToLLVM(function, cpu_target, dict(options), {}, Compiler)
    window = (types.int64, types.int64) if windowed else ()
    _, arguments = compiler.fold_argument_types((*window, *kinds), {})  # *numbers become a tuple
    with _making_parts():
        result = compiler.compile(arguments, types.void)
    library = result.library
    library.add_ir_module(_entry_module(result, windowed))
    library._final_module.get_function(result.fndesc.llvm_func_name).linkage = "internal"  # called from the entry only
    return bytes(library.object_code())


def _entry_module(result, windowed):
    """LLVM IR of the entry, which reads the arguments from the words and calls the compiled function."""
    context, described = result.target_context, result.fndesc
    module = context.create_module(SYMBOL)
    kind = context.call_conv.get_function_type(described.restype, described.argtypes)
    function = ir.Function(module, kind, described.llvm_func_name)
    entry = ir.Function(module, FUNCTION, SYMBOL)
    builder = ir.IRBuilder(entry.append_basic_block())
    words, lo, hi = entry.args
    place = 0

    def word():
        nonlocal place
        place += 1
        return builder.load(builder.gep(words, [ir.Constant(ir.IntType(32), place - 1)]))

    def array(kind):
        value = make_array(kind)(context, builder)
        element = context.get_data_type(kind.dtype)
        itemsize = context.get_constant(types.intp, context.get_abi_sizeof(element))
        data, shape = builder.inttoptr(word(), element.as_pointer()), [word() for _ in range(kind.ndim)]
        strides = [word() for _ in range(kind.ndim)] if kind.layout == "A" else [itemsize]
        for length in reversed(shape[1:] if kind.layout == "C" else ()):
            strides.insert(0, builder.mul(strides[0], length))
        populate_array(value, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
        return value._getvalue()

    def argument(kind):
        if isinstance(kind, types.Array):
            return array(kind)
        if isinstance(kind, types.BaseTuple):
            return context.make_tuple(builder, kind, [argument(part) for part in kind])
        if isinstance(kind, types.Float):
            return context.cast(builder, builder.bitcast(word(), ir.DoubleType()), types.float64, kind)
        return context.cast(builder, word(), types.int64, kind)

    window = [lo, hi] if windowed else []
    values = window + [argument(kind) for kind in described.argtypes[len(window) :]]
    context.call_conv.call_function(builder, function, described.restype, described.argtypes, values)
    builder.ret_void()
    return module
