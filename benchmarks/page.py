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
_DISTURBED = 2.1
"""Two cores do no more than twice the work of one."""
_COLOURS = {"mimik": "#D55E00", "opencv": "#B0B0B0", "pyav": "#B0B0B0"}


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
            *_memory(values),
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
    turns = f", {values['rounds']} rounds"
    if "turn_s" in values:
        turns += f" with turns of some {values['turn_s']:g} s"
    yield f"Measured {values['date'][:10]} in {values['seconds']} s{turns}: `benchmarks/results/{file}`.\n"
    yield (
        f"{machine['processor']} ({machine['family']}), {machine['cores']} cores, "
        f"{', '.join(machine['instructions']) or 'no known instruction set'}, {machine['memory_mb'] / 1000:.0f} GB, "
        f"{machine['system']}, Python {machine['python']}, {versions}, commit {machine['commit']}. Load average {load}."
    )
    if values["beside"]:
        yield f"\n**Beside it:** {values['beside']}"


def _targets(values: dict[str, Any]) -> Iterator[str]:
    """What is aimed at on two cores, and what was reached."""
    yield f"\n### Against the targets\n\nThe peer is {_title(values, values['against'])}. Judged by medians.\n"
    yield "| measure | target | measured | met |\n|---|---|---|---|"
    for measure, target, measured, met in _rows(values):
        yield f"| {measure} | {target} | {measured} | {'–' if met is None else 'yes' if met else '**no**'} |"


_Row = tuple[str, str, str, bool | None]


def _rows(values: dict[str, Any]) -> Iterator[_Row]:
    one, five = (values["end_to_end"][name] for name in ("one", "five"))
    yield _least("one face, over the peer", 10, _ratio(one["ratios"]), "×")
    yield _least("one face, over decoding alone", 0.5, _ratio(one["to_decoding"]), "×")
    yield _least("five faces at 1280×720, frames/s", 60, five["peers"].get("mimik", {}).get("fps", {}).get("median"))
    yield _least("five faces, over the peer", 10, _ratio(five["ratios"]), "×")
    live = values["live"].get("mimik")
    latency = live and live["latency_ms"]
    yield _most("live latency p50, 30 frames/s, one face", 25, latency and latency["median"], "ms")
    yield _most("live latency p95", 40, latency and latency["p95"], "ms")
    if live and "late" in live:
        text = f"{live['late']} of {live['shown']}"
        yield "frames shown late because of inference", "0", text, live["late"] == 0
    yield from _network_rows(values)
    start = values["start"].get("mimik", {})
    yield _most("start to first result", 1.0, start.get("first_s", {}).get("median"), "s")
    yield _most("import", 0.3, start.get("import_s", {}).get("median"), "s")
    memory = values.get("memory")
    peaks = [found["peak_mb"] for found in (live, memory and memory["live"]) if found]
    yield _most("peak memory, live", 300, max(peaks, default=None), "MB")
    if memory:
        hours = memory["video"]["video_s"] / 3600
        growth = memory["video"]["growth_mb"]
        yield _most(f"memory growth over {hours:.2f} h of video, from minute 5", 5, growth, "MB")
    yield _most("installed, all defaults", 1000, values["size_mb"]["mimik"]["total"], "MB")
    two = _ratio(values["scaling"] or {}, "ratio")
    measure, target, text, met = _least("two one-thread processes over one", 1.8, two, "×")
    if two and two["low"] > _DISTURBED:
        text, met = f"{text}: the one was disturbed", None
    yield measure, target, text, met


def _network_rows(values: dict[str, Any]) -> Iterator[_Row]:
    network, limits = values["network"].get("mimik", {}), values["limits"]
    alone, batch = (network.get(name, {}).get("median") for name in ("ms_a_face_1", "ms_a_face_32"))
    amx = "amx_int8" in values["machine"]["instructions"]
    kind, missing = "with AMX", "" if amx else ", without AMX"
    for measure, target, value, form, met in (
        ("a face alone", "≤ 0.3 ms", alone, "{:.2f} ms", bool(alone and alone <= 0.3)),
        ("faces/s in batches", "≥ 8,000", 1000 / batch if batch else None, "{:,.0f}", bool(batch and batch <= 0.125)),
    ):
        text = _number(value, form) + missing
        yield f"network, one thread, {measure}", f"{target} {kind}", text, met if amx else None
    held = (values.get("held") or {}).get("ms_a_face_1", {}).get("median")
    if held is None and not {"avx512f", "amx_int8"} & set(values["machine"]["instructions"]):
        held = alone  # the processor ends with AVX2
    yield _most("network, one thread, a face alone, held to AVX2", 1.5, held, "ms")
    for what, own, bare in (
        ("a face alone", alone, limits["bare_ms_a_face_1"]),
        ("in batches of 32", batch, limits["bare_ms_a_face_32"]),
    ):
        text = f"{bare / own:.0%}" if own else "–"
        yield f"network, share of bare products, {what}", "≥ 50 %", text, bare / own >= 0.5 if own else None


def _most(measure: str, target: float, value: float | None, unit: str = "") -> _Row:
    if value is None:
        return measure, f"≤ {target:g} {unit}", "–", None
    return measure, f"≤ {target:,g} {unit}", f"{_number(value)} {unit}", value <= target


def _least(measure: str, target: float, value: float | dict[str, float] | None, unit: str = "") -> _Row:
    if value is None:
        return measure, f"≥ {target:g} {unit}".strip(), "–", None
    text, least = (_times(value), value["ratio"]) if isinstance(value, dict) else (_number(value), value)
    return measure, f"≥ {target:g} {unit}".strip(), text, least >= target


def _ratio(found: dict[str, Any], name: str = "mimik") -> dict[str, float] | None:
    return found.get(name)


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
    yield (
        "\n### Where a frame's time goes\n\nMilliseconds of processor time a frame in `mimik analyze`, summed over its "
        "threads and without waiting, which several\ncores spend at the same time. Each network runs in the thread "
        "that calls it, and one thread\nreads, beside those that decode. `detect` includes the colours that whole "
        "searches need; `write` is the spool, the table and\neverything between the stages.\n"
    )
    titles = {"one": "one face, 640×352", "five": "five faces, 1280×720"}
    yield "| stage | " + " | ".join(titles[name] for name in found) + " |"
    yield "|---|" + "---|" * len(found)
    for stage in dict.fromkeys(stage for scene in found.values() for stage in scene["stages"]):
        cells = []
        for scene in found.values():
            took = scene["stages"].get(stage, 0.0)
            cells.append(f"{took:.2f} ({took / scene['ms_a_frame']:.0%})")
        yield f"| {stage} | " + " | ".join(cells) + " |"
    yield "| **together** | " + " | ".join(f"**{scene['ms_a_frame']:.2f}**" for scene in found.values()) + " |"
    if all("elapsed_ms_a_frame" in scene for scene in found.values()):
        elapsed = (scene["elapsed_ms_a_frame"] for scene in found.values())
        yield "| elapsed, one thread that reads | " + " | ".join(f"{ms:.2f}" for ms in elapsed) + " |"


def _live(values: dict[str, Any]) -> Iterator[str]:
    yield "\n### Live: a camera of 30 frames a second, one face\n"
    yield "| | latency p50 | p95 | read a second | passed over | peak memory |\n|---|---|---|---|---|---|"
    for name, row in values["live"].items():
        latency = row["latency_ms"]
        yield (
            f"| {_title(values, name)} | {latency['median']:.0f} ms | {latency['p95']:.0f} ms | "
            f"{row['read_a_second']:.1f} | {row['dropped']:.0%} | {_number(row['peak_mb'], '{:.0f} MB')} |"
        )
    if after := values["live"].get("mimik", {}).get("shown_after_ms"):
        yield (
            f"\nMimik's pictures reach the screen {_number(after['median'])} ms after their capture (p95 "
            f"{_number(after['p95'])}), whatever the network is doing; late is what takes over 33 ms or is never shown."
        )


def _memory(values: dict[str, Any]) -> Iterator[str]:
    if not (memory := values.get("memory")):
        return
    video, live = memory["video"], memory["live"]
    yield "\n### Memory over time\n\nResident megabytes of Mimik's process, medians of a minute of video each.\n"
    times = [number for number, time_s in enumerate(video["times_s"]) if time_s % 600 == 0 or time_s == 300]
    times = sorted({*times, len(video["times_s"]) - 1})
    yield "| minute of the video | " + " | ".join(f"{video['times_s'][n] / 60:.0f}" for n in times) + " |"
    yield "|---|" + "---|" * len(times)
    yield "| MB | " + " | ".join(f"{video['mb'][n]:.0f}" for n in times) + " |"
    yield (
        f"\n{video['video_s'] / 60:.0f} minutes of one-face video ({video['frames']:,} frames) in "
        f"{video['seconds']:.0f} s: {video['growth_mb']:+.1f} MB from minute 5 to the end, peak "
        f"{video['peak_mb']:.0f} MB. "
        f"{live['seconds']:.0f} s live: {live['growth_mb']:+.1f} MB after the first 5 s; "
        f"{live['late']} of {live['shown']} frames shown late."
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
    yield (
        "\n### What the processor could do\n\nBillions of multiply-adds a second of a 1024³ product; fp32 and int8 in "
        "ONNX Runtime, bf16 in torch.\n"
    )
    yield "| | 1 thread | 2 threads |\n|---|---|---|"
    rates: dict[str, list[str]] = {}
    for rate in limits["matrix_products"]:
        text = f"{rate['gmac_s']:.0f}" if rate["gmac_s"] else rate["reason"]
        rates.setdefault(rate["type"], []).append(text)
    for kind, cells in rates.items():
        yield f"| {kind} | " + " | ".join(cells) + " |"
    fp32, int8 = (
        next(rate["gmac_s"] for rate in limits["matrix_products"] if rate["type"] == kind and rate["threads"] == 1)
        for kind in ("fp32", "int8")
    )
    eight = limits.get("multiply_adds_int8", 0)
    least = (eight / int8 + (limits["multiply_adds"] - eight) / fp32) / 1e6
    yield (
        f"\nThe network `{limits['network']}` takes {limits['multiply_adds'] / 1e6:.1f} million multiply-adds a face, "
        f"{eight / limits['multiply_adds']:.0%} of them in int8: {least:.2f} ms at those rates on one thread. Its "
        f"layers as bare products of their own sizes and numbers take {limits['bare_ms_a_face_1']:.2f} ms for a face "
        f"alone and {limits['bare_ms_a_face_32']:.2f} ms a face in batches of 32."
    )
    if held := values.get("held"):
        yield (
            f"\nHeld to AVX2 (`benchmarks/held.py`), the network takes {held['ms_a_face_1']['median']:.2f} ms for a "
            f"face alone and {held['ms_a_face_32']['median']:.2f} ms a face in batches of 32, one thread."
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
