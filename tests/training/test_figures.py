"""Figures as people read them."""

import pytest

from dlcore.training.figures import shown


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("loss", 0.00094724, "0.0009472"),
        ("val_loss", 12.3456, "12.35"),
        ("loss", 0.0, "0"),
        ("loss", float("nan"), "nan"),
        ("val_rmse", 1234567.0, "1.235e+06"),
        ("val_accuracy", 0.98765, "98.77%"),
        ("balanced_accuracy", 1.0, "100.00%"),
        ("auc", None, "-"),
    ],
)
def test_four_digits_or_a_percentage(name, value, text):
    assert shown(name, value) == text
