"""One estimate a person, made of several looks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mimik.attributes.range import age_range, middle
from mimik.types import Attributes, Face

__all__ = ["PersonAttributes"]

_FEWEST = 3
_LOOKS = 10
_PEOPLE = 256


@dataclass(slots=True)
class _Person:
    """What is remembered of a person: numbers only."""

    ages: list[float] = field(default_factory=list)
    females: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    known: Attributes | None = None

    def add(self, look: Attributes, quality: float, most: int, fewest: int) -> None:
        self.ages.append(look.age_years)
        self.females.append(look.female)
        self.weights.append(max(quality, 1e-3))
        looks = len(self.ages)
        if looks >= fewest:
            self.known = Attributes(
                age_years=middle(self.ages, self.weights),
                age=age_range(self.ages, self.weights),
                female=middle(self.females, self.weights),
                looks=looks,
                settled=looks == most,
            )


class PersonAttributes:
    """Gathers the looks at each `Face.track_id`, weighed by the faces' quality, until there are enough.

    Probabilities are averaged, not multiplied: frames of one person are no independent witnesses. Nothing is said
    before `fewest` looks; after `most` the person is settled and looked at no more. The last 256 people are remembered.

    Args:
        most: looks at a person.
        fewest: looks before anything is said.
    """

    def __init__(self, most: int = _LOOKS, fewest: int = _FEWEST) -> None:
        self._most = most
        self._fewest = fewest
        self._people: dict[int, _Person] = {}

    def wants(self, face: Face) -> bool:
        """Whether a person should be looked at once more."""
        if face.track_id is None:
            return False
        person = self._people.get(face.track_id)
        return person is None or len(person.ages) < self._most

    def gather(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """Take the looks that the faces carry; the same faces, each with what is known of the person."""
        return tuple(self._gather(face) for face in faces)

    def _gather(self, face: Face) -> Face:
        if face.track_id is None:
            return face
        # Put last, so that those who stay longest unseen come first.
        person = self._people.pop(face.track_id, None) or _Person()
        self._people[face.track_id] = person
        if len(self._people) > _PEOPLE:
            del self._people[next(iter(self._people))]
        if face.attributes is not None and len(person.ages) < self._most:
            person.add(face.attributes, face.quality.score, self._most, self._fewest)
        return replace(face, attributes=person.known)
