"""What reports say in words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mimik.analytics import Estimate, Interval, Span, analyse
from mimik.report import compare_findings, findings, hours_findings
from mimik.report.sentences import cautions
from mimik.report.speech import Speech
from mimik.store.values import Marker, MarkerKind
from tests.unit.analytics.sessions import aggregates, mixture, session
from tests.unit.report.lessons import HOSTILE, groups, lesson, relative, tiny, week


def plain(sentences: tuple[str, ...]) -> str:
    return "\n".join(sentences).replace("\u00a0", " ")


def test_a_lesson_in_english() -> None:
    analysis = lesson()
    said = plain(findings(analysis, "en"))
    happy = next(share for share in analysis.overall.emotions if share.emotion == "happy")
    assert happy.share is not None
    assert happy.low is not None
    assert happy.high is not None
    expected = f"Looked happy about {happy.share:.0%} of the time (between {happy.low:.0%} and {happy.high:.0%})."
    assert said.splitlines()[0] == expected.replace("%", " %")
    moment = max(analysis.moments, key=lambda one: one.size)
    assert moment.near == "topic 2"
    assert (
        f"The clearest change came at {Speech('en').clock(moment.time_s)}, after the marker “topic 2”: looking " in said
    )
    assert "looking surprised rose" in said
    assert "People differed" not in said, "their intervals lie over one another"


def test_a_lesson_in_turkish() -> None:
    said = plain(findings(lesson(), "tr"))
    assert re.match(r"Zamanın yaklaşık %\d+'\w+ mutlu göründü \(%\d+ ile %\d+ arasında\)\.", said)
    assert "“topic 2” işaretinden sonra geldi: şaşkın görünme arttı" in said
    assert not re.search(r"\b(looked|the|of|and)\b|\d %", said)


@pytest.mark.parametrize("language", ["en", "tr"])
def test_no_place_is_left_open(language: str) -> None:
    for said in (
        *(findings(one, language) for one in (lesson(), relative(), tiny(), tiny(0))),
        *(compare_findings(one, language) for one in (groups(), groups(2, seconds=30), groups(names=("A", "B", "C")))),
        hours_findings(week(), language),
    ):
        assert said
        assert all(sentence.strip() and not re.search(r"[{}]|\bNone\b|\bnan\b", sentence) for sentence in said), said


def test_too_short_to_say_more() -> None:
    said = findings(tiny(), "en")
    assert len(said) == 2
    assert said[1].startswith("This is too short to say more: faces were read for only ")


def test_nobody_read() -> None:
    assert findings(tiny(0), "en")[0] == "No face could be read, so nothing can be said about expressions."


def test_relative_to_rest_speaks_of_differences() -> None:
    said = plain(findings(relative(), "en"))
    assert "Compared with rest, looking neutral was weaker: −" in said
    assert "% of the time" not in said


def test_a_clear_difference_is_told_with_its_interval_and_size() -> None:
    said = plain(compare_findings(groups(), "en"))
    assert re.search(
        r"“Spot B” looked happy more than “Spot A”: \d+ % against \d+ %, \d+ to \d+ points more; a large difference\.",
        said,
    )
    assert "thin" not in said


def test_thin_data_are_told_first() -> None:
    assert compare_findings(groups(2, seconds=30), "en")[0].startswith("The data are thin")
    assert compare_findings(groups(2, seconds=30), "tr")[0].startswith("Veri az")


def test_a_week_names_its_hours() -> None:
    said = plain(hours_findings(week(), "en"))
    assert re.search(r"most pleasant on \w+day, \d\d:00 and least pleasant on \w+day, \d\d:00", said)
    assert "This rests on 24 sessions on 6 days." in said


def test_warnings_are_translated_with_their_numbers() -> None:
    told = cautions(tiny().warnings, Speech("tr"))
    assert told
    assert all(not re.search(r"[{}]", line) for line in told)
    assert told != cautions(tiny().warnings, Speech("en"))


def test_users_words_are_cleaned() -> None:
    said = plain(findings(lesson((HOSTILE, HOSTILE, "b", "c")), "en"))
    assert "\u202e" not in said
    assert "\x00" not in said


@pytest.mark.parametrize(("language", "words"), [("en", "10 s at rest are left out"), ("tr", "10 sn kadarı dinlenme")])
def test_rest_is_told_apart_from_what_the_shares_rest_on(language: str, words: str) -> None:
    rows = aggregates({1: np.tile(mixture(3, 0.9), (70, 1))})
    analysis = analyse(session(70), rows, [Marker(0, "", MarkerKind.BASELINE, 10)])
    assert words in plain(findings(analysis, language))
    assert "rest are" not in plain(findings(analyse(session(70), rows, []), "en"))


def test_people_are_said_to_differ_where_they_clearly_do() -> None:
    analysis = lesson()

    def people(*values: float) -> str:
        found = []
        for number, value in enumerate(values, 1):
            one = analysis.people[0]
            emotions = tuple(
                replace(share, share=value, low=value - 0.1, high=value + 0.1) if share.emotion == "happy" else share
                for share in one.shares.emotions
            )
            found.append(replace(one, number=number, shares=replace(one.shares, emotions=emotions)))
        return plain(findings(replace(analysis, people=tuple(found)), "en"))

    assert "People differed: looking happy ranged from 20 % (Person 1) to 60 % (Person 3)" in people(0.2, 0.4, 0.6)
    assert "People differed" not in people(0.3, 0.32, 0.34)
    assert "People differed" not in people(0.4, 0.4)


def test_the_most_and_least_of_many_parts_must_lie_further_apart() -> None:
    """Of twenty parts that are alike, two often lie apart by their plain 95 % intervals."""

    def parts(gap: float, count: int) -> str:
        analysis = lesson()
        whole = analysis.overall
        found = []
        for number in range(count):
            middle = gap if number == 0 else 0.0
            shares = replace(whole, valence=Estimate(middle, middle - 0.1, middle + 0.1))
            found.append(Interval(Span(f"part {number}", 60.0 * number, 60.0 * number + 60), shares))
        return plain(findings(replace(analysis, intervals=tuple(found)), "en"))

    assert "faces looked most pleasant after" in parts(0.21, 2)
    assert "do not differ clearly" in parts(0.21, 20)
    assert "faces looked most pleasant after" in parts(0.4, 20)
