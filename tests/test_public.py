"""`import dlcore` loads its names when the first one is asked for, and nobody notices."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dlcore as dl


def python(code):
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_numpy_is_imported_with_the_first_name():
    done = python(
        "import sys, dlcore as dl; assert 'numpy' not in sys.modules; dl.Dense; assert 'numpy' in sys.modules;"
        "dl.initializers.HeNormal; assert 'numba' not in sys.modules"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_star_brings_every_public_name():
    done = python("from dlcore import *; Dense, ReLU, Adam, SoftmaxCrossEntropy, Trainer, check_gradients, schedules")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", dl.__all__)
def test_a_public_name_is_importable_from_its_folder(name):
    homes = [room for room in dl._ROOMS if name in import_module(f"dlcore.{room}").__all__]
    homes += [room for module, room in dl._MODULES.items() if module == name]
    assert len(homes) == 1
    assert getattr(dl, name) is getattr(import_module(f"dlcore.{homes[0]}"), name)
    assert name in dir(dl)


@pytest.mark.parametrize("room", ["data", "preprocessing", "plotting"])
def test_rooms_with_names_of_their_own(room):
    module = import_module(f"dlcore.{room}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'dlcore' has no attribute 'Dens'"):
        dl.Dens  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Dens'"):
        from dlcore import Dens  # noqa: F401
    assert not hasattr(dl, "_private")
    assert "TYPE_CHECKING" not in dir(dl)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("CosineDecay", "it is dl.schedules.CosineDecay"), ("HeNormal", "it is dl.initializers.HeNormal"), ("ReLu", "did you mean 'ReLU'"),
     ("load_digits", "from dlcore.data import load_digits"), ("Preprocessing", "from dlcore.preprocessing import Preprocessing")],
)  # fmt: skip
def test_a_name_that_is_elsewhere_is_told(name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(dl, name)
