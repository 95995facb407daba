"""What the documentation says is so: its scripts run, the steps it shows are the real ones, the names it gives exist."""

import ast
import dataclasses
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import dlcore as dl
from dlcore.app.configuration import NAMED_DATA
from dlcore.kernels import reference
from dlcore.layers import initializers
from dlcore.optimizers import schedules

ROOT = Path(__file__).parents[1]
USERS = ("README.md", "docs/notation.md")
CONTRIBUTORS = ("CONTRIBUTING.md", "docs/architecture.md")
PAGES = USERS + CONTRIBUTORS + ("docs/data.md",)  # its words between backticks are the cells of tables


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _page(page), re.DOTALL | re.MULTILINE)


# -- README ----------------------------------------------------------------------------------------------------------


def test_readme_has_the_two_commands() -> None:
    """Word for word what .ci/run runs."""
    (commands,) = _blocks("README.md", "sh")
    assert commands.splitlines() == ['pip install ".[plot]" && dlcore train digits', 'pip install ".[test]" && pytest']


def _printed(script: str, folder: Path) -> str:
    """What a script of a page prints, run in this folder, where warnings are errors."""
    env = {**os.environ, "PYTHONPATH": str(Path(dl.__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-c", script]
    result = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_a_script_prints_the_step_below_it(page: str, tmp_path: Path) -> None:
    """The page's script runs as it is written, and the step shown is the one it prints, but for what is cut at "…"."""
    pytest.importorskip("numba")  # the steps on the pages are those of the compiled kernels
    (script,) = _blocks(page, "python")
    printed = _printed(script, tmp_path)
    if page == "README.md":
        assert float(re.search(r"'accuracy': ([\d.]+)", printed)[1]) > 0.95  # type: ignore[index]
    (shown,) = (block for block in _blocks(page, "text") if block.startswith("TrainingStep"))
    actual = printed[printed.index("TrainingStep") :].splitlines()
    assert len(actual) == len(shown.splitlines())
    for line, real in zip(shown.splitlines(), actual, strict=True):
        pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
        assert re.fullmatch(rf"\s*{pattern}\s*", real), f"{page} shows\n{line}\nand the step is\n{real}"


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


def _defined() -> set[str]:
    """Every name that the sources and the tests define: functions, classes, arguments, variables, fields; macros and types in CUDA."""
    words = set()
    for path in (*(ROOT / "dlcore").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "examples/script.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                words.add(node.name)
            elif isinstance(node, ast.arg):
                words.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                words.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                words.add(node.attr)
    for path in (ROOT / "dlcore/kernels/cuda").glob("*.cu*"):
        words |= set(re.findall(r"(?:#define|typedef \w+|FORMULA \w+) (\w+)", path.read_text(encoding="utf-8")))
    return words


COMMANDS = ("pip ", "pytest", "dlcore ", "ruff ", "mypy", ".ci/run", "python", "import ", "from ", "--")
# for contributors also: kernels of the activation g that a recipe adds, buffers of the step that is shown, words of Python and numba
OTHERS = {
    "dense_g",
    "dense_g_dropout",
    "input_grad_g",
    "topic",
    "a0",
    "delta1",
    "math",
    "def",
    "parallel",
    "cu",
    "examples",
}


@pytest.mark.parametrize("page", USERS + CONTRIBUTORS)
def test_names_exist(page: str) -> None:
    """Each word between backticks is a name in the code, or part of the path of a file that exists.

    Pages for users have public names and those of kernels; pages for contributors have any that is defined.
    """
    text = re.sub(r"^```.*?^```", "", _page(page), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", text)
    assert len(spans) > 50
    words = _vocabulary() | (_defined() | OTHERS if page in CONTRIBUTORS else set())
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


# -- what users import -------------------------------------------------------------------------------------------------

ROOMS = {path.parent.name for path in (ROOT / "dlcore").glob("*/__init__.py")}


def _not_public(module: str, names: list[str]) -> list[str]:
    """What is wrong with `import module` (no names) or `from module import names`, for a module of dlcore."""
    if module == "dlcore":
        return [f"dlcore has no {name}" for name in names if name not in ROOMS and name not in dl.__all__]
    room = module.removeprefix("dlcore.")
    if room not in ROOMS:
        return [f"{module} is not a folder of dlcore"]
    offered = getattr(import_module(module), "__all__", ())
    return [f"{module} does not offer {name}" for name in names if name not in offered]


def _wrong_imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and re.match(r"dlcore\b", node.module or ""):
            yield from _not_public(node.module or "", [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _not_public(alias.name, []) if re.match(r"dlcore\b", alias.name) else ()


def _wrong_mentions(text: str) -> Iterator[str]:
    """Names written with dots, such as dlcore.data.load_digits: the last must be one that the folder offers."""
    for room, name in re.findall(r"\bdlcore\.(\w+)\.(\w+)", text):
        if room in ROOMS:
            yield from _not_public(f"dlcore.{room}", [name])


TAUGHT = [path.relative_to(ROOT).as_posix() for folder in ("examples", "docs") for path in (ROOT / folder).rglob("*.*")]
TAUGHT = sorted(name for name in [*TAUGHT, "README.md", "CONTRIBUTING.md"] if name.endswith((".py", ".md")))


@pytest.mark.parametrize("name", TAUGHT)
def test_names_come_from_folders(name: str) -> None:
    """`from dlcore.data import load_digits`, never from a module inside a folder, and the folder offers the name."""
    text = _page(name)
    sources = [text] if name.endswith(".py") else [*_blocks(name, "python"), *_blocks(name, "py")]
    assert [wrong for source in sources for wrong in _wrong_imports(source)] + [*_wrong_mentions(text)] == []


def test_docstrings_and_messages_name_what_users_import() -> None:
    """So do the texts of the package itself, which are its reference and its errors."""
    wrong = {}
    for path in (ROOT / "dlcore").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and (found := [*_wrong_mentions(node.value)])
            ):
                wrong[f"{path.relative_to(ROOT)}:{node.lineno}"] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("import dlcore as dl\nfrom dlcore import plotting, initializers as init", []),
        ("from dlcore.data import load_digits\nfrom dlcore.preprocessing import Preprocessing", []),
        ("from dlcore.data.digits import load_digits", ["dlcore.data.digits is not a folder of dlcore"]),
        ("import dlcore.data.digits", ["dlcore.data.digits is not a folder of dlcore"]),
        ("from dlcore.data import digits", ["dlcore.data does not offer digits"]),
        ("from dlcore.layers import initializers", ["dlcore.layers does not offer initializers"]),
        ("from dlcore import Conv2d", ["dlcore has no Conv2d"]),
    ],
)
def test_an_import_below_a_folder_is_noticed(source: str, wrong: list[str]) -> None:
    assert [*_wrong_imports(source)] == wrong


def test_a_mention_below_a_folder_is_noticed() -> None:
    assert [*_wrong_mentions("give dlcore.layers.initializers.Normal(0.1)")] == [
        "dlcore.layers does not offer initializers"
    ]
    assert [*_wrong_mentions("dlcore.data.table and dlcore.plotting.activations draw or read")] == []
