"""What people are told before some purposes are recorded; the paragraphs are keys of `mimik.words`."""

from __future__ import annotations

from mimik.store.values import Purpose

__all__ = ["legal_notice"]

_EUROPE = (
    "European Union: Article 5(1)(f) of the AI Act, Regulation (EU) 2024/1689, has since 2 February 2025 forbidden AI "
    "that infers the emotions of people at work or in education, except for medical or safety reasons."
)
_HIGH_RISK = (
    "Annex III 1(c) of the same regulation makes other emotion recognition high-risk, with duties for whoever uses it; "
    "Article 50(3) wants the people told that it is used on them."
)
_TURKEY = (
    "Türkiye: Article 6 of the Personal Data Protection Law (KVKK, No. 6698) makes biometric data special: explicit "
    "consent, or a ground that the law names, is needed."
)
_SHOP = (
    "In a shop this covers the staff at any rate, for they are at work. Point the camera so that it does not watch "
    "them, or have a ground for it."
)
_ASKED = (
    "Write down how the people were told and agreed, or the ground on which you record. It is kept with the session "
    "and printed in its report. This is a pointer, not legal advice."
)


def legal_notice(purpose: Purpose) -> tuple[str, ...]:
    """The paragraphs to be shown before a session of a purpose is recorded; none where `Purpose.needs_ground` is False.

    English texts, each its own key for `mimik.words.translate`.
    """
    if not purpose.needs_ground:
        return ()
    return (_EUROPE, _HIGH_RISK, _TURKEY, *((_SHOP,) if purpose is Purpose.SHOP else ()), _ASKED)
