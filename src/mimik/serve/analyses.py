"""The API of what sessions say: analyses, figures, findings, comparisons and reports, made when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from mimik.serve.downloads import disposition
from mimik.serve.library import Library, library_of
from mimik.serve.problems import invalid
from mimik.serve.schemas import json_answer
from mimik.serve.sessions import Chosen, SessionId, chosen, find
from mimik.store.values import COARSE_S, Session

if TYPE_CHECKING:
    from mimik.analytics import Analysis, Comparison
    from mimik.store import Store

__all__ = ["router"]

router = APIRouter(prefix="/v1")

_MOST = 100
_REPORTS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}

_Library = Annotated[Library, Depends(library_of)]
_Lang = Literal["en", "tr"]
_Theme = Literal["light", "dark"]
_Report = Literal["html", "pdf"]
_Ids = Annotated[str, Query(min_length=1, max_length=50 * _MOST)]


@router.get("/sessions/{session}/analysis")
async def analysis(session: SessionId, library: _Library, relative: bool = False) -> Response:
    """Everything that the figures are drawn from."""
    return await library.run(lambda store: json_answer(_analysis(store, find(store, session), relative).to_dict()))


@router.get("/sessions/{session}/figures")
async def figures(
    session: SessionId, library: _Library, lang: _Lang = "en", theme: _Theme = "light", relative: bool = False
) -> Response:
    """Findings in words, and figures for Plotly."""

    def answer(store: Store) -> Response:
        from mimik.report import figures, findings

        result = _analysis(store, find(store, session), relative)
        return json_answer(
            {
                "findings": findings(result, lang),
                "figures": figures(result, lang, theme),
                "warnings": result.to_dict()["warnings"],
            }
        )

    return await library.run(answer)


@router.get("/sessions/{session}/report.{kind}")
async def report(
    session: SessionId, kind: _Report, library: _Library, lang: _Lang = "en", relative: bool = False
) -> Response:
    """The report, to be saved."""

    def answer(store: Store) -> Response:
        from mimik.report import write_html, write_pdf

        found = find(store, session)
        result = _analysis(store, found, relative)
        write = write_html if kind == "html" else write_pdf
        return _file(lambda file: write(file, found, result, lang), found.title, kind)

    return await library.run(answer)


@router.get("/compare")
async def compare(
    a: _Ids, b: _Ids, library: _Library, lang: _Lang = "en", theme: _Theme = "light", relative: bool = False
) -> Response:
    """Two groups of sessions against each other."""

    def answer(store: Store) -> Response:
        from mimik.report import compare_findings, figures

        result, _ = _comparison(store, a, b, relative)
        return json_answer(
            {
                "comparison": result.to_dict(),
                "findings": compare_findings(result, lang),
                "figures": figures(result, lang, theme),
                "warnings": result.to_dict()["warnings"],
            }
        )

    return await library.run(answer)


@router.get("/compare/report.{kind}")
async def compare_report(
    kind: _Report, a: _Ids, b: _Ids, library: _Library, lang: _Lang = "en", relative: bool = False
) -> Response:
    """The comparison's report, to be saved."""

    def answer(store: Store) -> Response:
        from mimik.report import write_compare_html, write_compare_pdf

        result, sessions = _comparison(store, a, b, relative)
        write = write_compare_html if kind == "html" else write_compare_pdf
        title = " - ".join(group.name for group in result.groups)
        return _file(lambda file: write(file, result, lang, sessions), title, kind)

    return await library.run(answer)


@router.get("/hours")
async def hours(
    library: _Library, which: Annotated[Chosen, Depends()], lang: _Lang = "en", theme: _Theme = "light"
) -> Response:
    """Mood by hour and weekday over the sessions that are meant."""

    def answer(store: Store) -> Response:
        from mimik.analytics import by_hour
        from mimik.report import figures, hours_findings

        result = by_hour((session, store.aggregates(session.id, COARSE_S)) for session in chosen(store, which))
        return json_answer(
            {
                "hours": result.to_dict(),
                "findings": hours_findings(result, lang) if result.cells else [],
                "figures": figures(result, lang, theme) if result.cells else [],
                "warnings": result.to_dict()["warnings"],
            }
        )

    return await library.run(answer)


@router.get("/hours/report.{kind}")
async def hours_report(
    kind: _Report, library: _Library, which: Annotated[Chosen, Depends()], lang: _Lang = "en"
) -> Response:
    """The report of those hours, to be saved."""

    def answer(store: Store) -> Response:
        from mimik.analytics import by_hour
        from mimik.report import write_hours_html, write_hours_pdf

        sessions = chosen(store, which)
        result = by_hour((session, store.aggregates(session.id, COARSE_S)) for session in sessions)
        write = write_hours_html if kind == "html" else write_hours_pdf
        return _file(lambda file: write(file, result, lang, sessions), "mimik-hours", kind)

    return await library.run(answer)


def _analysis(store: Store, session: Session, relative: bool) -> Analysis:
    from mimik.analytics import analyse

    return analyse(
        session,
        store.aggregates(session.id),
        store.markers(session.id),
        store.people(session.id),
        relative=relative,
    )


def _comparison(store: Store, a: str, b: str, relative: bool) -> tuple[Comparison, Sequence[Session]]:
    from mimik.analytics import Group
    from mimik.analytics import compare as compare_groups

    sides = {"a": _ids(a, "a"), "b": _ids(b, "b")}
    if both := sides["a"].keys() & sides["b"].keys():
        raise invalid("{session} stands on both sides. Give each session once.", "b", session=sorted(both)[0])
    groups: list[Group] = []
    everybody: list[Session] = []
    for side, ids in sides.items():
        sessions = [find(store, session) for session in ids]
        everybody += sessions
        name = sessions[0].title if len(sessions) == 1 else side.upper()
        groups.append(Group(name, tuple(_analysis(store, session, relative) for session in sessions)))
    if groups[0].name == groups[1].name:
        groups = [Group(side.upper(), group.analyses) for side, group in zip(sides, groups, strict=True)]
    return compare_groups(groups), everybody


def _ids(text: str, field: str) -> dict[str, None]:
    ids = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    if not ids:
        raise invalid("{field} must not be empty.", field)
    if len(ids) > _MOST:
        raise invalid("{field} may have at most {limit} entries.", field, limit=_MOST)
    return ids


def _file(write: Callable[[IO[bytes]], None], title: str, kind: _Report) -> Response:
    file = io.BytesIO()
    write(file)
    headers = {"Content-Disposition": disposition(title, f".{kind}")}
    return Response(file.getvalue(), media_type=_REPORTS[kind], headers=headers)
