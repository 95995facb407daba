"""The configuration of a run: defaults, TOML, and what is refused."""

import contextlib

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore.app.configuration import SETTINGS, Configuration, configure, read_assignments, read_setting, read_toml


def test_epochs_and_batch_size_are_the_data_sets_own_unless_given():
    configuration = configure({"data": "digits"})
    assert (configuration.epochs, configuration.batch_size) == (60, 64)
    configuration = configure({"data": "digits", "epochs": 3, "batch_size": 5, "no field": 1})
    assert (configuration.epochs, configuration.batch_size) == (3, 5)


def test_what_sections_writes_reads_back(tmp_path):
    run = Configuration(
        data="digits", epochs=3, batch_size=5, hidden=(), learning_rate=1e-30, seed=2**40, dtype="float64"
    )
    (tmp_path / "run.toml").write_text(tomli_w.dumps(run.sections()))
    assert configure(read_toml(tmp_path / "run.toml")) == run


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_refuses_what_it_cannot_be(name):
    flag = name == "table.header"
    for wrong in (2 if flag else True, {}, {"a": 1}, float("nan")):
        with pytest.raises(dl.ConfigurationError, match=name):
            read_setting(name, wrong)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[training]\nepoch = 3", "unknown key 'training.epoch' (did you mean 'training.epochs'?)"),
        ("epochs = 3", "unknown key 'epochs' (did you mean 'training.epochs'?)"),
        ("[optimizer]\nepochs = 3", "unknown key 'optimizer.epochs' (did you mean 'training.epochs'?)"),
        ("[model]\nhidden.first = 3", "model.hidden: {'first': 3} is not a list of widths"),
        ("training = 3", "'training' is a section, expected one of its keys: training.epochs, training.batch_size,"),
        ("[[training]]\nepochs = 3", "'training' is a section"),
        ("[training]\nepochs = 3.5", "training.epochs: 3.5 is not an integer"),
        ("[training]\nepochs = true", "training.epochs: True is not an integer"),
        ("[training]\ndevice = ''", "training.device: the name is empty"),
        ("[training", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("[model]\nhidden = [3, 'x']", "model.hidden: 'x' is not an integer"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name(tmp_path, toml, message):
    path = tmp_path / "run.toml"
    path.write_text(toml)
    with pytest.raises(dl.ConfigurationError) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "run.toml").write_bytes(b"\xef\xbb\xbf[data]\r\nsource = 'digits'\r\n")
    assert read_toml(tmp_path / "run.toml") == {"data": "digits"}


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(SETTINGS)), value=VALUES)
def test_any_value_is_read_or_refused(name, value):
    try:
        field, _ = read_setting(name, value)
    except dl.ConfigurationError:
        return
    assert field == SETTINGS[name].name


@settings(max_examples=100, deadline=None)
@given(assignment=st.text() | st.sampled_from(sorted(SETTINGS)).flatmap(lambda name: st.text().map(f"{name}=".__add__)))
def test_any_assignment_is_read_or_refused(assignment):
    with contextlib.suppress(dl.ConfigurationError):
        assert len(read_assignments([assignment])) == 1


def test_brackets_without_end_are_refused(tmp_path):
    (tmp_path / "deep.toml").write_text("[data]\nsource = " + "[" * 100_000)
    with pytest.raises(dl.ConfigurationError, match="not TOML"):
        read_toml(tmp_path / "deep.toml")


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(dl.ConfigurationError, match=r"none.toml: cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "image.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(dl.ConfigurationError, match="not TOML"):
        read_toml(tmp_path / "image.toml")


@pytest.mark.parametrize(
    ("assignment", "field", "value"),
    [
        ("training.epochs=3", "epochs", 3),
        ("model.hidden=256,128", "hidden", (256, 128)),
        ("model.hidden = [256, 128]", "hidden", (256, 128)),
        ("model.hidden=none", "hidden", ()),
        ("optimizer.learning_rate=1e-2", "learning_rate", 0.01),
        ("optimizer.name=sgd", "optimizer", "sgd"),
        ('optimizer.name="sgd"', "optimizer", "sgd"),
    ],
)
def test_an_assignment_is_read_as_a_flag_or_as_toml(assignment, field, value):
    assert read_assignments([assignment]) == {field: value}


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["training.epochs"], "--set training.epochs: expected section.key=value"),
        (["training.epohs=3"], "--set unknown key 'training.epohs' (did you mean 'training.epochs'?)"),
        (["training.epochs=x"], "--set training.epochs: 'x' is not an integer"),
        (["model.hidden=[3"], "--set model.hidden=[3: Unclosed array"),
        (["training.epochs=1", "training.epochs=2"], "--set training.epochs is given twice"),
    ],
)
def test_an_assignment_with_a_mistake_is_refused(assignments, message):
    with pytest.raises(dl.ConfigurationError) as caught:
        read_assignments(assignments)
    assert str(caught.value).startswith(message)
