"""docs/performance.md and its figure, written from a result: no figure in them is typed by hand."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["BEGIN", "END", "tables", "write_page"]

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_FIGURE = "performance.svg"
_COLOURS = {"mimik": "#D55E00", "opencv": "#B0B0B0", "pyav": "#B0B0B0"}

# What is aimed at on two cores, and in which direction.
_TARGETS = (
    "| measure | target | measured |\n|---|---|---|",
    "| one face, over the peer | ≥ 10 × | {one_over} |",
    "| one face, over decoding alone | ≥ 0.5 × | {one_decoding} |",
    "| five faces at 1280×720, frames/s | ≥ 60 | {five_fps} |",
    "| five faces, over the peer | ≥ 10 × | {five_over} |",
    "| live latency p50 / p95, 30 frames/s, one face | ≤ 25 / ≤ 40 ms | {live} |",
    "| network, one thread, a face alone (AVX2) | ≤ 1.5 ms | {alone} |",
    "| network, one thread, share of bare products | ≥ 50 % | {bare} |",
    "| start to first result | ≤ 1.0 s | {first} |",
    "| import | ≤ 0.3 s | {imported} |",
    "| peak memory, live | ≤ 300 MB | {memory} |",
    "| installed, all defaults | ≤ 1,000 MB | {size} |",
    "| two one-thread processes over one | ≥ 1.8 × | {two} |",
)


def write_page(result: Path, page: Path) -> None:
    """Put a result's tables between the page's marks, and its figure beside the page."""
    values = json.loads(result.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{page} lacks {BEGIN} or {END}")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    parts = [f"{BEGIN}\n", f"![End to end, beside the peers]({_FIGURE})\n", tables(values, result.name), f"{END}"]
    page.write_text(before + "\n".join(parts) + after, encoding="utf-8")
    page.with_name(_FIGURE).write_text(_figure(values), encoding="utf-8")


def tables(values: dict[str, Any], file: str) -> str:
    """A result as Markdown."""
    return "\n".join(
        (
            *_machine(values, file),
            *_targets(values),
            *_end_to_end(values),
            *_stages(values),
            *_live(values),
            *_network(values),
            *_limits(values),
            *_start(values),
            *_sizes(values),
            *_absent(values),
        )
    )


def _machine(values: dict[str, Any], file: str) -> Iterator[str]:
    machine = values["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    load = f"{machine['load'][0]} before, {machine['load_after'][0]} after" if machine["load"] else "unknown"
    yield f"Measured {values['date'][:10]} in {values['seconds']} s: `benchmarks/results/{file}`.\n"
    yield (
        f"{machine['processor']} ({machine['family']}), {machine['cores']} cores, "
        f"{', '.join(machine['instructions']) or 'no known instruction set'}, {machine['memory_mb'] / 1000:.0f} GB, "
        f"{machine['system']}, Python {machine['python']}, {versions}, commit {machine['commit']}. Load average {load}."
    )
    if values["beside"]:
        yield f"\n**Beside it:** {values['beside']}"


def _targets(values: dict[str, Any]) -> Iterator[str]:
    scenes, live, start = values["end_to_end"], values["live"].get("mimik"), values["start"].get("mimik", {})
    against, limits = values["against"], values["limits"]
    network = values["network"].get("mimik", {})
    alone = network.get("ms_a_face_1", {}).get("median")
    measured = {
        "one_over": _times(scenes["one"]["ratios"].get("mimik")),
        "one_decoding": _times(scenes["one"]["to_decoding"].get("mimik")),
        "five_fps": _number(scenes["five"]["peers"].get("mimik", {}).get("fps", {}).get("median")),
        "five_over": _times(scenes["five"]["ratios"].get("mimik")),
        "live": f"{live['latency_ms']['median']:.0f} / {live['latency_ms']['p95']:.0f} ms" if live else "–",
        "alone": f"{alone:.2f} ms" if alone else "–",
        "bare": f"{limits['bare_ms_a_face_1'] / alone:.0%}" if alone else "–",
        "first": _number(start.get("first_s", {}).get("median"), "{:.2f} s"),
        "imported": _number(start.get("import_s", {}).get("median"), "{:.2f} s"),
        "memory": _number(live["peak_mb"], "{:.0f} MB") if live else "–",
        "size": _number(values["size_mb"]["mimik"]["total"], "{:,.0f} MB"),
        "two": _times(values["scaling"]["ratio"]) if values["scaling"] else "–",
    }
    yield f"\n### Against the targets\n\nThe peer is {_title(values, against)}.\n"
    yield "\n".join(_TARGETS).format(**measured)


def _end_to_end(values: dict[str, Any]) -> Iterator[str]:
    for scene in values["end_to_end"].values():
        width, height = scene["size"]
        people = "one face" if scene["faces"] == 1 else f"{scene['faces']} faces"
        yield f"\n### File to rows, {people}, {width}×{height}\n"
        yield (
            "| | frames/s | p5–p95 | over the peer (95 % interval) | frames with a face | faces a frame |\n"
            "|---|---|---|---|---|---|"
        )
        for name, row in sorted(scene["peers"].items(), key=lambda item: -item[1]["fps"]["median"]):
            fps = row["fps"]
            found = ("–", "–")
            if row["faces_a_frame"]:
                found = (f"{row['frames_with_a_face']:.0%}", f"{row['faces_a_frame']:.2f}")
            over = "1" if name == values["against"] else _times(scene["ratios"].get(name))
            yield (
                f"| {_title(values, name)} | {_number(fps['median'])} | {_number(fps['p5'])}–{_number(fps['p95'])} | "
                f"{over} | {found[0]} | {found[1]} |"
            )


def _stages(values: dict[str, Any]) -> Iterator[str]:
    found = {name: scene for name, scene in values["stages"].items() if scene}
    if not found:
        return
    yield "\n### Where a frame's time goes\n\nMilliseconds a frame in `mimik analyze`, all peers idle.\n"
    titles = {"one": "one face, 640×352", "five": "five faces, 1280×720"}
    yield "| stage | " + " | ".join(titles[name] for name in found) + " |"
    yield "|---|" + "---|" * len(found)
    for stage in dict.fromkeys(stage for scene in found.values() for stage in scene["stages"]):
        cells = []
        for scene in found.values():
            took = scene["stages"].get(stage, 0.0)
            cells.append(f"{took:.2f} ({took / scene['ms_a_frame']:.0%})")
        yield f"| {stage} | " + " | ".join(cells) + " |"
    yield "| **together** | " + " | ".join(f"**{scene['ms_a_frame']:.1f}**" for scene in found.values()) + " |"


def _live(values: dict[str, Any]) -> Iterator[str]:
    yield "\n### Live: a camera of 30 frames a second, one face\n"
    yield "| | latency p50 | p95 | read a second | passed over | peak memory |\n|---|---|---|---|---|---|"
    for name, row in values["live"].items():
        latency = row["latency_ms"]
        yield (
            f"| {_title(values, name)} | {latency['median']:.0f} ms | {latency['p95']:.0f} ms | "
            f"{row['read_a_second']:.1f} | {row['dropped']:.0%} | {_number(row['peak_mb'], '{:.0f} MB')} |"
        )


def _network(values: dict[str, Any]) -> Iterator[str]:
    yield "\n### The network alone, one thread\n"
    yield "| | ms a face alone | p5–p95 | faces/s in batches of 32 |\n|---|---|---|---|"
    rows = values["network"]
    for name, row in sorted(rows.items(), key=lambda item: item[1].get("ms_a_face_1", {}).get("median", 1e9)):
        one = row.get("ms_a_face_1")
        if one is None:
            continue
        yield (
            f"| {_title(values, name)} | {one['median']:.2f} | {one['p5']:.2f}–{one['p95']:.2f} | "
            f"{_number(row.get('faces_a_second_32'))} |"
        )


def _limits(values: dict[str, Any]) -> Iterator[str]:
    limits = values["limits"]
    yield "\n### What the processor could do\n\nBillions of multiply-adds a second of a 1024³ product, ONNX Runtime:\n"
    yield "| | 1 thread | 2 threads |\n|---|---|---|"
    rates: dict[str, list[str]] = {}
    for rate in limits["matrix_products"]:
        text = f"{rate['gmac_s']:.0f}" if rate["gmac_s"] else rate["reason"]
        rates.setdefault(rate["type"], []).append(text)
    for kind, cells in rates.items():
        yield f"| {kind} | " + " | ".join(cells) + " |"
    fp32 = next(r["gmac_s"] for r in limits["matrix_products"] if r["type"] == "fp32" and r["threads"] == 1)
    least = limits["multiply_adds"] / fp32 / 1e6
    yield (
        f"\nThe network `{limits['network']}` takes {limits['multiply_adds'] / 1e6:.1f} million multiply-adds a face: "
        f"{least:.2f} ms at that fp32 rate on one thread. Its layers as bare products of their own sizes take "
        f"{limits['bare_ms_a_face_1']:.2f} ms for a face alone and {limits['bare_ms_a_face_32']:.2f} ms a face in "
        "batches of 32."
    )
    if scaling := values["scaling"]:
        yield (
            f"\nOne process of one thread reads {_number(scaling['one_fps']['median'])} frames/s of the one-face clip; "
            f"two, each on its core, {_number(scaling['two_fps']['median'])}: {_times(scaling['ratio'])}."
        )


def _start(values: dict[str, Any]) -> Iterator[str]:
    yield "\n### Start\n\nA new process, disk warm.\n"
    yield "| | start to first rows | import |\n|---|---|---|"
    for name, row in sorted(values["start"].items(), key=lambda item: item[1].get("first_s", {}).get("median", 1e9)):
        first, imported = (row.get(what, {}).get("median") for what in ("first_s", "import_s"))
        yield f"| {_title(values, name)} | {_number(first, '{:.2f} s')} | {_number(imported, '{:.2f} s')} |"


def _sizes(values: dict[str, Any]) -> Iterator[str]:
    yield "\n### Installed\n\n| | MB |\n|---|---|"
    for name, row in values["size_mb"].items():
        remark = f", {row['remark']}" if row.get("remark") else ""
        title = {"mimik": "Mimik and all that it asks for", "node": "face-api and human"}.get(name, name)
        yield f"| {title}{remark} | {row['total']:,.0f} |"
    parts = list(values["size_mb"]["mimik"]["parts"].items())
    largest = ", ".join(f"{name} {size:.0f}" for name, size in parts[:14])
    rest = sum(size for _, size in parts[14:])
    yield f"\nOf Mimik's: {largest}; {len(parts) - 14} others {rest:.0f}. Files only, without Python and pip."


def _absent(values: dict[str, Any]) -> Iterator[str]:
    lines = []
    for name, peer in values["peers"].items():
        if peer["absent"]:
            lines.append(f"- {_title(values, name)}: {peer['absent']}")
        lines += [f"- {_title(values, name)}, {what}: {why}" for what, why in peer["failed"].items()]
    if lines:
        yield "\n### What could not be measured\n"
        yield from lines


def _title(values: dict[str, Any], name: str) -> str:
    title = str(values["peers"].get(name, {}).get("title", name))
    return f"**{title}**" if name == "mimik" else title


def _times(found: dict[str, float] | None) -> str:
    if not found:
        return "–"
    return f"{_number(found['ratio'])} × ({_number(found['low'])}–{_number(found['high'])})"


def _number(value: float | None, form: str | None = None) -> str:
    if value is None:
        return "–"
    if form:
        return form.format(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _figure(values: dict[str, Any]) -> str:
    """Frames a second of every peer in both scenes, as bars."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "mimik", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        scenes: Sequence[dict[str, Any]] = list(values["end_to_end"].values())
        for place, scene in zip(figure.subplots(1, len(scenes)), scenes, strict=True):
            rows = sorted(scene["peers"].items(), key=lambda item: item[1]["fps"]["median"])
            medians = [row["fps"]["median"] for _, row in rows]
            errors = [[m - row["fps"]["p5"] for m, (_, row) in zip(medians, rows, strict=True)],
                      [row["fps"]["p95"] - m for m, (_, row) in zip(medians, rows, strict=True)]]  # fmt: skip
            colours = [_COLOURS.get(name, "#0072B2") for name, _ in rows]
            titles = [values["peers"][name]["title"].replace(", ", "\n", 1) for name, _ in rows]
            place.barh(titles, medians, xerr=errors, color=colours, ecolor="#444444")
            place.set_xscale("log")
            place.set_xlabel("frames/s, file to rows (logarithmic)")
            people = "one face" if scene["faces"] == 1 else f"{scene['faces']} faces"
            place.set_title(f"{people}, {scene['size'][0]}×{scene['size'][1]}")
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)
