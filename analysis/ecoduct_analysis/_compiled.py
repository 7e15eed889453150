"""How kernels are compiled: one decorator, so that every kernel is compiled alike."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(kernel: F) -> F:
    """Compile a kernel at its first call and keep the machine code beside the source.

    Division by zero gives inf or nan as in NumPy. No fast-math: a sum must not depend on how many
    fixes share a call, and nan must stay nan.
    """
    return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(kernel))


def inlined(part: F) -> F:
    """Compile a part of a kernel into each loop that calls it.

    A call that stays in a loop keeps the compiler from running it four fixes at a time, and counts
    the references of every array that it is given.
    """
    # Inlining must be forced: the compiler finds these parts too long to do it by itself.
    inline = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
    return cast("F", inline(part))
