"""`dlcore --help`, `--version` and `dlcore info`."""

import json
import resource
from dataclasses import MISSING, fields

import dlcore as dl
from dlcore.app.cli import main
from dlcore.app.configuration import Configuration

from .running import a_process


def test_help_is_quick_and_imports_no_numpy(tmp_path):
    """150 ms of processor time as a whole process, whatever else the machine is doing; it waits for nothing."""
    # the bytecode is written once, as it is for an installed package
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    check = "import sys; from dlcore.app.cli import main; code = main(['--help']); assert 'numpy' not in sys.modules; exit(code)"
    with a_process("-c", check, env=environment) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("usage: dlcore")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with a_process("-m", "dlcore", "--help", env=environment) as process:
        process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.15


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dlcore {dl.__version__}\n"


def test_help_of_train_names_every_field_of_a_run_and_its_default(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(Configuration):
        if field.name == "data":
            continue
        assert f"--{field.name.replace('_', '-')} " in text
        if field.default not in (MISSING, None):
            default = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            assert f"(default {default:g})" in text if isinstance(default, float) else f"(default {default})" in text


def test_info_prints_facts(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert f"  dlcore            {dl.__version__}\n" in out
    assert "  cores usable      " in out


def test_info_as_json(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts) == ["versions", "machine", "blas", "kernels", "cuda"]
