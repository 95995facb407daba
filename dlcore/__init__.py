"""dlcore: trains dense neural networks as fast as the hardware allows, on a CPU or a GPU, by setting one device flag.

import dlcore as dl

model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device="auto")
trainer.fit(X, y, epochs=10, batch_size=128)

Its names are those in the `__all__` of the folders listed here.  They are loaded when the first one is used (PEP 562),
because NumPy alone takes longer to import than `dlcore --help` may take.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_ROOMS = ("errors", "backends", "layers", "losses", "optimizers", "training", "study")
_MODULES = {"initializers": "layers", "schedules": "optimizers"}  # modules that are public names, and their folders

if TYPE_CHECKING:
    from .backends import *  # noqa: F403
    from .errors import *  # noqa: F403
    from .layers import *  # noqa: F403
    from .layers import initializers as initializers
    from .losses import *  # noqa: F403
    from .optimizers import *  # noqa: F403
    from .optimizers import schedules as schedules
    from .study import *  # noqa: F403
    from .training import *  # noqa: F403
else:

    def __getattr__(name):
        from importlib import import_module, util

        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
        # folders of this package first: while the public names are being loaded, modules look each other up here
        if util.find_spec(f"dlcore.{name}"):
            return import_module(f"dlcore.{name}")
        rooms = [import_module(f"dlcore.{room}") for room in _ROOMS]
        found = {each: getattr(room, each) for room in rooms for each in room.__all__}
        found |= {each: import_module(f"dlcore.{room}.{each}") for each, room in _MODULES.items()}
        globals().update(found, __all__=sorted(found))
        if name not in globals():
            raise AttributeError(f"module 'dlcore' has no attribute {name!r}{_hint(name)}")
        return globals()[name]

    def _hint(name):
        """Where the name is instead, or the nearest one."""
        from importlib import import_module

        from .suggestions import did_you_mean

        for each, room in _MODULES.items():
            if name in import_module(f"dlcore.{room}.{each}").__all__:
                return f"; it is dl.{each}.{name}"
        for room in ("data", "preprocessing", "plotting"):
            if name in import_module(f"dlcore.{room}").__all__:
                return f"; from dlcore.{room} import {name}"
        return did_you_mean(name, __getattr__("__all__"))

    def __dir__():
        return sorted({"__version__", *__getattr__("__all__")})
