"""Turn a trained run into a shipped model: ``python -m mimik.lab.export runs/default --title "…"``.

Writes the ONNX file, checks it against the trained network, measures it on PublicTest through the same code that
reads faces live, calibrates it and writes its record.
"""

import argparse
import dataclasses
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mimik.classify import OnnxClassifier, softmax
from mimik.lab.calibration import (
    cross_fitted_ece,
    f1_scores,
    fit_temperature,
    negative_log_likelihood,
    thresholds,
    wilson_interval,
)
from mimik.lab.data import SIDE, read_parquet
from mimik.lab.train import MEAN, STD, predict, read_config
from mimik.lab.zoo import NETWORKS
from mimik.types import Emotion, Thresholds
from mimik.weights import Measured, Record, write_record

__all__ = ["export", "main", "multiply_adds"]

LICENCE = (
    "Weights: MIT, like the code. Training data: FER-2013 was gathered by a web search for a 2013 challenge and is "
    "used in research; the rights in its pictures are not cleared. FER+ votes: MIT (Microsoft)."
)


def export(run: Path, config: Path, data: Path, folder: Path, title: str, *, ship: bool = True) -> Record:
    """Export a run and measure it.

    Args:
        run: the run's folder, with ``weights.pt`` and ``metrics.csv``.
        config: the run's TOML file.
        data: the FER-2013 parquet file.
        folder: where the record and the ONNX file go.
        title: what the model is, in a line.
        ship: keep the ONNX file; without it the record alone is written.
    """
    recipe = read_config(config)
    network = NETWORKS[recipe.network]()
    network.load_state_dict(torch.load(run / "weights.pt", weights_only=True))
    network.eval()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{config.stem}.onnx"
        _write_onnx(network, file)
        record = Record(
            name=config.stem,
            title=title,
            file=file.name if ship else None,
            sha256=hashlib.sha256(file.read_bytes()).hexdigest() if ship else None,
            licence=LICENCE,
            data="FER-2013 Training (28,709 faces)"
            + (" with FER+ votes as a second head" if recipe.ferplus else "")
            + ", from scratch",
            recipe=dataclasses.asdict(recipe),
            commit=_commit(),
            epochs=len((run / "metrics.csv").read_text().splitlines()) - 1,
            side=SIDE,
            mean=MEAN,
            std=STD,
            labels=tuple(Emotion),
            parameters=sum(p.numel() for p in network.parameters()),
            multiply_adds=multiply_adds(network),
            temperature=1.0,
            thresholds=Thresholds(sure=1.0, uncertain=0.0),
            measured=Measured("", "", 0, "", 0, (0, 0), 0, 0, {}, 0, 0),
        )
        record = _measure(record, file, network, data)
        folder.mkdir(parents=True, exist_ok=True)
        if ship:
            (folder / file.name).write_bytes(file.read_bytes())
    write_record(record, folder / f"{record.name}.json")
    return record


def _measure(record: Record, file: Path, network: nn.Module, data: Path) -> Record:
    """Calibrate and measure on PublicTest, through ONNX Runtime."""
    faces, training = read_parquet(data, "PublicTest"), read_parquet(data, "Training")
    classifier = OnnxClassifier(record, file)
    logits = np.concatenate([classifier.logits(list(faces.images[i : i + 256])) for i in range(0, len(faces), 256)])
    difference = float(np.abs(logits - predict(network, faces.images)[0].numpy()).max())
    if difference > 1e-3:
        raise RuntimeError(f"the exported network differs from the trained one by {difference}")
    temperature = fit_temperature(logits, faces.labels)
    right = logits.argmax(1) == faces.labels
    alone = ~np.isin(faces.twins.astype(str), training.twins.astype(str))
    f1 = f1_scores(logits.argmax(1), faces.labels)
    measured = Measured(
        split="PublicTest",
        role="selected on; temperature and thresholds fitted on",
        faces=len(faces),
        view="single view, the 48×48 picture fed straight, FER-2013 labels",
        accuracy=float(right.mean()),
        interval=wilson_interval(int(right.sum()), len(right)),
        accuracy_without_twins=float(right[alone].mean()),
        macro_f1=float(np.mean(f1)),
        f1=dict(zip((str(emotion) for emotion in Emotion), f1, strict=True)),
        nll=negative_log_likelihood(logits, faces.labels, temperature),
        ece=cross_fitted_ece(logits, faces.labels, faces.twins),
    )
    return dataclasses.replace(
        record,
        temperature=temperature,
        thresholds=thresholds(softmax(logits / temperature), faces.labels),
        measured=measured,
    )


def _write_onnx(network: nn.Module, file: Path) -> None:
    plain = torch.zeros(2, 1, SIDE, SIDE)
    names = ["fer"] if network(plain)[1] is None else ["fer", "ferplus"]
    torch.onnx.export(
        network,
        (plain,),
        str(file),
        dynamo=False,
        input_names=["faces"],
        output_names=names,
        dynamic_axes={name: {0: "n"} for name in ("faces", *names)},
    )


def multiply_adds(network: nn.Module) -> int:
    """Multiply-adds of the convolutions and dense layers for one face."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        total += output.numel() // output.shape[1] * weight.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.inference_mode():
        network(torch.zeros(1, 1, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    return total


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return found.stdout.strip() or "unknown"


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder, such as runs/default")
    parser.add_argument("--config", type=Path, help="the run's TOML file [configs/RUN.toml]")
    parser.add_argument("--data", type=Path, default=os.environ.get("MIMIK_FER2013"), help="FER-2013 parquet file")
    parser.add_argument("--output", type=Path, default=Path("src/mimik/weights"), help="folder of the record")
    parser.add_argument("--title", required=True, help="what the model is, in a line")
    parser.add_argument("--record-only", action="store_true", help="write the record but not the network")
    options = parser.parse_args()
    if options.data is None:
        parser.error("no data: give --data FILE or set MIMIK_FER2013")
    config = options.config or Path("configs") / f"{options.run.name}.toml"
    record = export(options.run, config, options.data, options.output, options.title, ship=not options.record_only)
    print(record.measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
