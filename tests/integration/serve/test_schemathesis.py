"""The API as its own description has it, and as it should not be used: by Schemathesis, against a real server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.serve.openapi import PROBLEM_TYPE, operations
from mimik.store import SessionWriter, Store
from mimik.store.values import Draft, Job, JobState, Marker
from tests.fakes import detection, fake_pipeline
from tests.serving import Served, served
from tests.sessions import aggregates

pytestmark = pytest.mark.integration

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
schemathesis.serializer.alias("application/x-amz-json-1.1", "application/json")
_EXAMPLES = 10
_LIMITS = Limits.read(requests=1_000_000)


@cache
def _document() -> dict[str, Any]:
    return create_app(fake_pipeline()).openapi()


_OPERATIONS = sorted(
    ((method, path) for method, path, _ in operations(_document())),
    key=lambda each: (each[0] == "delete", each),  # what deletes comes last
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store") / "sessions.db") as store:
        yield store


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[Served]:
    with served(create_app(fake_pipeline(detection()), store=store, limits=_LIMITS)) as server:
        yield server


@pytest.fixture(scope="module")
def schema(server: Served) -> BaseSchema:
    """The server's own description."""
    return schemathesis.openapi.from_url(f"{server.address}/openapi.json")


@pytest.fixture
def known(store: Store) -> dict[str, Any]:
    """Ids that lead somewhere, for addresses."""
    with SessionWriter(store, Draft("A lesson", live=False), wall_clock=False) as writer:
        session = writer.session.id
    store.append(session, None, aggregates([0.0, 1.0, 2.0], [0, 0, 1]), 3.0)
    (marker,) = store.add_markers(session, [Marker(1.0, "Here")])
    done = Job(f"job{session}", "film.mp4", "", Draft("A film"), JobState.DONE, datetime.now(UTC), 1.0, session=session)
    store.add_job(done)
    return {"session": session, "marker": marker.id, "job": done.id}


@pytest.mark.parametrize(("method", "path"), _OPERATIONS, ids=str)
def test_an_operation_answers_as_described_whatever_it_is_asked(
    method: str,
    path: str,
    schema: BaseSchema,
    known: dict[str, Any],
    server: Served,
    caplog: pytest.LogCaptureFixture,
) -> None:
    operation = schema[path][method]
    cases = some.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))
    found_their_way: list[int] = []

    @seed(8420)
    @settings(
        max_examples=_EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # a smaller example would cost more than it tells
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, real=some.booleans())
    def attack(case: Case[Any], real: bool) -> None:
        if real:
            case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
        response = case.call(session=client)
        found_their_way.append(response.status_code)
        case.validate_response(response, checks=_CHECKS)

    with requests.Session() as client:
        client.trust_env = False
        attack()
    assert found_their_way
    assert server.http.get("/readyz").status_code == 200
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@pytest.mark.parametrize(("method", "path"), _OPERATIONS, ids=str)
def test_an_operation_tells_what_it_is_and_what_it_answers(method: str, path: str) -> None:
    operation = _document()["paths"][path][method]
    assert operation["summary"]
    assert len(operation["tags"]) == 1
    successes = {status: each for status, each in operation["responses"].items() if status[0] == "2"}
    assert successes
    for status, answer in operation["responses"].items():
        assert answer["description"]
        if status[0] in "45" and path.startswith("/v1/"):
            assert PROBLEM_TYPE in answer["content"], status
    for status, answer in successes.items():
        assert ("content" in answer) == (status != "204")
    if method in ("post", "patch") and "requestBody" in operation:
        for kind, content in operation["requestBody"]["content"].items():
            assert content.get("schema"), kind
