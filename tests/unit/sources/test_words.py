"""Every text of the sources has a Turkish one with the same places."""

import ast
import json
import string
from pathlib import Path

import mimik.sources


def _texts() -> set[str]:
    found = set()
    for file in Path(mimik.sources.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                argument = call.args[{"SourceError": 0, "tell": 1}.get(call.func.id, -1)]
                if call.func.id in {"SourceError", "tell"} and isinstance(argument, ast.Constant):
                    found.add(str(argument.value))
    return found


def _places(text: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(text) if place}


def test_turkish_is_complete_and_has_the_same_places() -> None:
    file = Path(mimik.sources.__file__).parents[1] / "words" / "tr" / "sources.json"
    turkish: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    assert set(turkish) == _texts()
    for english, translated in turkish.items():
        assert _places(english) == _places(translated), english
