"""The exceptions, and the command line's exit code of each."""

from __future__ import annotations

import re

import pytest

import dlcore as dl
from dlcore import errors

KINDS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DlcoreError)
}


def test_the_table_at_the_top_of_the_file_has_every_error_and_its_exit_code() -> None:
    table = {name: int(code) for name, code in re.findall(r"(\w+Error)\s+(\d)", errors.__doc__ or "")}
    assert table == {name: kind.exit_code for name, kind in KINDS.items()}


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (dl.ConfigurationError, ValueError),
        (dl.DataError, ValueError),
        (dl.ShapeError, dl.DataError),
        (dl.DeviceError, RuntimeError),
        (errors.ContractError, dl.ConfigurationError),
    ],
)
def test_an_error_is_caught_as_what_it_also_is(kind: type[Exception], also: type[Exception]) -> None:
    assert issubclass(kind, also)


def test_a_contract_error_is_no_public_name() -> None:
    """It reports a bug in a layer or in dlcore, which no program has to expect."""
    assert set(errors.__all__) == set(KINDS) - {"ContractError"}
