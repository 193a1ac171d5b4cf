"""Write the model card from the records: ``python -m mimik.lab.card > docs/model-card.md``."""

from collections.abc import Sequence

from mimik.weights import Record, records

__all__ = ["card"]

_INTRODUCTION = """\
# Model card

Made by `python -m mimik.lab.card` from the records in `src/mimik/weights/`; a test holds the two together.

**What the networks are for.** They tell which of seven expressions a face shows: angry, disgust, fear, happy, sad,
surprise, neutral. They are made for live views, timelines and studies of groups, where a person judges the result.

**What they are not for.** They do not read feelings, honesty, health or fitness for a job, and must not be used at
work or in education except for medical or safety reasons; see [responsible use](responsible-use.md).

**Data.** FER-2013 (Goodfellow et al. 2013), Training split: 28,709 gray 48×48 faces from a web search, labelled by one
person each. FER+ votes (Barsoum et al. 2016): ten people for each of the same pictures. 1,518 groups of pictures are
identical to the pixel, 59 of them under different labels, and about 280 PublicTest pictures have a twin in Training:
hence *without twins* below. People agree with the labels about 65 times in 100.

**Split.** PublicTest was used to choose between finished models and to fit one temperature and two thresholds: its
figures are *selected on*. PrivateTest was not looked at.

**Known limits.** The web of 2013: posed and exaggerated faces, few children and old people, skin colours not counted
and not balanced. Disgust and fear are read worst. Gray pictures only. Real faces reach the network through detection
and alignment, which the figures below leave out.
"""


def card(shipped: Sequence[Record]) -> str:
    """The model card as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(record) for record in shipped)])


def _section(record: Record) -> str:
    measured = record.measured
    low, high = measured.interval
    rows = [
        ("file", f"`{record.file}`, SHA-256 `{record.sha256}`" if record.file else "not shipped: a baseline"),
        ("input", f"{record.side}×{record.side} gray, (pixel / 255 − {record.mean}) / {record.std}"),
        ("parameters", f"{record.parameters:,}"),
        ("multiply-adds a face", f"{record.multiply_adds / 1e6:.1f} million"),
        ("trained on", record.data),
        ("recipe", ", ".join(f"{key} {value}" for key, value in record.recipe.items())),
        ("epochs done", str(record.epochs)),
        ("measured on", f"{measured.split} ({measured.role}), {measured.faces:,} faces, {measured.view}"),
        ("accuracy", f"**{measured.accuracy:.2%}**, 95 % interval {low:.1%} to {high:.1%}"),
        ("accuracy without twins of Training", f"{measured.accuracy_without_twins:.2%}"),
        ("macro F1", f"{measured.macro_f1:.3f}"),
        ("F1 by class", ", ".join(f"{name} {value:.2f}" for name, value in measured.f1.items())),
        ("temperature", f"{record.temperature:.3f}"),
        ("negative log likelihood", f"{measured.nll:.3f} nats"),
        ("calibration error (cross-fitted, 15 bins)", f"{measured.ece:.3f}"),
        (
            "states of the FER-2013 head",
            f"sure from {record.thresholds.sure:.3f}, uncertain from {record.thresholds.uncertain:.3f}, "
            "withheld below: by the coverage–accuracy curve, sure readings are right 85 times in 100, "
            "withheld ones at most 33",
        ),
        ("licence", record.licence),
    ]
    if (shown := record.shown) is not None:
        least, most = shown.interval
        rows.insert(
            -1,
            (
                "what people are shown",
                f"the FER+ head without contempt: on {shown.faces:,} faces of {shown.split} on which most of ten "
                f"people agree, it says what they said on **{shown.agreement:.2%}** ({least:.1%} to {most:.1%}), the "
                f"FER-2013 head on {shown.agreement_of_fer:.2%}; temperature {shown.temperature:.3f}, sure from "
                f"{shown.thresholds.sure:.3f} (right 90 times in 100), uncertain from "
                f"{shown.thresholds.uncertain:.3f}, calibration error {shown.ece:.3f}, all fitted and measured there",
            ),
        )
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## `{record.name}`: {record.title}\n\n| | |\n|---|---|\n{table}\n"


if __name__ == "__main__":
    print(card(records()), end="")
