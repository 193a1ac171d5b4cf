"""The model card tells what the records tell."""

from pathlib import Path

from mimik.lab.card import card
from mimik.weights import records

CARD = Path(__file__).parents[3] / "docs" / "model-card.md"


def test_the_card_is_up_to_date() -> None:
    assert CARD.read_text(encoding="utf-8") == card(records()), "run `make docs`"
