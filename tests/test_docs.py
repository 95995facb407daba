"""What the documentation says is so: its script runs, the step it shows is the real one, the names it gives exist."""

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dlcore as dl
from dlcore.app.configuration import NAMED_DATA
from dlcore.kernels import reference
from dlcore.layers import initializers
from dlcore.optimizers import schedules

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/notation.md", "docs/data.md", "CONTRIBUTING.md")


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _page(page), re.DOTALL | re.MULTILINE)


# -- README ----------------------------------------------------------------------------------------------------------


def test_readme_has_the_two_commands() -> None:
    """Word for word what .ci/run runs."""
    (commands,) = _blocks("README.md", "sh")
    assert commands.splitlines() == ['pip install ".[plot]" && dlcore train digits', 'pip install ".[test]" && pytest']


def test_readme_script_runs_and_prints_the_step(tmp_path: Path) -> None:
    """The first script learns as it is written, and the plan below it is the one it prints, but for what is cut at "…"."""
    pytest.importorskip("numba")  # the plan on the page is that of the compiled kernels
    (script,) = _blocks("README.md", "python")
    env = {**os.environ, "PYTHONPATH": str(Path(dl.__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    printed = result.stdout
    assert float(re.search(r"'accuracy': ([\d.]+)", printed)[1]) > 0.95  # type: ignore[index]
    shown = next(block for block in _blocks("README.md", "text") if block.startswith("TrainingStep"))
    actual = printed[printed.index("TrainingStep") :].splitlines()
    assert len(actual) == len(shown.splitlines())
    for line, real in zip(shown.splitlines(), actual, strict=True):
        pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
        assert re.fullmatch(rf"\s*{pattern}\s*", real), f"README shows\n{line}\nand the step is\n{real}"


def test_readme_shows_the_house_as_it_is() -> None:
    """Every file and folder in the list exists, and every one of the package is in the list."""
    house = next(block for block in _blocks("README.md", "text") if block.startswith("dlcore/"))
    listed = set()
    for line in house.splitlines():
        inside = "dlcore/" if line.startswith("  ") else ""
        listed |= {inside + name for name in re.split(r"\s{3,}", line.strip())[0].split()}
    assert [name for name in sorted(listed) if not (ROOT / name).exists()] == []
    package = ROOT / "dlcore"
    there = {
        p
        for p in package.iterdir()
        if (p.suffix == ".py" and not p.name.startswith("__")) or (p / "__init__.py").exists()
    }
    there = (there - {package / "kernels"}) | {p.parent for p in (package / "kernels").glob("*/__init__.py")}
    names = {p.relative_to(ROOT).as_posix() + ("/" if p.is_dir() else "") for p in there}
    assert names <= listed, f"not in README: {sorted(names - listed)}"


# -- names -----------------------------------------------------------------------------------------------------------


def _vocabulary() -> set[str]:
    """Every name that the documentation may put between backticks: public ones, their arguments and attributes, kernels."""
    words = {"dlcore", "dl", "device", "cpu", "cuda", "auto", "None", "True", "False", "xp", "out"}
    things = [getattr(dl, name) for name in dl.__all__]
    things += [getattr(module, name) for module in (initializers, schedules) for name in module.__all__]
    words |= set(dl.__all__) | set(initializers.__all__) | set(schedules.__all__)
    for thing in things:
        for attribute, value in inspect.getmembers(thing) if inspect.isclass(thing) else ():
            if not attribute.startswith("_"):
                words.add(attribute)
                words |= set(inspect.signature(value).parameters) if inspect.isfunction(value) else set()
        if dataclasses.is_dataclass(thing):
            words |= {field.name for field in dataclasses.fields(thing)}
        elif inspect.isfunction(thing) or (inspect.isclass(thing) and "__init__" in vars(thing)):
            words |= set(inspect.signature(thing).parameters)
    for name, kernel in reference.KERNELS.items():
        words.add(name)
        for argument in (*kernel.contract.inputs, *kernel.contract.outputs):
            words |= {argument.name, *(argument.dims or ())}
    words |= {
        name
        for module in (reference.activations, reference.losses)
        for name, f in vars(module).items()
        if inspect.isfunction(f)
    }
    for path in (ROOT / "dlcore").rglob("*"):
        words.add(path.stem)
    words |= {path.stem for path in (ROOT / "examples").glob("*.py")}
    for path in (ROOT / "tests").rglob("test_*.py"):  # a page may name a test, which then must be there
        words |= {path.stem, *re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    for data in NAMED_DATA:
        words |= set(data.split("-"))
    return words


COMMANDS = ("pip ", "pytest", "dlcore ", "ruff ", "mypy", ".ci/run", "python", "import ", "--")


@pytest.mark.parametrize("page", PAGES[:2])
def test_names_exist(page: str) -> None:
    """Each word between backticks is a name in the code, or part of the path of a file that exists."""
    text = re.sub(r"^```.*?^```", "", _page(page), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", text)
    assert len(spans) > 50
    words = _vocabulary()
    unknown = {}
    for span in spans:
        if span.startswith(COMMANDS):
            continue
        if re.fullmatch(r"[\w.]+(/[\w.]*)+", span):
            missing = [] if (ROOT / span).exists() else [span]
        else:
            missing = [w for w in re.findall(r"(?<!\w)[A-Za-z_]\w*", span) if w not in words]
        if missing:
            unknown[span] = missing
    assert not unknown, f"{page}: {unknown}"


def test_a_name_that_does_not_exist_is_noticed() -> None:
    words = _vocabulary()
    assert {"Dense", "learning_rate", "softmax_cross_entropy", "batch_size", "input_grad_relu"} <= words
    assert not {"Conv2d", "momentun", "softmax_cross_entropy_grad"} & words


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", _page(page)):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), f"{page}: {target}"
