"""Reports put together: what stands in them, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mimik.analytics import Analysis, Comparison, Hours
from mimik.report.compared import group_names
from mimik.report.document import Block, Bullets, Chapter, Document, Facts, Note, Picture, Prose
from mimik.report.gallery import figures
from mimik.report.sentences import cautions, compare_findings, findings, hours_findings
from mimik.report.speech import Speech, clean
from mimik.store.law import legal_notice
from mimik.store.values import VISITOR, Purpose, Session, SessionState

__all__ = ["compare_page", "hours_page", "session_page"]

_PURPOSES = {
    Purpose.LESSON: "Lesson",
    Purpose.WORK: "Work",
    Purpose.PRODUCT: "Product",
    Purpose.ADVERTISEMENT: "Advertisement",
    Purpose.SHOP: "Shop",
    Purpose.INTERVIEW: "Interview",
    Purpose.CLINIC: "Clinic",
    Purpose.RESEARCH: "Research",
    Purpose.OTHER: "Other",
}
_LONGEST = 2000
"""Letters of a consent statement that are printed."""


def session_page(session: Session, analysis: Analysis, language: str) -> Document:
    """The report of one session."""
    speech = Speech(language)
    parts = [speech.moment(session.started_at), _purpose(session, speech), speech.span(session.duration_s)]
    if analysis.relative:
        parts.append(speech.say("compared with rest"))
    blocks: list[Block] = [Chapter(speech.say("In short")), Bullets(findings(analysis, language), leading=True)]
    if analysis.relative:
        blocks.insert(0, _relative_note(speech))
    if analysis.warnings:
        blocks.append(Note(speech.say("Before you rely on it"), cautions(analysis.warnings, speech)))
    blocks += _drawn(analysis, language, speech)
    blocks.append(Chapter(speech.say("About this session")))
    blocks.append(Facts(tuple(_facts(session, analysis, speech))))
    blocks += _method(speech, people=not session.aggregate_only)
    blocks += _use((session,), speech)
    return Document(
        language, clean(session.title) or speech.say("Untitled"), " · ".join(parts), blocks, session.version
    )


def compare_page(comparison: Comparison, language: str, sessions: Sequence[Session] = ()) -> Document:
    """The report of a comparison; `sessions` are those that it was made of, for their purposes and grounds."""
    speech = Speech(language)
    names = group_names(comparison)
    blocks: list[Block] = []
    if comparison.warnings:
        blocks.append(Note(speech.say("Caution: the data are thin"), cautions(comparison.warnings, speech)))
    if comparison.relative:
        blocks.append(_relative_note(speech))
    blocks.append(Chapter(speech.say("In short")))
    blocks.append(Bullets(compare_findings(comparison, language), leading=True))
    blocks += _drawn(comparison, language, speech)
    blocks.append(Chapter(speech.say("What was compared")))
    blocks.append(
        Facts(
            tuple(
                (
                    name,
                    " · ".join(
                        (
                            speech.say("sessions: {ids}", ids=", ".join(clean(one, 40) for one in group.sessions[:20])),
                            speech.people(group.people),
                            speech.say("read for {span}", span=speech.span(group.read_s)),
                        )
                    ),
                )
                for name, group in zip(names, comparison.groups, strict=True)
            )
        )
    )
    unit = (
        speech.say("Each person counts once, however long they were seen.")
        if comparison.unit == "people"
        else speech.say(
            "There were too few people to compare them with each other, so stretches of time were compared. The result "
            "holds for these recordings alone."
        )
    )
    lines = [
        unit,
        speech.say(
            "The intervals come from drawing the same data again and again by lot (bootstrap); a difference is called "
            "clear when a rank test finds it in fewer than 5 of 100 cases by chance alone, corrected for looking at "
            "seven expressions at once."
        ),
        speech.say(
            "The size of an effect tells how far the groups overlap: with a large one, somebody from one group nearly "
            "always shows more of it than somebody from the other."
        ),
    ]
    if comparison.paired:
        lines.insert(1, speech.say("The same people stand on both sides, and each was compared with themselves."))
    blocks += [Chapter(speech.say("How it was compared")), Bullets(tuple(lines))]
    blocks += _method(speech, people=True)
    blocks += _use(sessions, speech)
    short = [name if len(name) <= 60 else name[:59] + "…" for name in names]
    return Document(
        language,
        speech.say("{names} compared", names=speech.join(short)),
        speech.say("Comparison of {count} groups", count=len(names)),
        blocks,
        sessions[0].version if sessions else "",
    )


def hours_page(hours: Hours, language: str, sessions: Sequence[Session] = ()) -> Document:
    """The report of the hours of a week; `sessions` are those that it was made of."""
    speech = Speech(language)
    blocks: list[Block] = []
    if hours.warnings:
        blocks.append(Note(speech.say("Before you rely on it"), cautions(hours.warnings, speech)))
    blocks.append(Chapter(speech.say("In short")))
    blocks.append(Bullets(hours_findings(hours, language), leading=True))
    blocks += _drawn(hours, language, speech)
    blocks += _method(speech, people=False)
    blocks += _use(sessions, speech)
    subtitle = f"{speech.sessions(hours.sessions)}, {speech.days(hours.days)}"
    if sessions:
        first, last = (pick(one.started_at for one in sessions) for pick in (min, max))
        subtitle += f" · {speech.day(first)} – {speech.day(last)}"
    return Document(
        language, speech.say("Mood by hour and weekday"), subtitle, blocks, sessions[0].version if sessions else ""
    )


def _drawn(result: Analysis | Comparison | Hours, language: str, speech: Speech) -> Iterator[Block]:
    drawn = figures(result, language)
    if drawn:
        yield Chapter(speech.say("Figures"))
        yield from (Picture(figure) for figure in drawn)


def _purpose(session: Session, speech: Speech) -> str:
    return speech.say(_PURPOSES[session.purpose])


def _relative_note(speech: Speech) -> Note:
    return Note(
        speech.say("These figures are differences from rest"),
        (
            speech.say(
                "Each person's own face at rest is zero here: +10 points means ten points more than at rest. Only "
                "people whose rest was measured are in it. Do not set these figures beside those of an ordinary report."
            ),
        ),
    )


def _facts(session: Session, analysis: Analysis, speech: Speech) -> Iterator[tuple[str, str]]:
    """The small print, in the order in which somebody asks for it."""
    states = {
        SessionState.RECORDING: speech.say("still being recorded"),
        SessionState.PAUSED: speech.say("paused"),
        SessionState.DONE: speech.say("complete"),
        SessionState.INTERRUPTED: speech.say("interrupted; what was saved is whole"),
    }
    yield speech.say("Recorded"), speech.moment(session.started_at)
    yield speech.say("Length"), f"{speech.span(session.duration_s)} ({states[session.state]})"
    yield speech.say("Purpose"), _purpose(session, speech)
    if session.tags:
        yield speech.say("Tags"), ", ".join(clean(tag, 40) for tag in session.tags)
    if session.source:
        yield speech.say("Source"), speech.say(VISITOR) if session.source == VISITOR else clean(session.source)
    yield (
        speech.say("People"),
        speech.say("not told apart: only the group was kept")
        if session.aggregate_only
        else speech.people(len(analysis.people)),
    )
    if analysis.baselines:
        yield (
            speech.say("Rest measured"),
            ", ".join(f"{speech.person(one.person)} {speech.span(one.seconds)}" for one in analysis.baselines[:20]),
        )
    yield speech.say("Read by"), clean(session.model, 300) or speech.say("a model that was not recorded")
    yield speech.say("Consent"), clean(session.consent, _LONGEST) or speech.say("nothing was written down")
    if session.ground or session.purpose.needs_ground:
        yield speech.say("Legal ground"), clean(session.ground, _LONGEST) or speech.say("nothing was written down")
    yield (
        speech.say("Kept until"),
        speech.say("it is deleted by hand") if session.keep_until is None else speech.day(session.keep_until),
    )
    yield speech.say("Number of the session"), clean(session.id, 60)


def _method(speech: Speech, *, people: bool) -> Iterator[Block]:
    yield Chapter(speech.say("How it was read"))
    yield Bullets(
        (
            speech.say(
                "A neural network looked at each face several times a second and gave a probability to each of seven "
                "expressions: angry, disgusted, afraid, happy, sad, surprised, neutral. The likeliest is the one shown."
            ),
            speech.say(
                "A share is the part of the time, of all time in which faces were read, that showed an expression. "
                "Faces too small, too dark, blurred or turned away were not read and are in no share."
            ),
            speech.say(
                "The range beside a figure would hold the true value of such a recording about 95 times in 100. It "
                "tells of chance alone, not of the mistakes that the network makes."
            ),
            *(
                (
                    speech.say(
                        "People are anonymous numbers that begin again with every session; no face was recognised. "
                        "Somebody who left the picture and came back may have a new number."
                    ),
                )
                if people
                else ()
            ),
        )
    )
    yield Chapter(speech.say("What it cannot tell"))
    yield Bullets(
        (
            speech.say(
                "An expression is not an emotion: a smile may be polite, a frown may be thought. The report says what "
                "faces looked like to the model, not what anybody felt, thought or meant."
            ),
            speech.say(
                "The model makes mistakes. People themselves agree on such labels only about two times in three, and "
                "how well it does by age, skin colour, glasses, beards or illnesses of the face has not been measured."
            ),
            speech.say(
                "Pleasant and excited (valence and arousal) are derived from the seven expressions, not measured."
            ),
            speech.say(
                "One session shows one session. It does not show what caused a change, nor what comes next time."
            ),
        )
    )


def _use(sessions: Sequence[Session], speech: Speech) -> Iterator[Block]:
    """The note on use: the law in full where a purpose asks for it."""
    yield Chapter(speech.say("Use it responsibly"))
    yield Prose(
        speech.say(
            "Decide nothing about a person by this report alone. Show it to the people that it is about if they ask, "
            "and delete it when it has served its purpose."
        )
    )
    grounded = [session for session in sessions if session.purpose.needs_ground]
    if grounded:
        # The notice's last paragraph asks for the ground to be written down; a report prints what was.
        purposes = list(dict.fromkeys(session.purpose for session in grounded))
        lines = list(dict.fromkeys(text for purpose in purposes for text in legal_notice(purpose)[:-1]))
        yield Note(
            speech.say("The law: people at work or in education"),
            (
                *(speech.say(line) for line in lines),
                *_grounds(grounded, speech),
                speech.say("This is a pointer, not legal advice."),
            ),
        )
    else:
        yield Prose(
            speech.say(
                "The EU's AI Act (Regulation (EU) 2024/1689) forbids inferring emotions at work and in education, "
                "except for medical or safety reasons (Article 5(1)(f)), makes other uses high-risk (Annex III 1(c)) "
                "and wants people told (Article 50(3)). In Türkiye, Law 6698 (KVKK), Article 6, asks for explicit "
                "consent or a ground of the law. This is a pointer, not legal advice."
            )
        )


def _grounds(sessions: Sequence[Session], speech: Speech) -> Iterator[str]:
    """What was written down, session by session where there are several."""
    for session in sessions[:20]:
        ground = clean(session.ground, _LONGEST) or clean(session.consent, _LONGEST)
        told = speech.quote(ground, _LONGEST) if ground else speech.say("nothing was written down")
        if len(sessions) > 1:
            yield speech.say(
                "Recorded as the ground of {title}: {ground}", title=speech.quote(session.title), ground=told
            )
        else:
            yield speech.say("Recorded as the ground: {ground}", ground=told)
