"""Every exception dlcore raises on purpose, and the command line's exit code for it.

DlcoreError                    1
├── DivergenceError            1   the loss or the gradient stopped being finite; the last good state is kept
├── ConfigurationError         2   a model, loss, optimizer or option that cannot work; also a ValueError
│   └── ContractError          2   a kernel was called against its contract: a bug in a layer, not in user data
├── DataError                  3   data that cannot be trained on; also a ValueError
│   └── ShapeError             3   wrong number of rows, columns or dimensions
├── CheckpointError            4   a file that is torn, altered, or not from dlcore
└── DeviceError                5   the device is unknown or cannot be used; also a RuntimeError

Messages say what came, what was expected, and what to do.
"""

__all__ = [
    "CheckpointError", "ConfigurationError", "DataError", "DeviceError", "DivergenceError", "DlcoreError", "ShapeError",
]  # fmt: skip


class DlcoreError(Exception):
    """Base of all errors raised by dlcore."""

    exit_code = 1


class DivergenceError(DlcoreError):
    """The loss or the gradient norm became infinite or NaN.  The trainer keeps the state before that step."""

    exit_code = 1


class ConfigurationError(DlcoreError, ValueError):
    """A model, loss, optimizer or option that cannot work as given."""

    exit_code = 2


class ContractError(ConfigurationError):
    """A kernel call that its contract forbids: wrong shape, dtype, or overlapping buffers."""


class DataError(DlcoreError, ValueError):
    """Data that cannot be trained on or predicted from."""

    exit_code = 3


class ShapeError(DataError):
    """Data with the wrong number of rows, columns or dimensions."""


class CheckpointError(DlcoreError):
    """A checkpoint that cannot be read, or does not fit."""

    exit_code = 4


class DeviceError(DlcoreError, RuntimeError):
    """A device that is unknown or cannot be used on this machine."""

    exit_code = 5
