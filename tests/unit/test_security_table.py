"""The table of ``SECURITY.md``: each threat has a defence, and each defence tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def _tests(path: str) -> frozenset[str]:
    file = ROOT / path
    body = ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else []
    return frozenset(
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def _rows() -> list[list[str]]:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("| threat | defence | tests |\n")[2]
    table = text.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_each_threat_has_a_defence_and_tests() -> None:
    rows = _rows()
    assert len(rows) > 30
    for row in rows:
        assert len(row) == 3, row
        threat, defence, tests = row
        if not threat.startswith("**"):  # a heading
            assert defence, threat
            assert re.sub(_NAMED, "", tests).strip() == "", f"{threat}: not a test: {tests}"
            assert _NAMED.search(tests), threat


def test_each_named_test_exists() -> None:
    named = [match for row in _rows() for match in _NAMED.findall(row[2])]
    missing = [f"{path}::{name}" for path, name in named if name not in _tests(path)]
    assert not missing, missing
