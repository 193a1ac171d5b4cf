"""The limits' variables and their table."""

from pathlib import Path

import pytest

from mimik.cli.reference import limits
from mimik.errors import ConfigError
from mimik.serve import create_app
from mimik.serve.limits import Limits
from tests.fakes import fake_pipeline
from tests.serving import served

ROOT = Path(__file__).parents[3]


def test_the_table_of_limits_in_docs_is_up_to_date() -> None:
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    assert text == limits(text), "run `make docs`"


def test_a_limit_out_of_bounds_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMIK_LIMIT_REQUESTS", "0")
    with pytest.raises(ConfigError, match="MIMIK_LIMIT_REQUESTS"):
        Limits.read()


def test_small_bodies_are_bounded_in_bytes_and_in_time() -> None:
    """Whoever sends a letter a minute holds nothing up for long."""
    with served(create_app(fake_pipeline(), limits=Limits(small_body=1024, body_s=1))) as server:
        assert server.http.post("/v1/login", content=b"x" * 1025).status_code == 413

        def slow() -> object:
            import time

            yield b"{"
            time.sleep(2)
            yield b"}"

        assert server.http.post("/v1/login", content=slow()).status_code == 408  # type: ignore[arg-type]
