"""Files that nobody wrote by saving: damaged or made on purpose, with digests that fit, they give CheckpointError and nothing else.

That saved trainers come back is in test_saving.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

import dlcore as dl
from dlcore.training import descriptions, store

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.standard_normal((12, 3)), RANDOM.integers(0, 2, 12)
MODEL = dl.Sequential(dl.Dense(3, 4), dl.BatchNorm(4), dl.ReLU(), dl.Dense(4, 2))

Saved = tuple[dict[str, np.ndarray], dict[str, Any], bytes]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Arrays and facts of a trainer after 6 updates, and its file."""
    path = tmp_path_factory.mktemp("saved") / "run.safetensors"
    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01, schedule=dl.schedules.CosineDecay(40)))
    trainer.fit(X, Y, epochs=2, batch_size=4)
    trainer.save(path)
    return *store.read(path), path.read_bytes()


def forge(path: Path, arrays: dict[str, np.ndarray], text: str) -> None:
    """A file whose description is any text, with the digest of that text."""
    path.write_bytes(save(arrays, {"dlcore": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}))


def refused(path: Path, match: str | None = None) -> None:
    with pytest.raises(dl.CheckpointError, match=match):
        dl.Trainer.load(path)


# -- digests -------------------------------------------------------------------------------------------------------------


def with_header(data: bytes, alter: Callable[[dict[str, Any]], None]) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    alter(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def test_the_untouched_file_loads(saved: Saved, tmp_path: Path) -> None:
    """The helpers of this file alone make no file bad."""
    arrays, facts, data = saved
    path = tmp_path / "run.safetensors"
    path.write_bytes(with_header(data, lambda header: None))
    assert dl.Trainer.load(path).updates == 6
    forge(path, arrays, json.dumps(facts))
    assert dl.Trainer.load(path).updates == 6


@pytest.mark.parametrize("dtype", ["I32", "U32", "F8_E4M3", "BF16", "F4", "X"])
def test_another_dtype_in_the_header_is_found(dtype: str, saved: Saved, tmp_path: Path) -> None:
    """The bytes are the same; read as integers they would be garbage, and some dtypes NumPy does not have."""

    def alter(header: dict[str, Any]) -> None:
        for name, entry in header.items():
            if name != "__metadata__":
                entry["dtype"] = dtype

    path = tmp_path / "run.safetensors"
    path.write_bytes(with_header(saved[2], alter))
    refused(path, "altered|cannot be read")


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2"])
def test_a_well_formed_file_of_a_dtype_that_numpy_lacks(dtype: str, tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": dtype, "shape": [8], "data_offsets": [0, 8]}}).encode()
    path = tmp_path / "run.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    refused(path, "cannot be read")


def test_another_shape_in_the_header_is_found(saved: Saved, tmp_path: Path) -> None:
    def alter(header: dict[str, Any]) -> None:
        header["theta/0.W"]["shape"].reverse()

    path = tmp_path / "run.safetensors"
    path.write_bytes(with_header(saved[2], alter))
    refused(path, "'theta/0.W' was altered")


@pytest.mark.parametrize("change", ["array without digest", "digest without array"])
def test_digests_are_those_of_the_arrays(change: str, saved: Saved, tmp_path: Path) -> None:
    """No array is taken without a digest."""
    arrays, facts, _ = saved
    digests = dict(facts["sha256"])
    if change == "array without digest":
        del digests["theta/0.W"]
    else:
        digests["zero"] = ""
    forge(tmp_path / "run.safetensors", arrays, json.dumps(facts | {"sha256": digests}))
    refused(tmp_path / "run.safetensors", "has no digest|is missing")


def test_another_dtype_than_the_trainers(saved: Saved, tmp_path: Path) -> None:
    """Digests fit, and the arrays are not of the dtype that the file says."""
    arrays, facts, _ = saved
    path = tmp_path / "run.safetensors"
    store.write(path, arrays, {k: v for k, v in facts.items() if k != "sha256"} | {"dtype": "float64"})
    refused(path, "is float32 .*, expected float64")
    trainer = dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), dtype="float64")
    with pytest.raises(dl.DataError, match="float32"):
        trainer.state.restore(arrays, ("m", "v"))


# -- facts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "5", "null", '"dlcore"', "[" * 100_000, '{"a":' * 100_000, '{"format":1}', '{"format":2}', "{}", "9" * 5000],
    ids=lambda text: text[:14],
)  # fmt: skip
def test_descriptions_that_are_none(text: str, saved: Saved, tmp_path: Path) -> None:
    forge(tmp_path / "run.safetensors", saved[0], text)
    refused(tmp_path / "run.safetensors", "description is|format|sha256 is missing")


NAN, INFINITY, HUGE = float("nan"), float("inf"), 10**400
NO_COUNTS = [-1, 1.0, NAN, 10**40, "1", None, True, [], {}]
BAD_PROGRESS = [None, 5, "0000", {}, [], [0] * 3, [0] * 5, [10**30] * 4, *([0, 0, 0, bad] for bad in NO_COUNTS)]
CUT = {"n": 12, "size": 4, "shuffle": True, "accumulate": 1}
BEGUN = {"epoch": 2, "order": 2, "batch": 1, "loss": 0.5, "weight": 4.0, "seconds": 0.1, "batching": CUT}
BAD_PLACES: dict[str, list[Any]] = {
    **dict.fromkeys(("epoch", "order", "rows"), NO_COUNTS),
    "batch": [*NO_COUNTS, 0, 4],
    **{name: [None, "1", 1, [], True] for name in ("loss", "weight", "seconds")},
    "batching": [None, 5, {}, CUT | {"n": 0}, CUT | {"size": 1.5}, CUT | {"shuffle": 1}, CUT | {"more": 1}],
}
TOLD: dict[str, Any] = {"phase": "epoch", "logs": {}, "each": []}
BAD_FACTS: dict[str, list[Any]] = {
    "format": [None, 1, "2", [], {}],
    "sha256": [5, None, [], {"a": 5}],
    "model": [None, 5, "Dense", [], {}, {"type": 5}, {"type": []}],
    "loss": [None, [], {}],
    "optimizer": [None, [], {}],
    "dtype": [None, "int32", "float8", 5, [], {}],
    "seed": [*NO_COUNTS, 2**64],
    "position": [None, 5, "x", [], {}, *(BEGUN | {name: bad} for name in BEGUN for bad in BAD_PLACES[name])],
    "counters": [None, 5, [], {}, *({"progress": bad, "scaling": [1.0, 0.0, 0.0]} for bad in BAD_PROGRESS),
                 *({"progress": [0] * 4, "scaling": bad} for bad in ([], [0.5, 0, 0], [1, 0], [NAN, 0, 0]))],
    "callbacks": [5, [], {}, *(TOLD | change for change in (
        {"phase": "x"}, {"logs": {"loss": "x"}}, {"each": {}}, {"each": [["A", {}, True]]}, {"each": [["A", [], True, False]]},
        {"each": [["A", {}, 1, False]]}))],
    "learning_rate": [None, 0, -1, NAN, INFINITY, -INFINITY, HUGE, "0.1", True, [], {}],
    "history": [None, 5, [], [[1.0]], "loss", {"loss": 5}, {"loss": "ab"}, {"loss": ["a", "b"]}, {"loss": [None]},
                {"loss": [True]}, {"loss": [HUGE]}, {"loss": [1.0], "seconds": [1.0, 2.0]}],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FACTS)
def test_facts_of_the_wrong_kind(name: str, saved: Saved, tmp_path: Path) -> None:
    """Each message names the fact and what was expected."""
    arrays, facts, _ = saved
    path = tmp_path / "run.safetensors"
    for value in BAD_FACTS[name]:
        forge(path, arrays, json.dumps(facts | {name: value}))
        refused(path, f"{name} .*(expected|reads format)")
    forge(path, arrays, json.dumps({k: v for k, v in facts.items() if k != name}))
    refused(path, f"{name} (is missing|None)")


# -- descriptions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["Layer", "Loss", "Optimizer", "Schedule", "Initializer"])
def test_base_classes_are_not_built(base: str) -> None:
    """They would fail at the first step, or pass for one of their kind."""
    with pytest.raises(dl.CheckpointError, match=f"'{base}'"):
        descriptions.build({"type": base, "learning_rate": 0.1})


DENSE = {"type": "Dense", "fan_in": 3, "fan_out": 2}
NESTED: dict[str, Any] = DENSE
for _ in range(400):
    NESTED = {"type": "Residual", "layers": [NESTED]}
BAD_PARTS: list[dict[str, Any]] = [
    {"model": {"type": "Sequential"}},
    {"model": {"type": "Sequential", "layers": 5}},
    {"model": {"type": "Sequential", "layers": []}},
    {"model": {"type": "Sequential", "layers": [5]}},
    {"model": {"type": "Sequential", "layers": [{"type": "Layer"}]}},
    {"model": {"type": "Sequential", "layers": [{"type": "Tanh"}]}},
    {"model": {"type": "Sequential", "layers": [NESTED]}},
    {"model": {"type": "Sequential", "layers": [DENSE | {"fan_in": [3]}]}},
    {"model": {"type": "Sequential", "layers": [DENSE | {"fan_in": HUGE}]}},
    {"model": {"type": "Sequential", "layers": [DENSE | {"bias": "no"}]}},
    {"model": {"type": "Sequential", "layers": [DENSE | {"init": {"type": "Initializer"}}]}},
    {"model": {"type": "Sequential", "layers": [DENSE | {"color": "red"}]}},
    {"model": DENSE},
    {"model": {"type": "Adam", "learning_rate": 0.1}},
    {"model": {"type": "\ud800" * 500}},
    {"loss": {"type": "Loss"}},
    {"loss": DENSE},
    {"loss": {"type": "SoftmaxCrossEntropy", "label_smoothing": "x"}},
    {"optimizer": {"type": "Optimizer", "learning_rate": 0.1}},
    {"optimizer": DENSE},
    {"optimizer": {"type": "Adam"}},
    {"optimizer": {"type": "Adam", "learning_rate": HUGE}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "l2": HUGE}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "layers": [1]}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "schedule": 5}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "schedule": {"type": "Schedule"}}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "schedule": {"type": "HeNormal"}}},
    {"optimizer": {"type": "Adam", "learning_rate": 0.1, "decay_schedule": {"type": "HeNormal"}}},
    {"model": {"type": "Sequential", "layers": [DENSE, {"type": "Dropout", "schedule": {"type": "HeNormal"}}]}},
    {"optimizer": {"type": "SGD", "learning_rate": 0.1, "momentum": 0.9, "nesterov": "no"}},
]


@pytest.mark.parametrize("change", BAD_PARTS, ids=lambda change: json.dumps(change)[:60])
def test_parts_that_cannot_be_built(change: dict[str, Any], saved: Saved, tmp_path: Path) -> None:
    arrays, facts, _ = saved
    forge(tmp_path / "run.safetensors", arrays, json.dumps(facts | change))
    refused(tmp_path / "run.safetensors")


def test_initial_values_that_overflow(saved: Saved, tmp_path: Path) -> None:
    """A sensible shape, and a number that Python cannot square."""
    arrays, facts, _ = saved
    model = json.loads(json.dumps(facts["model"]))
    model["layers"][0]["init"] = {"type": "Normal", "std": 1e300}
    forge(tmp_path / "run.safetensors", arrays, json.dumps(facts | {"model": model}))
    refused(tmp_path / "run.safetensors", "do not fit")


# -- arrays --------------------------------------------------------------------------------------------------------------


def test_a_small_file_takes_no_memory_for_a_large_model(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arrays are compared with the description before a trainer is made."""
    arrays, facts, _ = saved
    model = descriptions.describe(dl.Sequential(dl.Dense(65536, 65536), dl.Dense(65536, 2)))
    forge(tmp_path / "run.safetensors", arrays, json.dumps(facts | {"model": model}))

    def construct(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a trainer was made")

    monkeypatch.setattr(dl.Trainer, "__init__", construct)
    refused(tmp_path / "run.safetensors", "do not fit together")


@pytest.mark.parametrize("prefix", ["theta/0.W", "theta/", "state/", "state/1.mean", "slot/m/0.W", "slot/v/", "slot/"])
def test_missing_arrays(prefix: str, saved: Saved, tmp_path: Path) -> None:
    """After an update the slots are needed too: Adam would go on with moments of zero."""
    arrays, facts, _ = saved
    kept = {name: array for name, array in arrays.items() if not name.startswith(prefix)}
    assert len(kept) < len(arrays)
    store.write(tmp_path / "run.safetensors", kept, {k: v for k, v in facts.items() if k != "sha256"})
    refused(tmp_path / "run.safetensors", f"'{re.escape(prefix)}.*is missing")


def test_arrays_of_another_model(saved: Saved, tmp_path: Path) -> None:
    """What is there must be used."""
    arrays, facts, _ = saved
    more = arrays | {"theta/7.W": np.zeros(3, np.float32)}
    store.write(tmp_path / "run.safetensors", more, {k: v for k, v in facts.items() if k != "sha256"})
    refused(tmp_path / "run.safetensors", "'theta/7.W' is not part of the model")


# -- saving --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        dl.SGD(np.float32(0.1), momentum=0.9, nesterov=np.True_),
        dl.Adam(Fraction(1, 1000), epsilon_inside_root=np.False_),
        dl.SGD(np.longdouble(0.5), l2=Fraction(1, 8), schedule=dl.schedules.CosineDecay(np.int64(40), Fraction(1, 4))),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_numbers_of_every_kind_are_saved(optimizer: dl.Optimizer, tmp_path: Path) -> None:
    """What a trainer takes, its file can hold; it comes back as Python's own numbers."""
    assert type(descriptions.describe(dl.Dense(np.int64(3), 2))["fan_in"]) is int
    model = dl.Sequential(dl.Dense(3, 2, bias=np.True_, trainable=np.True_))
    trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(Fraction(1, 10)), optimizer, seed=np.uint64(5))
    trainer.fit(X, Y, epochs=1)
    trainer.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert loaded.optimizer.learning_rate == float(optimizer.learning_rate)
    assert descriptions.describe(loaded.optimizer) == descriptions.describe(optimizer)
    assert {type(value) for value in vars(loaded.optimizer).values()} <= {
        int,
        float,
        bool,
        str,
        type(None),
        dl.schedules.CosineDecay,
    }
    for each in (trainer, loaded):
        each.fit(X, Y, epochs=1)
    assert all(map(np.array_equal, loaded.get_weights(), trainer.get_weights()))


@pytest.mark.parametrize("name", ["a\0b", "\ud800", ".", "a" * 5000, "nothing/run"])
def test_names_that_no_file_can_have(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dl.CheckpointError, match="could not be written"):
        dl.Trainer(MODEL, dl.SoftmaxCrossEntropy(), dl.Adam(0.01)).save(name)
    assert list(tmp_path.iterdir()) == []
    refused(Path(name))
