"""From a device string to a backend: where arrays live, which kernels work on them, and how a list of calls is run."""

from .backend import Backend as Backend

__all__ = ["Backend"]
