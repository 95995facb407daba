"""dlcore: trains dense neural networks as fast as the hardware allows, on a CPU or a GPU, by setting one device flag.

import dlcore as dl

model = dl.Sequential(dl.Dense(784, 256), dl.ReLU(), dl.Dense(256, 10))
trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device="auto")
trainer.fit(X, y, epochs=10, batch_size=128)

The names are those of dlcore/public.py.  They are loaded when the first one is asked for (PEP 562), because NumPy alone
takes longer to import than `dlcore --help` may take.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .public import *  # noqa: F403
else:

    def __getattr__(name):
        from importlib import import_module, util

        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
        # a module of this package first: the modules ask for each other here while the public names are being loaded
        if util.find_spec(f"dlcore.{name}"):
            return import_module(f"dlcore.{name}")
        public = import_module("dlcore.public")
        globals().update({each: getattr(public, each) for each in public.__all__}, __all__=public.__all__)
        if name not in globals():
            raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
        return globals()[name]

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__")})
