"""What the API answers when it cannot."""

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import mimik.serve
from mimik.errors import ConfigError, MimikError, MissingError, SinkError, SourceError, StoreError, WeightsError
from mimik.serve.problems import ProblemError, answer_problem, invalid, validated
from mimik.serve.schemas import DraftIn
from mimik.words import catalogue


def _body(error: MimikError) -> dict[str, object]:
    body: dict[str, object] = json.loads(bytes(answer_problem(error).body))
    return body


def test_every_problem_has_its_turkish() -> None:
    """Their templates are not seen by the test that looks at errors' first arguments."""
    texts = set()
    for path in Path(mimik.serve.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts |= {
                    argument.value
                    for argument in node.args[: 2 if node.func.id == "ProblemError" else 1]
                    if node.func.id in ("ProblemError", "invalid")
                    and isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                }
    assert len(texts) > 20
    assert sorted(texts - set(catalogue("tr"))) == []


def test_a_problem_is_a_template_its_values_and_the_field() -> None:
    answer = answer_problem(invalid("{field} must be at most {limit}.", "time_s", limit=3))
    assert (answer.status_code, answer.media_type) == (422, "application/problem+json")
    body = json.loads(bytes(answer.body))
    assert body.pop("title")
    assert body == {
        "type": "urn:mimik:problem:422",
        "status": 422,
        "detail": "time_s must be at most 3.",
        "text": "{field} must be at most {limit}.",
        "values": {"field": "time_s", "limit": 3},
        "field": "time_s",
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreError("{place}: the database is locked", place="x.db"), 503),
        (MissingError("There is no session {session}.", session="a"), 404),
        (MissingError("{job}: no such job in the queue.", job="a"), 404),
        (StoreError("A marker needs a label."), 422),
        (SourceError("no video"), 422),
        (ConfigError("no such language"), 400),
        (SinkError("the disk is full"), 507),
        (WeightsError("no model"), 500),
        (ProblemError(409, "twice"), 409),
        (ProblemError.of(StoreError("{place}: newer", place="x.db"), 418), 418),
    ],
)
def test_errors_have_their_status(error: MimikError, status: int) -> None:
    assert answer_problem(error).status_code == status
    assert _body(error)["status"] == status


def test_a_translated_error_keeps_its_words() -> None:
    body = _body(ProblemError.of(StoreError("{place}: newer", place="x.db"), 503))
    assert (body["text"], body["values"], body["detail"]) == ("{place}: newer", {"place": "x.db"}, "x.db: newer")


@pytest.mark.parametrize(
    ("sent", "field", "text"),
    [
        ({}, "draft.title", "{field} is missing."),
        ({"title": "  "}, "draft.title", "{field} must not be empty."),
        ({"title": "x" * 201}, "draft.title", "{field} may have at most {limit} characters."),
        ({"title": "a\0b"}, "draft.title", "{field} cannot be used ({detail})."),
        ({"title": "a", "colour": 1}, "draft.colour", "{field}: there is no such field."),
        ({"title": "a", "purpose": "war"}, "draft.purpose", "{field} must be one of {expected}."),
        ({"title": "a", "raw_days": -1}, "draft.raw_days", "{field} must be at least {limit}."),
        ({"title": "a", "keep_days": 10**9}, "draft.keep_days", "{field} must be at most {limit}."),
        ({"title": "a", "tags": ["x"] * 21}, "draft.tags", "{field} may have at most {limit} entries."),
        ({"title": ["a"]}, "draft.title", "{field} cannot be used ({detail})."),
    ],
)
def test_a_refused_value_names_its_field(sent: dict[str, object], field: str, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DraftIn.model_validate(sent)
    problem = validated(refused.value, "draft")
    assert (problem.status, problem.field, problem.text) == (422, field, text)


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_in_a_problem_can_be_sent(field: str, value: str) -> None:
    """Half characters, too, which have no UTF-8."""
    answer = answer_problem(invalid("{field} cannot be used ({detail}).", field, detail=value))
    assert json.loads(bytes(answer.body))["values"]["detail"] == value
