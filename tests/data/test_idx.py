"""IDX files: what is written by the book is read, everything else is one clear error."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dlcore as dl
from dlcore.data.idx import read_idx

# the table of types of http://yann.lecun.com/exdb/mnist, with struct's letters
TYPES = {"B": 0x08, "b": 0x09, "h": 0x0B, "i": 0x0C, "f": 0x0D, "d": 0x0E}


def encoded(array):
    """The IDX file of an array, value by value with struct."""
    letter = {"u1": "B", "i1": "b", "i2": "h", "i4": "i", "f4": "f", "f8": "d"}[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, TYPES[letter], array.ndim, *array.shape)
    return header + struct.pack(f">{array.size}{letter}", *array.ravel().tolist())


any_array = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=4, min_side=0, max_side=5))
)
fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder, data):
    path = folder / "file"
    path.write_bytes(data)
    return path


@fuzz
@given(array=any_array, packed=st.booleans())
def test_an_array_is_read_as_it_was_written(tmp_path, array, packed):
    data = encoded(array)
    read = read_idx(written(tmp_path, gzip.compress(data, 1) if packed else data))
    assert (read.dtype, read.shape) == (array.dtype.newbyteorder("="), array.shape)
    assert read.tobytes() == array.astype(read.dtype).tobytes()


@fuzz
@given(array=any_array, packed=st.booleans(), data=st.data())
def test_a_torn_file_is_refused(tmp_path, array, packed, data):
    whole = gzip.compress(encoded(array), 1) if packed else encoded(array)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(dl.DataError, match="file"):
        read_idx(written(tmp_path, whole[:end]))


@fuzz
@given(array=any_array, data=st.data())
def test_sizes_that_lie_are_refused(tmp_path, array, data):
    whole = bytearray(encoded(array))
    axis = data.draw(st.integers(0, array.ndim - 1))
    size = data.draw(st.integers(0, 2**32 - 1))
    lie = [*array.shape[:axis], size, *array.shape[axis + 1 :]]
    struct.pack_into(">I", whole, 4 + 4 * axis, size)
    path = written(tmp_path, bytes(whole))
    if np.prod([float(n) for n in lie]) == array.size:
        assert read_idx(path).shape == tuple(lie)  # another shape of nothing is not wrong
    else:
        with pytest.raises(dl.DataError, match=r"torn|more than dlcore reads"):
            read_idx(path)


@fuzz
@given(array=any_array, place=st.integers(0, 3), byte=st.integers(0, 255), packed=st.booleans())
def test_a_wrong_magic_number_is_refused_or_says_something_else(tmp_path, array, place, byte, packed):
    data = bytearray(encoded(array))
    data[place] = byte
    path = written(tmp_path, gzip.compress(data, 1) if packed else bytes(data))
    try:
        read = read_idx(path)
    except dl.DataError:
        return
    assert encoded(read) == bytes(data)


@fuzz
@given(
    data=st.binary(max_size=64),
    prefix=st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\xff", b"\x1f\x8b", b"\x1f\x8b\x08\0"]),
)
def test_any_bytes_are_an_array_or_one_error(tmp_path, data, prefix):
    path = written(tmp_path, prefix + data)
    try:
        read = read_idx(path)
    except dl.DataError:
        return
    assert encoded(read) == prefix + data


def test_more_dimensions_than_numpy_has_are_refused(tmp_path):
    data = struct.pack(">BBBB255I", 0, 0, 8, 255, *[1] * 255) + b"\7"
    with pytest.raises(dl.DataError, match="255 dimensions"):
        read_idx(written(tmp_path, data))


def test_bytes_changed_inside_a_gzip_file_are_noticed(tmp_path):
    packed = bytearray(gzip.compress(encoded(np.arange(60_000, dtype=np.int32)), 1))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(dl.DataError, match="file"):
        read_idx(written(tmp_path, bytes(packed)))


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(dl.DataError, match="cannot be read"):
            read_idx(path)
