"""Embeddings: what they replace, what is unknown, gradients against differences and torch, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.initializers import Constant

random = np.random.default_rng(0)
ROWS = 40
# columns 0 and 3 hold codes of 3 and 5 categories, and a few unknown ones
X = np.column_stack(
    [
        random.integers(0, 4, ROWS),
        random.standard_normal(ROWS),
        random.standard_normal(ROWS),
        random.integers(-1, 7, ROWS),
        random.standard_normal(ROWS),
    ]
).astype(float)
LAYER = dl.Embedding([0, 3], [3, 5], [2, 4])
MODEL = dl.Sequential(LAYER, dl.Dense(9, 4), dl.Tanh(), dl.Dense(4, 2))
Y = random.standard_normal((ROWS, 2))


def trainer_for(model: dl.Sequential = MODEL, **options: Any) -> dl.Trainer:
    return dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1, **options), dtype="float64", seed=2)


def rows_of(x: np.ndarray, E: np.ndarray) -> np.ndarray:
    """The layer's output, written out."""
    tables = LAYER.tables(E)
    rows = []
    for values in x:
        row: list[float] = []
        for j, value in enumerate(values):
            if j not in tables:
                row.append(value)
            elif value in range(1, len(tables[j]) + 1):
                row.extend(tables[j][int(value) - 1])
            else:
                row.extend([0.0] * tables[j].shape[1])
        rows.append(row)
    return np.array(rows)


def test_columns_are_replaced_where_they_stand() -> None:
    """Codes by rows of their table, the others passed on; 0, −1, 6 and 1.5 are unknown: zeros."""
    trainer = trainer_for(dl.Sequential(LAYER, dl.Dense(9, 9, bias=False)))
    E = trainer.get_weights()[0]
    trainer.set_weights([E, np.eye(9)])
    odd = X[:4].copy()
    odd[:, 3] = [6, 5, 1.5, -1]
    x = np.concatenate([X, odd])
    np.testing.assert_array_equal(trainer.predict(x), rows_of(x, E))


def test_gradients_are_central_differences() -> None:
    """Of the tables and of everything above them."""
    check = dl.check_gradients(MODEL, dl.SquaredError(), X, Y)
    assert "0.E" in check.errors
    assert check, str(check)


def test_training_is_torchs() -> None:
    """Twenty steps of torch.nn.Embedding for each column, with padding_idx for what is unknown, to 1e-9."""
    torch = pytest.importorskip("torch")
    trainer = trainer_for(momentum=0.9, nesterov=True)
    E, *dense = [torch.tensor(w, requires_grad=True) for w in trainer.get_weights()]
    trainer.fit(X, Y, epochs=20, batch_size=None, shuffle=False)
    x, y = torch.tensor(X), torch.tensor(Y)
    codes = [torch.where((x[:, j] >= 1) & (x[:, j] <= c), x[:, j], 0).long() for j, c in ((0, 3), (3, 5))]
    optimizer = torch.optim.SGD([E, *dense], 0.1, momentum=0.9, nesterov=True)
    for _ in range(20):
        optimizer.zero_grad()
        tables = E[:6].reshape(3, 2), E[6:].reshape(5, 4)
        padded = [torch.cat([torch.zeros_like(t[:1]), t]) for t in tables]
        learned = [torch.nn.functional.embedding(code, t, padding_idx=0) for code, t in zip(codes, padded, strict=True)]
        h = torch.cat([learned[0], x[:, 1:3], learned[1], x[:, 4:]], dim=1)
        z = torch.tanh(h @ dense[0] + dense[1]) @ dense[2] + dense[3]
        (0.5 * ((z - y) ** 2).sum(1)).mean().backward()
        optimizer.step()
    for ours, theirs in zip(trainer.get_weights(), [E, *dense], strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-9)


def test_an_embedding_and_a_dense_layer_are_a_dense_layer_on_one_hot_columns() -> None:
    """One column of 4 categories with dimension 4 and E = 1 is one-hot encoding."""
    codes = np.arange(6.0)[:, None]
    trainer = trainer_for(dl.Sequential(dl.Embedding(0, 4, 4), dl.Dense(4, 4, bias=False, init=Constant(0.0))))
    trainer.set_weights([np.eye(4).ravel(), np.eye(4)])
    np.testing.assert_array_equal(trainer.predict(codes), [[0] * 4, *np.eye(4), [0] * 4])


def test_unknown_categories_teach_nothing() -> None:
    """Rows whose codes are all unknown leave the tables as they are; rows of a category move only its row."""
    trainer = trainer_for()
    before = LAYER.tables(trainer.get_weights()[0])
    x = X.copy()
    x[:, [0, 3]] = [0, 99]
    trainer.fit(x, Y, epochs=2)
    after = LAYER.tables(trainer.get_weights()[0])
    assert all(np.array_equal(before[j], after[j]) for j in (0, 3))
    x[:, 3] = 2
    trainer.fit(x, Y, epochs=1)
    moved = (LAYER.tables(trainer.get_weights()[0])[3] != after[3]).any(axis=1)
    assert moved.tolist() == [False, True, False, False, False]


def test_l2_and_decay_leave_tables_alone() -> None:
    """They apply to Dense matrices."""
    x = np.column_stack([np.zeros(ROWS), X[:, 1:3], np.zeros(ROWS), X[:, 4]])  # nothing known: no gradient
    trainer = trainer_for(l2=0.5, weight_decay=0.5)
    before = trainer.get_weights()
    trainer.fit(x, Y, epochs=3)
    after = trainer.get_weights()
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])


def test_codes_may_be_integers_and_bytes() -> None:
    """X in the dtype it comes in gives the same weights."""
    x = np.abs(np.trunc(X)).astype(int)
    weights = []
    for dtype in ("int64", "uint8", "float32"):
        trainer = trainer_for()
        trainer.fit(x.astype(dtype), Y, epochs=2, batch_size=16)
        weights.append(trainer.get_weights()[0])
    assert all(np.array_equal(weights[0], other) for other in weights)


def test_it_comes_back_from_a_file(tmp_path: Any) -> None:
    """With its columns, and predicts the same."""
    trainer = trainer_for()
    trainer.fit(X, Y, epochs=1)
    trainer.save(tmp_path / "run.safetensors")
    loaded = dl.Trainer.load(tmp_path / "run.safetensors")
    assert loaded.model == MODEL
    assert np.array_equal(loaded.predict(X), trainer.predict(X))


def test_one_number_stands_for_all_columns() -> None:
    """And a single column needs no list."""
    assert dl.Embedding((1, 2), 7, 3) == dl.Embedding([1, 2], [7, 7], np.array([3, 3]))
    assert dl.Embedding(1, 7, 3) == dl.Embedding([1], [7], [3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.Embedding([], 3, 2), "columns="),
        (lambda: dl.Embedding([1, 1], 3, 2), "different indices"),
        (lambda: dl.Embedding([-1], 3, 2), "from 0"),
        (lambda: dl.Embedding("ab", 3, 2), "expected an integer or a list"),
        (lambda: dl.Embedding([0.5], 3, 2), "expected an integer or a list"),
        (lambda: dl.Embedding([0, 1], [3], 2), "1 categories for 2 columns"),
        (lambda: dl.Embedding(0, 0, 2), "categories=0"),
        (lambda: dl.Embedding(0, 3, 0), "dimension=0"),
        (lambda: dl.Embedding(0, 2**25, 1), "at most 16777216"),
        (lambda: dl.Embedding(0, 3, 2, init=0), "init=0"),
        (lambda: dl.Sequential(dl.Dense(2, 2), dl.Embedding(0, 3, 1)), "Embedding, which must be the first"),
        (lambda: dl.Residual(dl.Embedding(0, 3, 1)), "the first layer of a model or none"),
        (lambda: dl.Sequential(dl.Embedding(0, 3, 1)), "add a Dense layer"),
        (lambda: dl.Sequential(dl.Embedding([0, 5], 3, 4), dl.Dense(9, 1)), "X has 3 columns, since the layer after it takes 9"),
        (lambda: dl.Sequential(dl.Embedding([0, 5], 3, 4), dl.Dense(2, 1)), "X has 0 columns"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(make: Any, message: str) -> None:
    """Where it is written, with what was expected."""
    with pytest.raises(dl.ConfigurationError, match=message):
        make()


def test_the_wrong_number_of_columns_is_refused() -> None:
    """The layer after the embedding says how many come in."""
    assert MODEL.input_width == 5
    with pytest.raises(dl.ShapeError, match="X has 9 columns, the network expects 5"):
        trainer_for().fit(np.zeros((3, 9)), np.zeros((3, 2)))
    with pytest.raises(dl.ShapeError, match=r"E has shape \(3,\), expected \(26,\)"):
        LAYER.tables(np.zeros(3))


def test_the_gradient_of_a_table_that_ends_beyond_delta_stays_inside_its_axes() -> None:
    """Slices beyond an axis are undefined in the Array API; a strict namespace refuses them.  Columns that are missing count as 0."""
    strict = pytest.importorskip("array_api_strict")
    from dlcore.kernels.reference.embedding import embedding_grad

    delta, x = np.ones((2, 3)), np.array([[1.0, 0.0], [0.0, 1.0]])
    arguments = [strict.asarray(v) for v in (delta, x, np.array([2, 2]), np.array([2, 2]), np.zeros(8))]
    found = np.asarray(embedding_grad(strict, *arguments))
    assert found.shape == (8,)
    expected = [x[:, j] == c for j in (0, 1) for c in (1, 2)]  # code 0 is unknown
    padded = np.column_stack([delta, np.zeros(2)])
    np.testing.assert_array_equal(
        found, np.concatenate([row @ padded[:, 2 * (i // 2) : 2 * (i // 2) + 2] for i, row in enumerate(expected)])
    )
