"""The house stands: imports go down, optional libraries stay behind their doors, importing loads little, nothing executes data.

A new file fails here until it has a rank; the table below is the one place to give it one.
"""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import dlcore as dl

PACKAGE = Path(dl.__file__).parent

# A module may import modules of rooms with a smaller rank, and those of its own room.
ROOMS: dict[str, float] = {
    "errors": 0,
    "suggestions": 0,
    "files": 0,
    "arrays": 0,
    "checks": 0.5,  # raises errors, with suggestions
    "kernels": 1,  # contract, composition, rng, table: the words that calls are made of
    "kernels.reference": 1,
    "kernels.cpu": 2,  # a twin takes its member lists and constants from the reference it is proven against
    "kernels.cuda": 2,
    "backends": 3,
    "layers": 4,
    "losses": 4,
    "optimizers": 4,
    "data": 4,
    "preprocessing": 5,
    "plan": 6,
    "training": 7,
    "study": 8,
    "plotting": 8,
    "app": 9,
    "app.cli": 10,
    "__main__": 11,  # only calls the command line
}
LOOSE = ("errors", "suggestions", "checks", "files", "arrays", "__main__")  # the modules beside the rooms

# library -> who may import it, anywhere in the file
DOORS: dict[str, tuple[str, ...]] = {
    "numba": ("kernels.cpu",),
    "llvmlite": ("kernels.cpu", "kernels.subnormals"),
    "cupy": ("kernels.cuda", "backends"),
    "cupy_backends": ("kernels.cuda",),
    "nvmath": ("kernels.cuda",),
    "cuda": ("kernels.cuda",),
    "ml_dtypes": ("kernels.table",),
    "array_api_compat": ("backends",),
    "array_api_strict": (),
    "torch": (),
    "sklearn": ("estimators",),
    "scipy": ("optimizers", "estimators", "data"),
    "pyarrow": ("data", "app"),
    "pandas": (),
    "matplotlib": ("plotting",),
}


@dataclass(frozen=True)
class Module:
    """A source file of dlcore, under its dotted name without "dlcore."; the package itself is ""."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def folder(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def imports(self) -> Iterator[tuple[str, int]]:
        """Absolute names of what is imported, wherever in the file, with the line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parts = ["dlcore", *filter(None, self.folder.split("."))]
                    parts = parts[: len(parts) - node.level + 1]
                    base = ".".join([*parts, *filter(None, [node.module])])
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def _modules() -> dict[str, Module]:
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        modules[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return modules


MODULES = _modules()
EACH = pytest.mark.parametrize("module", MODULES.values(), ids=lambda m: m.name or "dlcore")


def _room(name: str) -> str | None:
    """The room that a module lies in: the longest beginning of its name that is one."""
    while name and name not in ROOMS:
        name = name.rpartition(".")[0]
    return name or None


def _target(imported: str) -> str | None:
    """The module of dlcore that `imported`, a module or a name in one, leads to; None for other libraries."""
    if imported != "dlcore" and not imported.startswith("dlcore."):
        return None
    name = imported.removeprefix("dlcore").removeprefix(".")
    return name if name in MODULES else name.rpartition(".")[0]


def _inside(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


# -- ranks -----------------------------------------------------------------------------------------------------------


def _why_not(module: Module, imported: str) -> str | None:
    """What is wrong with this import, if anything."""
    target = _target(imported)
    if target is None:
        return None
    if target == "":
        return None if imported == "dlcore.__version__" else "imports the package, which imports everything"
    own, other = _room(module.name), _room(target)
    if own is None or other is None or own == other or ROOMS[other] < ROOMS[own]:
        return None
    # the words that calls are made of, and the formulas: two halves of one floor
    if {own, other} == {"kernels", "kernels.reference"}:
        return None
    return f"{own}, rank {ROOMS[own]:g}, imports {target}, rank {ROOMS[other]:g}; imports only go down"


def test_every_module_is_in_a_room() -> None:
    """A new file goes into a room; a new room says where it stands."""
    homeless = [m.name for m in MODULES.values() if m.name and _room(m.name) is None]
    assert not homeless, f"{', '.join(homeless)}: put it into a folder of ROOMS, or give its folder a rank there"
    loose = [m.name for m in MODULES.values() if m.name and "." not in m.name and m.path.name != "__init__.py"]
    assert sorted(loose) == sorted(LOOSE)


def _cycle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a ring, or an empty list.  Depth first; grey modules are those being walked."""
    grey: list[str] = []
    black: set[str] = set()

    def walk(name: str) -> list[str]:
        if name in grey:
            return [*grey[grey.index(name) :], name]
        if name in black:
            return []
        grey.append(name)
        for other in sorted(imports.get(name, ())):
            if found := walk(other):
                return found
        black.add(grey.pop())
        return []

    return next((found for name in sorted(imports) if (found := walk(name))), [])


def test_no_modules_import_each_other() -> None:
    """Wherever in a file the import stands.  That a folder's __init__ gathers the names of its files is no cycle."""
    imports = {
        m.name: {t for i, _ in m.imports() if (t := _target(i)) not in (None, "", m.name)}
        for m in MODULES.values()
        if m.path.name != "__init__.py"
    }
    assert _cycle(imports) == []
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@EACH
def test_imports_only_go_down(module: Module) -> None:
    """Every import leads to a smaller rank, or stays in its folder.  Only the package's own __init__ collects from everywhere."""
    if module.name == "":
        return
    wrong = [f"line {line}: {why}" for imported, line in module.imports() if (why := _why_not(module, imported))]
    assert not wrong, "\n".join([str(module.path), *wrong])


@pytest.mark.parametrize(
    ("source", "name", "wrong"),
    [
        ("from ..training.trainer import Trainer", "plan.fusion", True),
        ("def f():\n    from ..training.trainer import Trainer", "plan.fusion", True),
        ("import dlcore.training.trainer", "layers.dense", True),
        ("from ..training import Trainer", "layers.dense", True),
        ("from .. import training", "layers.dense", True),
        ("import dlcore", "layers.dense", True),
        ("from ..losses import Loss", "layers.dense", True),
        ("from .layer import Layer", "layers.dense", False),
        ("from ..errors import ShapeError", "layers.dense", False),
        ("from .. import __version__", "training.checkpoint", False),
        ("from ..reference.dense import dense", "kernels.cpu.dense", False),
        ("from ..cpu.dense import dense", "kernels.reference.dense", True),
    ],
)
def test_an_import_that_goes_up_is_noticed(source: str, name: str, wrong: bool) -> None:
    """The rule itself, on planted imports."""
    module = Module(name, PACKAGE / f"{name}.py", ast.parse(source))
    assert any(_why_not(module, imported) for imported, _ in module.imports()) == wrong


# -- doors -----------------------------------------------------------------------------------------------------------


@EACH
def test_libraries_stay_behind_their_doors(module: Module) -> None:
    """numba only in kernels/cpu, cupy only in kernels/cuda and backends, and so on."""
    for imported, line in module.imports():
        library = imported.partition(".")[0]
        allowed = DOORS.get(library)
        assert allowed is None or _inside(module.name, allowed), f"{module.path}:{line} imports {library}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES.values() if _inside(m.name, ("kernels.reference",))], ids=lambda m: m.name
)
def test_reference_kernels_import_no_array_library(module: Module) -> None:
    """They are mathematics on whatever namespace comes in: Python's own modules and the contract are all they need."""
    for imported, line in module.imports():
        library = imported.partition(".")[0]
        assert library == "dlcore" or library in sys.stdlib_module_names, f"{module.path}:{line} imports {library}"


def test_contract_knows_no_library_at_all() -> None:
    libraries = {imported.partition(".")[0] for imported, _ in MODULES["kernels.contract"].imports()}
    assert libraries <= sys.stdlib_module_names | {"dlcore"}


# -- importing -------------------------------------------------------------------------------------------------------


def _loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads in a new process."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_the_package_alone() -> None:
    """`import dlcore` reads one file: not even NumPy is loaded before a name is asked for."""
    others = {name for name in _loaded_by("import dlcore") if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others == {"dlcore"}


def test_the_names_load_nothing_but_numpy() -> None:
    """All public names together load dlcore's own modules, NumPy and the standard library.  Seconds: benchmarks/time_import.py."""
    libraries = {name.partition(".")[0] for name in _loaded_by("import dlcore; dlcore.Trainer")}
    numpys = {name.partition(".")[0] for name in _loaded_by("import numpy")}
    assert libraries - numpys - sys.stdlib_module_names == {"dlcore"}


def test_import_prints_and_logs_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import dlcore"],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout + result.stderr == ""


# -- safety ----------------------------------------------------------------------------------------------------------


@EACH
def test_nothing_executes_data(module: Module) -> None:
    """No eval, exec or compile; no pickle; arrays are never loaded with pickle allowed."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), f"{module.path}:{node.lineno}"
            for keyword in node.keywords:
                denied = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                assert keyword.arg != "allow_pickle" or denied, f"{module.path}:{node.lineno}"
    for imported, line in module.imports():
        assert imported.partition(".")[0] not in ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"), line


def _environment_reads(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(name of the function, line) of each look at the environment."""

    def walk(node: ast.AST, owner: str) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.FunctionDef):
            owner = node.name
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in ("environ", "environb", "getenv", "putenv", "unsetenv"):
            yield owner, node.lineno  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            yield from walk(child, owner)

    return walk(tree, "")


@EACH
def test_no_environment_variable_is_an_interface(module: Module) -> None:
    """Only user_cache() asks the environment, for the platform's cache directory."""
    wrong = [line for owner, line in _environment_reads(module.tree) if owner != "user_cache"]
    assert not wrong, f"{module.path}: lines {wrong} read environment variables"


def _moves(tree: ast.Module) -> Iterator[int]:
    """Lines that may rename a file: os.replace, os.rename and shutil.move in any use, and .replace(target) and .rename(target).

    `text.replace(old, new)` has two arguments, `moment.replace(hour=0)` has none without a name.
    """
    movers = {("os", "replace"), ("os", "rename"), ("os", "renames"), ("shutil", "move")}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=library), attr=name) if (library, name) in movers:
                yield node.lineno
            case ast.ImportFrom(module=library, names=names) if any((library, n.name) in movers for n in names):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="replace" | "rename"), args=[_], keywords=[]):
                yield node.lineno


@EACH
def test_one_file_writes_files_atomically(module: Module) -> None:
    """Nothing but files.py renames a file into its place."""
    lines = list(_moves(module.tree))
    assert not lines or module.name == "files", f"{module.path}: lines {lines}: use write() or replacing() of files.py"


@pytest.mark.parametrize(
    ("source", "moves"),
    [
        ("import os\nos.replace(a, b)", True),
        ("import os\nlater(os.rename)", True),
        ("from os import replace", True),
        ("import shutil\nshutil.move(a, b)", True),
        ("path.replace(target)", True),
        ("path.with_suffix('.x').rename(target)", True),
        ("text.replace('a', 'b')", False),
        ("moment.replace(tzinfo=None)", False),
        ("from dataclasses import replace\nreplace(layer, init=rule)", False),
    ],
)
def test_a_rename_is_noticed(source: str, moves: bool) -> None:
    """The rule itself, on planted calls."""
    assert bool(list(_moves(ast.parse(source)))) == moves


# -- tests mirror the package ------------------------------------------------------------------------------------------

TESTS = Path(__file__).parent

WALKED = "tests/test_contracts.py and tests/kernels/ walk every kernel"

# module -> where it is tested instead
TESTED_ELSEWHERE: dict[str, str] = {
    "__main__": "tests/app/cli/: every command goes through it",
    "app.cli.arguments": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.evaluate": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.info": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.messages": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.predict": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.results": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.rows": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.cli.session": "tests/app/cli/: the program is run as a user runs it, a test file for each kind of use",
    "app.predictions": "tests/app/cli/test_tables.py",
    "app.raw_data": "tests/app/cli/test_tables.py",
    "app.values": "tests/app/test_configuration.py: every setting reads its values with them",
    "arrays": "tests/backends/test_device_arrays.py",
    "data.csv_arrow": "tests/data/test_spelled.py: both readers give the same columns",
    "data.csv_bytes": "tests/data/test_csv_dialect.py: packed files and bounds",
    "data.markers": "tests/data/test_readers.py: every reader with every marker",
    "data.typed": "tests/data/test_readers.py: every reader with every type of cells",
    "backends.executors": "tests/kernels/cpu/test_worker.py, tests/backends/test_backend.py",
    "data.arrow": "tests/data/test_table_files.py",
    "data.dataset": "tests/data/test_split.py",
    "data.digits": "tests/app/cli/test_train.py",
    "data.frames": "tests/data/test_table_files.py",
    "data.tables": "tests/data/test_csv_files.py, tests/data/test_table_files.py",
    "errors": "tests/training/test_bad_input.py, tests/app/cli/test_errors.py",
    "kernels.cpu.activations": WALKED,
    "kernels.cpu.adaptive": WALKED,
    "kernels.cpu.blas": "tests/kernels/cpu/test_worker.py",
    "kernels.cpu.cache": "tests/kernels/cpu/test_compiled.py",
    "kernels.cpu.counted": WALKED,
    "kernels.cpu.data": WALKED,
    "kernels.cpu.dense": WALKED,
    "kernels.cpu.embedding": WALKED,
    "kernels.cpu.entry": "tests/kernels/cpu/test_compiled.py",
    "kernels.cpu.formulas": WALKED,
    "kernels.cpu.fused": WALKED,
    "kernels.cpu.intrinsics": "tests/kernels/cpu/test_worker.py",
    "kernels.cpu.losses": WALKED,
    "kernels.cpu.lowering": "tests/kernels/cpu/test_worker.py, test_barriers.py",
    "kernels.cpu.normalization": WALKED,
    "kernels.cpu.products": "tests/kernels/cpu/test_worker.py",
    "kernels.cpu.random": WALKED,
    "kernels.cpu.updates": WALKED,
    "kernels.cuda.activations": WALKED,
    "kernels.cuda.adaptive": WALKED,
    "kernels.cuda.algorithms": "tests/kernels/cuda/test_gemm.py",
    "kernels.cuda.data": WALKED,
    "kernels.cuda.dense": WALKED,
    "kernels.cuda.device": "tests/kernels/cuda/test_cupy_device.py",
    "kernels.cuda.embedding": WALKED,
    "kernels.cuda.epilogues": "tests/kernels/cuda/test_gemm.py",
    "kernels.cuda.fused": WALKED,
    "kernels.cuda.launch": "tests/kernels/cuda/test_emulation.py",
    "kernels.cuda.losses": WALKED,
    "kernels.cuda.mixed": WALKED,
    "kernels.cuda.normalization": WALKED,
    "kernels.cuda.random": WALKED,
    "kernels.cuda.updates": WALKED,
    "kernels.reference.adaptive": WALKED,
    "kernels.reference.data": WALKED,
    "kernels.reference.dense": WALKED,
    "kernels.reference.embedding": WALKED,
    "kernels.reference.fused": WALKED,
    "kernels.reference.mixed": WALKED,
    "kernels.reference.normalization": WALKED,
    "kernels.rng": "tests/kernels/reference/test_random.py",
    "kernels.table": "tests/kernels/test_contract.py, tests/plan/test_plan.py",
    "layers.activations": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.dropout": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.layer": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.normalization": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.parameters": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.residual": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "layers.sequential": "tests/study/test_gradient_check.py and tests/conformance/ walk every layer",
    "losses.classification": "tests/losses/test_losses.py walks every loss",
    "losses.loss": "tests/losses/test_losses.py walks every loss",
    "losses.regression": "tests/losses/test_losses.py walks every loss",
    "optimizers.adaptive": "tests/optimizers/test_optimizers.py walks every optimizer",
    "optimizers.momentum": "tests/optimizers/test_optimizers.py walks every optimizer",
    "optimizers.optimizer": "tests/optimizers/test_optimizers.py walks every optimizer",
    "plotting.activations": "tests/plotting/test_pictures.py draws every picture",
    "plotting.animation": "tests/plotting/test_pictures.py draws every picture",
    "plotting.boundaries": "tests/plotting/test_pictures.py draws every picture",
    "plotting.graphs": "tests/plotting/test_pictures.py draws every picture",
    "plotting.histograms": "tests/plotting/test_pictures.py draws every picture",
    "plotting.landscapes": "tests/plotting/test_pictures.py draws every picture",
    "plotting.style": "tests/plotting/test_pictures.py draws every picture",
    "preprocessing.cells": "tests/preprocessing/test_preprocessing.py: one subject, fitted and applied",
    "preprocessing.columns": "tests/preprocessing/test_preprocessing.py: one subject, fitted and applied",
    "preprocessing.fitting": "tests/preprocessing/test_preprocessing.py: one subject, fitted and applied",
    "suggestions": "tests/app/cli/test_errors.py",
    "training.options": "tests/training/test_bad_input.py",
    "plan.recipe": "tests/plan/test_step.py",
    "plan.recorder": "tests/plan/test_step.py",
    "plan.prediction": "tests/plan/test_fusion.py, tests/training/test_evaluation.py",
    "plan.program": "tests/plan/test_step.py",
    "plan.state": "tests/training/test_trainer.py, test_saving.py, test_resume.py",
    "plan.workspace": "tests/plan/test_step.py, test_cache.py",
    "plan.eager": "tests/study/test_inspection.py",
    "training.position": "tests/training/test_resume.py, test_checkpoint.py",
    "training.pace": "tests/training/test_loop.py",
    "training.rates": "tests/training/test_learning_rate.py",
    "training.session": "tests/training/test_resume.py, tests/plan/test_step.py",
    "training.listeners": "tests/training/test_callback_calls.py, test_resume.py",
    "training.descriptions": "tests/training/test_checkpoint.py",
    "training.store": "tests/training/test_checkpoint.py, test_damaged_files.py",
    "layers.views": "tests/plan/test_step.py",
    "training.rows": "tests/training/test_bad_input.py",
}


def test_each_module_has_its_test_file_or_a_reason() -> None:
    """tests/ mirrors dlcore/ path for path."""
    missing, needless = [], []
    for module in MODULES.values():
        if module.path.name == "__init__.py":
            continue
        path = module.path.relative_to(PACKAGE)
        has_one = (TESTS / path.parent / f"test_{path.name}").is_file()
        if not has_one and module.name not in TESTED_ELSEWHERE:
            missing.append(str(path))
        if has_one and module.name in TESTED_ELSEWHERE:
            needless.append(module.name)
    unknown = [name for name in TESTED_ELSEWHERE if name not in MODULES]
    assert (missing, needless, unknown) == ([], [], [])


# -- files -----------------------------------------------------------------------------------------------------------


@EACH
def test_a_file_is_one_idea(module: Module) -> None:
    """At most 400 lines, or the docstring at its top says why: "Longer than 400 lines: …"."""
    docstring = ast.get_docstring(module.tree) or ""
    lines = len(module.path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400 or "longer than 400 lines" in docstring.lower(), f"{module.path} has {lines} lines"


@EACH
def test_every_file_says_what_it_is(module: Module) -> None:
    assert ast.get_docstring(module.tree), f"{module.path} has no docstring"
    assert module.path.stem not in ("utils", "util", "helpers", "common", "misc"), "name the idea"


# kernels/cpu needs numba, and __main__ runs when it is imported
_IMPORTABLE = [m for m in MODULES.values() if not _inside(m.name, ("kernels.cpu", "kernels.cuda", "__main__"))]


@pytest.mark.parametrize("module", _IMPORTABLE, ids=lambda m: m.name or "dlcore")
def test_all_is_true(module: Module) -> None:
    """Each name in `__all__` exists, once; and a file with `__all__` lists the public classes and functions that it defines."""
    loaded = importlib.import_module(f"dlcore.{module.name}".rstrip("."))
    names = getattr(loaded, "__all__", None)
    if names is None:
        return
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(loaded, name)] == []
    assert [name for name in names if name.startswith("_")] == []


@pytest.mark.parametrize("base", [dl.Layer, dl.Loss, dl.Optimizer], ids=lambda c: c.__name__)
def test_every_kind_is_exported(base: type) -> None:
    """A layer, loss or optimizer that nothing derives from is there for users: `dl.<its name>` is it."""

    def leaves(kind: type) -> Iterator[type]:
        below = [k for k in kind.__subclasses__() if k.__module__.startswith("dlcore.") and k.__name__[0] != "_"]
        for k in below:
            yield from leaves(k)
        if not below:
            yield kind

    missing = [
        k.__name__ for k in leaves(base) if getattr(dl, k.__name__, None) is not k or k.__name__ not in dl.__all__
    ]
    assert not missing, f"{missing}: list them in the `__all__` of their files"
