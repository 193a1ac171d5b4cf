"""The models' cards, for the page and for programs: ``/v1/models``."""

from __future__ import annotations

from fastapi import APIRouter, Request

from mimik.types import Thresholds
from mimik.weights import Record, Shown, records

__all__ = ["model_card", "router"]

router = APIRouter(prefix="/v1/models", tags=["pictures"])


@router.get("")
async def show_all(request: Request) -> dict[str, object]:
    """What reads here, and every shipped model's card."""
    state = request.app.state
    return {
        "model": state.analyzer.model,
        "attributes": state.attributes,
        "models": [model_card(record, state.identity) for record in records()],
    }


def model_card(record: Record, identity: str) -> dict[str, object]:
    """A model's card; `identity` (`mimik.pipeline.Pipeline.identity`) tells whether it is the one in use."""
    measured = record.measured
    return {
        "name": record.name,
        "title": record.title,
        "data": record.data,
        "licence": record.licence,
        "sha256": record.sha256,
        "used": record.sha256 is not None and record.sha256 in identity,
        "accuracy": measured.accuracy,
        "interval": measured.interval,
        "faces": measured.faces,
        "split": measured.split,
        "role": measured.role,
        "shown": None if record.shown is None else _shown(record.shown, record.states),
    }


def _shown(shown: Shown, states: Thresholds) -> dict[str, object]:
    """How often the labels that people see are what most taggers saw, and from where on they are sure or uncertain."""
    return {
        "agreement": shown.agreement,
        "interval": shown.interval,
        "faces": shown.faces,
        "split": shown.split,
        "sure": states.sure,
        "uncertain": states.uncertain,
    }
