"""The fastest algorithm of a product: found once, remembered in a file, kept by a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcore.kernels.cuda import gemm

from .emulation import EmulatedDevice
from .mock_cublaslt import MockCublasLt
from .products import chosen, matrix


def test_the_fastest_algorithm_is_found_once() -> None:
    """Of three proposals; it stays the choice where another one would be faster later, and on a second stream."""
    library = MockCublasLt(costs=(3, 1, 2))
    device, a, b, out = EmulatedDevice(library), matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    device.product(a, b, out)
    np.testing.assert_allclose(out, a @ b, atol=1e-12)
    library.costs = (3, 7, 2)
    for each in (device, device.sibling()):
        library.cost = 0
        each.product(a, b, out)
        assert library.cost == 7  # of the product that was made last
    assert chosen(device) == [1]


def test_a_choice_is_kept_in_a_file(tmp_path: Path) -> None:
    """The next process takes it without trying, though it would choose otherwise; a torn file is none."""
    file, a, b, out = tmp_path / "cache" / "algorithms.json", matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    EmulatedDevice(MockCublasLt(costs=(3, 1, 2)), cache=file).product(a, b, out)
    device = EmulatedDevice(MockCublasLt(costs=(1, 2, 3)), cache=file)
    device.product(a, b, out)
    assert chosen(device) == [1]
    file.write_text(file.read_text()[:-9])
    again = EmulatedDevice(MockCublasLt(costs=(1, 2, 3)), cache=file)
    again.product(a, b, out)
    assert chosen(again) == [0]


def test_a_file_keeps_what_others_have_chosen(tmp_path: Path) -> None:
    """Two devices of one process, one for each precision, and another GPU: none loses the choice of another one."""
    file, b, out = tmp_path / "algorithms.json", matrix(6, 8), np.zeros((4, 8))

    class Other(EmulatedDevice):
        def identity(self) -> str:
            return "another GPU"

    devices = [kind(MockCublasLt(costs=(3, 1)), cache=file) for kind in (EmulatedDevice, EmulatedDevice, Other)]
    for rows, device in zip((4, 3, 4), devices, strict=True):
        device.product(matrix(rows, 6), b, out[:rows])
    assert [len(kind(cache=file).algorithms.facts()["chosen"]) for kind in (EmulatedDevice, Other)] == [2, 1]
    file.write_text('{"a mock of cuBLASLt": 3}')  # a file of something else is none
    EmulatedDevice(MockCublasLt(costs=(3, 1)), cache=file).product(matrix(4, 6), b, out)
    assert len(EmulatedDevice(cache=file).algorithms.facts()["chosen"]) == 1


def test_a_hint_is_checked_before_it_is_used() -> None:
    """One for another GPU is left aside, and one that the library refuses, or that is for another shape."""
    a, b, out = matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    first = EmulatedDevice(MockCublasLt(costs=(3, 2, 1)))
    first.product(a, b, out)
    facts = first.algorithms.facts()
    ((key, value),) = facts["chosen"].items()
    other_shape = EmulatedDevice(MockCublasLt())
    other_shape.product(matrix(5, 6), b, np.zeros((5, 8)))
    wrong = next(iter(other_shape.algorithms.facts()["chosen"].values()))
    for hint, want in (
        (facts, 2),
        (facts | {"identity": "another GPU"}, 0),
        (facts | {"chosen": {key: wrong}}, 0),
        (facts | {"chosen": {key: "00" * 64}}, 0),
        (facts | {"chosen": {key: value[:-1]}}, 0),
        (None, 0),
    ):
        device = EmulatedDevice(MockCublasLt(costs=(1, 2, 3)))
        device.algorithms.hint(hint)
        device.product(a, b, out)
        assert chosen(device) == [want]


@pytest.mark.parametrize(("needs", "want"), [(gemm.WORKSPACE, 2), (gemm.WORKSPACE + 1, 0)])
def test_a_hint_that_needs_more_workspace_is_left_aside(needs: int, want: int) -> None:
    """It was chosen where there was more."""
    a, b, out = matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    first = EmulatedDevice(MockCublasLt(costs=(3, 2, 1)))
    first.product(a, b, out)
    library = MockCublasLt(costs=(1, 2, 3))
    library.needs = needs
    device = EmulatedDevice(library)
    device.algorithms.hint(first.algorithms.facts())
    device.product(a, b, out)
    assert chosen(device) == [want]


def test_the_choice_of_a_checkpoint_counts_more_than_that_of_the_cache(tmp_path: Path) -> None:
    """A run that is resumed where another algorithm is remembered keeps its own, and so its bits."""
    a, b, out, file = matrix(4, 6), matrix(6, 8), np.zeros((4, 8)), tmp_path / "algorithms.json"
    run, local = EmulatedDevice(MockCublasLt(costs=(3, 1))), EmulatedDevice(MockCublasLt(costs=(1, 3)), cache=file)
    run.product(a, b, out)
    local.product(a, b, out)
    resumed = EmulatedDevice(MockCublasLt(costs=(1, 3)), cache=file)
    assert chosen(resumed) == [0]
    resumed.algorithms.hint(run.algorithms.facts())
    resumed.product(a, b, out)
    assert chosen(resumed) == [1]
