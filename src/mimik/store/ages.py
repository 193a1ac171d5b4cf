"""The age ranges of a session's people, from their estimate until they are saved."""

from __future__ import annotations

from mimik.store.values import Draft, Person
from mimik.types import Attributes, Face

__all__ = ["Ages"]


class Ages:
    """Remembers each person's newest estimate until it is saved. Not safe between threads by itself.

    Nothing is taken of people in lessons or at work, nor where only sums are kept.

    Args:
        draft: of the session.
    """

    def __init__(self, draft: Draft) -> None:
        self._keeps = not (draft.aggregate_only or not draft.purpose.allows_ages)
        self._waiting: dict[int, Attributes] = {}
        self._saved: set[int] = set()

    def take(self, number: int, face: Face) -> None:
        """Take what is known of a person."""
        if self._keeps and face.attributes is not None and number not in self._saved:
            self._waiting[number] = face.attributes

    def due(self, over: bool) -> list[Person]:
        """Who is to be saved now: those whose estimate is settled; everybody, once the session is over."""
        return [Person(number, known.age) for number, known in self._waiting.items() if known.settled or over]

    def done(self, person: Person) -> None:
        """A person is saved; later estimates are not wanted."""
        self._saved.add(person.number)
        del self._waiting[person.number]
