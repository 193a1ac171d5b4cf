"""Write the model card: ``python -m mimik.lab.card > docs/model-card.md``, in the folder that holds ``docs``.

It is made from the shipped records and from the evaluations in ``docs/evaluations`` (`mimik.lab.table`).
"""

from collections.abc import Sequence
from pathlib import Path

from mimik.lab.corruptions import CORRUPTIONS
from mimik.lab.table import Evaluation, read_evaluations
from mimik.weights import Record, records

__all__ = ["card"]

_INTRODUCTION = """\
# Model card

Made by `python -m mimik.lab.card` from the records in `src/mimik/weights/` and from what `mimik evaluate --json`
measured of each model, kept in `docs/evaluations/`; a test holds them together.

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


def card(shipped: Sequence[Record], evaluations: Sequence[Evaluation]) -> str:
    """The model card as Markdown.

    Args:
        shipped: the models, in the order of their sections.
        evaluations: what `mimik evaluate --json` measured; those of several networks together are left out.
    """
    evaluated = {each["model"]: each for each in evaluations}
    return "\n".join([_INTRODUCTION, *(_section(record, evaluated.get(record.name)) for record in shipped)])


def _section(record: Record, evaluation: Evaluation | None) -> str:
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
        ("trained by", f"commit `{record.commit}`{_begun_from(record)}"),
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
    if evaluation is not None:
        rows[-1:-1] = _evaluated(record, evaluation)
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    section = f"## `{record.name}`: {record.title}\n\n| | |\n|---|---|\n{table}\n"
    return section if evaluation is None or not evaluation["corruptions"] else section + _worse(record, evaluation)


def _begun_from(record: Record) -> str:
    """Names in a recipe come to mean other weights; digests do not."""
    named = ", ".join(f"{name} `{digest}`" for name, digest in record.weights.items())
    return f"; weights begun from and taught by, SHA-256: {named}" if named else ""


def _evaluated(record: Record, each: Evaluation) -> list[tuple[str, str]]:
    """What the evaluation measured beside the record's figures."""
    where, mirrored = _where(record, each), each["tta"]
    ferplus = with_mirror = "not measured"
    if each["ferplus_accuracy"] is not None:
        low, high = each["ferplus_interval"]
        ferplus = (
            f"**{each['ferplus_accuracy']:.2%}**, 95 % interval {low:.1%} to {high:.1%}, on {each['ferplus_faces']:,} "
            f"faces of {where}: eight classes, single view, {each['ferplus_protocols']['argmax']['rule']}"
        )
    elif each["clear_majority"] is not None:  # there were votes to measure it by
        ferplus = "none: the network has no FER+ head"
    if mirrored is not None:
        low, high = mirrored["interval"]
        with_mirror = (
            f"{mirrored['accuracy']:.2%}, 95 % interval {low:.1%} to {high:.1%}, macro F1 {mirrored['macro_f1']:.3f}, "
            f"negative log likelihood {mirrored['nll']:.3f} nats, calibration error {mirrored['ece']:.3f}"
        )
        if mirrored["ferplus_accuracy"] is not None:
            with_mirror += f", FER+ (plain argmax) {mirrored['ferplus_accuracy']:.2%}"
        with_mirror += f"; {where}"
    remark = "" if record.file else " as ONNX in fp32, which is not shipped"
    return [
        ("FER+ accuracy", ferplus),
        ("accuracy with the mirror image (mean of both)", with_mirror),
        (
            f"calibration by `mimik evaluate` (not cross-fitted, {each['ece_bins']} bins)",
            f"calibration error {each['ece']:.3f}, negative log likelihood {each['nll']:.3f} nats at temperature "
            f"{each['temperature']:.3f}; {where}",
        ),
        ("bytes of the file", f"{each['bytes']:,}{remark}"),
        ("time a face", f"{each['ms_a_face']:.2f} ms: {each['ms_a_face_how']}; {each['machine']}"),
    ]


def _worse(record: Record, each: Evaluation) -> str:
    """A table of spoilt pictures, a row a way of spoiling."""
    measured = [("as they are", each), *((one.title, each["corruptions"][one.name]) for one in CORRUPTIONS)]
    lines = [
        f"| {title} | {found['accuracy']:.2%} | {found['interval'][0]:.1%} to {found['interval'][1]:.1%} |"
        for title, found in measured
    ]
    return (
        f"\nOn worse pictures, every one of the {each['faces']:,} faces of {_where(record, each)} spoilt one way:\n\n"
        "| pictures | accuracy | 95 % interval |\n|---|---:|---:|\n" + "\n".join(lines) + "\n"
    )


def _where(record: Record, each: Evaluation) -> str:
    """The split and what it was used for besides."""
    same = each["split"] == record.measured.split
    return f"{each['split']} ({record.measured.role.partition(';')[0]})" if same else str(each["split"])


if __name__ == "__main__":
    print(card(records(), read_evaluations(Path("docs", "evaluations"))), end="")
