"""Flush-to-zero: a thread that runs a program computes with 0 in place of subnormal numbers.

A number smaller than the smallest normal one (1.2e-38 in float32, 2.2e-308 in float64) is subnormal.  Intel processors compute
with such numbers in microcode, which is many times as slow, and training makes them: the first moment of a dead unit shrinks as
m ← 0.9 m, but sticks at 4 · 2⁻¹⁴⁹, since 3.6 rounds to 4; gradients of a task that is nearly solved underflow.  Bits of the
processor's control register put 0 in place of subnormal results (flush to zero) and operands (denormals are zero):

    x86-64   MXCSR, bits 15 and 6   Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 10.2.3
    AArch64  FPCR, bit 24 for both  Arm Architecture Reference Manual for A-profile architecture, FPCR.FZ

The register belongs to the thread.  LLVM reads and writes it; without llvmlite, or on another processor, subnormal numbers
stay.  A GPU has no such register: kernels/cuda/launch.py compiles its kernels with an option that means the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def flushed(run: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """run(*arguments), flushing in this thread; then the mode is the caller's again, also after an error or Ctrl-C.

    Other threads keep their own mode, such as those of a BLAS.  A thread that `run` starts inherits this one's mode on Linux.
    """
    register = _register()
    return (
        run(*arguments, **options) if register is None else _in_mode(register, register.flush, run, arguments, options)
    )


def unflushed(run: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """run(*arguments) with subnormal numbers, whatever the caller's mode is: for compilers, which compute constants."""
    register = _register()
    return run(*arguments, **options) if register is None else _in_mode(register, 0, run, arguments, options)


def _in_mode(
    register: _Register, bits: int, run: Callable[..., R], arguments: Iterable[object], options: Mapping[str, object]
) -> R:
    read, write, _, _ = register
    before = read()
    # Not a context manager: Python may raise KeyboardInterrupt after any call, so also in __enter__ after the mode is set, and
    # then nothing would restore it.  Here the mode is set inside `try`, and one call into C restores it.
    try:
        write(bits)
        return run(*arguments, **options)
    finally:
        write(before)


class _Register(NamedTuple):
    """The flushing bits of the calling thread: `read()`, `write(bits)`, and `flush`, all of them."""

    read: Callable[[], int]
    write: Callable[[int], None]
    flush: int
    engine: object  # keeps the machine code alive


@cache
def _register() -> _Register | None:
    """None where the register cannot be reached: training is right without, and may be slower."""
    try:
        import llvmlite.binding as llvm

        triple = llvm.get_process_triple()
        if not flush_bits(triple):
            return None
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_triple(triple).create_target_machine()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_code(triple)), machine)
        engine.finalize_object()
    except (ImportError, OSError, AttributeError, RuntimeError):  # no llvmlite, or one with other names or another LLVM
        return None
    # PYFUNCTYPE keeps the GIL: to release it would take longer than the call
    read = ctypes.PYFUNCTYPE(ctypes.c_int64)(engine.get_function_address("read"))
    write = ctypes.PYFUNCTYPE(None, ctypes.c_int64)(engine.get_function_address("write"))
    return _Register(read, write, flush_bits(triple), engine)


# -- as LLVM code ----------------------------------------------------------------------------------------------------

_BITS = {"x86_64": 1 << 15 | 1 << 6, "aarch64": 1 << 24, "arm64": 1 << 24}


def flush_bits(triple: str) -> int:
    """The bits that flush on this target of LLVM; 0 where they are not known."""
    return _BITS.get(triple.partition("-")[0], 0)


def emit_read(builder):
    """Emit code that reads the flushing bits, as an i64."""
    from llvmlite import ir

    word, flush = ir.IntType(64), flush_bits(builder.module.triple)
    return builder.and_(_emit_get(builder, ir), word(flush)) if flush else word(0)


def emit_write(builder, bits):
    """Emit code that sets the flushing bits to those of the i64 `bits`; the rest of the register stays as it is."""
    from llvmlite import ir

    word, flush = ir.IntType(64), flush_bits(builder.module.triple)
    if flush:
        rest = builder.and_(_emit_get(builder, ir), word(~flush))
        _emit_set(builder, ir, builder.or_(rest, builder.and_(bits, word(flush))))


def _emit_get(builder, ir):
    """The whole register, as an i64."""
    word = ir.IntType(64)
    if builder.module.triple.startswith("x86_64"):
        place = _emit_room(builder, ir)
        _emit_call(builder, ir, "llvm.x86.sse.stmxcsr", ir.VoidType(), place)
        return builder.zext(builder.load(builder.bitcast(place, ir.IntType(32).as_pointer())), word)
    return _emit_call(builder, ir, "llvm.aarch64.get.fpcr", word)


def _emit_set(builder, ir, value):
    if builder.module.triple.startswith("x86_64"):
        place = _emit_room(builder, ir)
        builder.store(builder.trunc(value, ir.IntType(32)), builder.bitcast(place, ir.IntType(32).as_pointer()))
        _emit_call(builder, ir, "llvm.x86.sse.ldmxcsr", ir.VoidType(), place)
    else:
        _emit_call(builder, ir, "llvm.aarch64.set.fpcr", ir.VoidType(), value)


def _emit_room(builder, ir):
    """Four bytes on the stack: MXCSR can only be moved to and from memory."""
    with builder.goto_entry_block():
        return builder.bitcast(builder.alloca(ir.IntType(32)), ir.IntType(8).as_pointer())


def _emit_call(builder, ir, name, result, *arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(builder.module.declare_intrinsic(name, (), kind), arguments)


def _code(triple: str) -> str:
    """`int64 read(void)` and `void write(int64)` for this target."""
    from llvmlite import ir

    word, module = ir.IntType(64), ir.Module()
    module.triple = triple
    read = ir.Function(module, ir.FunctionType(word, []), "read")
    builder = ir.IRBuilder(read.append_basic_block())
    builder.ret(emit_read(builder))
    write = ir.Function(module, ir.FunctionType(ir.VoidType(), [word]), "write")
    builder = ir.IRBuilder(write.append_basic_block())
    emit_write(builder, write.args[0])
    builder.ret_void()
    return str(module)
