"""The house stays as it is drawn in docs/architecture.md."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import mimik

SOURCE = Path(mimik.__file__).parent
FREE = {"types", "errors"}
ARROWS: dict[str, set[str]] = {
    "__init__": {"client", "config", "pipeline", "sources"},
    "types": set(),
    "errors": set(),
    "locks": set(),
    "keys": {"locks"},
    "words": set(),
    "config": set(),
    "processor": set(),
    "sources": set(),
    "detect": set(),
    "align": set(),
    "attributes": set(),
    "gate": set(),
    "classify": {"weights"},
    "track": set(),
    "weights": set(),
    "realtime": set(),
    "pipeline": {"realtime", "config", "load"},  # config for the type's name, load only when asked to build the default
    "load": {"align", "attributes", "classify", "config", "detect", "gate", "pipeline", "track", "weights"},
    "answers": set(),
    "streaming": {"answers"},
    "client": {"answers", "streaming"},
    "sinks": {"words"},
    "analysis": {"pipeline", "sinks", "sources"},
    "store": set(),
    "analytics": {"store"},
    "report": {"analytics", "store", "words"},
    # report for its charts' JavaScript
    "lab": {"classify", "detect", "processor", "report", "sources", "weights", "words"},
    "serve": {
        "analysis",
        "analytics",
        "config",
        "keys",
        "load",
        "locks",
        "pipeline",
        "realtime",
        "report",
        "sinks",
        "sources",
        "store",
        "weights",
        "words",
    },
    "cluster": {"analysis", "config", "load", "pipeline", "realtime", "serve", "sinks", "sources", "store"},
    "cli": {
        "__init__",
        "analysis",
        "analytics",
        "attributes",
        "classify",
        "cluster",
        "config",
        "detect",
        "keys",
        "lab",
        "load",
        "pipeline",
        "processor",
        "realtime",
        "report",
        "serve",
        "sinks",
        "sources",
        "store",
        "track",
        "weights",
        "words",
    },
}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "mimik":
                names = [
                    f"mimik.{alias.name}"
                    if (SOURCE / alias.name).exists() or (SOURCE / f"{alias.name}.py").exists()
                    else "mimik.__init__"
                    for alias in node.names
                ]
        rooms |= {name.split(".")[1] if "." in name else "__init__" for name in names if name.split(".")[0] == "mimik"}
    return rooms


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_import_is_an_arrow_of_the_plan(path: Path) -> None:
    room = room_of(path)
    assert room in ARROWS, f"{room} is a room that the plan does not know"
    assert imports(path) - FREE - {room} <= ARROWS[room]


def test_torch_lives_in_the_lab_alone() -> None:
    for path in SOURCE.rglob("*.py"):
        if room_of(path) != "lab":
            assert "import torch" not in path.read_text(encoding="utf-8"), path


def test_importing_mimik_costs_nothing() -> None:
    program = (
        "import sys, os; before = dict(os.environ); import mimik, logging; "
        "heavy = {'numpy', 'cv2', 'av', 'torch', 'onnxruntime', 'fastapi', 'httpx', 'pydantic'}; "
        "heavy |= {'plotly', 'matplotlib', 'ray'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "assert dict(os.environ) == before; assert not logging.getLogger().handlers"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "name", sorted(m.name for m in walk_packages(mimik.__path__, "mimik.") if not m.name.endswith("__main__"))
)
def test_every_module_exports_what_it_names(name: str) -> None:
    module = import_module(name)
    if Path(str(module.__file__)).read_text(encoding="utf-8").count("\n") < 3:
        return  # a bare package
    exported = module.__all__
    for export in exported:
        assert hasattr(module, export), export


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(SOURCE)): count
        for path in SOURCE.rglob("*.py")
        if (count := path.read_text(encoding="utf-8").count("\n")) > 450
    }
    assert not long
