"""Train a network on FER-2013: one readable script, run as ``python -m mimik.lab.train CONFIG.toml``.

A run lives in ``runs/NAME/``: its configuration, one line of metrics an epoch, a checkpoint after each epoch (a run
that was cut goes on from there by itself, in the same data order) and the best weights.
"""

import argparse
import csv
import dataclasses
import os
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mimik.errors import ConfigError
from mimik.lab.augment import augment
from mimik.lab.data import Faces, read_parquet
from mimik.lab.zoo import NETWORKS

__all__ = ["Config", "main", "predict", "read_config", "train"]

MEAN, STD = 0.507, 0.255
"""Mean and standard deviation of FER-2013's Training pixels in 0–1; written into the model record."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a run does. Every field can stand in the TOML file; `network` and `epochs` must.

    Attributes:
        network: a name of `mimik.lab.zoo.NETWORKS`.
        epochs: passes over Training, at most.
        optimiser: ``sgd`` (Nesterov, cosine schedule with warm-up) or ``adam`` (plateau schedule, the seed's).
        rate: the highest learning rate.
        batch: faces a step.
        decay: weight decay of the convolution and dense weights.
        smoothing: label smoothing of the FER-2013 labels.
        ferplus: weight of the FER+ head's loss; 0 trains without it.
        augment: how strongly to change the faces at random, 0 (not at all) to 1.
        ema: decay of the averaged weights a step; 0 keeps the plain ones.
        patience: stop after so many epochs without a lower PublicTest loss; 0 never stops early.
        seed: where chance starts.
        start: weights to begin from, ``runs/NAME/weights.pt`` say; empty begins from chance.
    """

    network: str
    epochs: int
    optimiser: Literal["sgd", "adam"] = "sgd"
    rate: float = 0.1
    batch: int = 128
    decay: float = 5e-4
    smoothing: float = 0.1
    ferplus: float = 1.0
    augment: float = 1.0
    ema: float = 0.998
    patience: int = 0
    seed: int = 1
    start: str = ""


def read_config(path: Path) -> Config:
    """Read and check a run's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, lacks a field or has an unknown or impossible one.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("{path}: {detail}", path=path, detail=error) from error
    fields = {field.name for field in dataclasses.fields(Config)}
    for name in values:
        if name not in fields:
            raise ConfigError(
                "{path}: unknown field {field}. Fields: {fields}.",
                path=path,
                field=name,
                fields=", ".join(sorted(fields)),
            )
    try:
        config = Config(**values)
    except TypeError as error:
        raise ConfigError("{path}: {detail}", path=path, detail=error) from error
    if config.network not in NETWORKS:
        raise ConfigError(
            "{path}: network: {network} is none of {networks}.",
            path=path,
            network=config.network,
            networks=", ".join(NETWORKS),
        )
    if config.optimiser not in ("sgd", "adam"):
        raise ConfigError("{path}: optimiser: {name} is neither sgd nor adam.", path=path, name=config.optimiser)
    if config.epochs < 1 or config.batch < 2 or config.rate <= 0:
        raise ConfigError("{path}: epochs must be at least 1, batch at least 2 and rate above 0.", path=path)
    return config


def train(config: Config, data: Path, run: Path) -> Path:
    """Train, or go on with a run that was cut.

    Args:
        config: what to do.
        data: the FER-2013 parquet file.
        run: the run's folder; made where absent.

    Returns:
        The file of the run's final weights.
    """
    run.mkdir(parents=True, exist_ok=True)
    training, validation = read_parquet(data, "Training"), read_parquet(data, "PublicTest")
    torch.manual_seed(config.seed)
    network = NETWORKS[config.network]()
    if config.start:
        network.load_state_dict(torch.load(config.start, weights_only=True))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    steps = len(training) // config.batch
    optimiser, schedule = _optimiser(config, network, steps)
    state: dict[str, Any] = {"epoch": 0, "best": float("inf"), "waited": 0}
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        state = saved["state"]
    weights = run / "weights.pt"
    for epoch in range(state["epoch"], config.epochs):
        if config.patience and state["waited"] >= config.patience:
            break
        started = time.perf_counter()
        torch.manual_seed(config.seed * 100_003 + epoch)  # dropout, too, repeats in a resumed run
        network.train()
        total = 0.0
        for faces, labels, votes in _batches(training, config, epoch):
            loss = _loss(network(faces), labels, votes, config)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
            if config.ema:
                average.update_parameters(network)
            if isinstance(schedule, torch.optim.lr_scheduler.OneCycleLR):
                schedule.step()
            total += loss.item()
        judged = average.module if config.ema else network
        logits, _ = predict(judged, validation.images)
        targets = torch.from_numpy(validation.labels)
        validation_loss = functional.cross_entropy(logits, targets).item()
        accuracy = (logits.argmax(1) == targets).float().mean().item()
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(validation_loss)
        better = validation_loss < state["best"]
        state = {
            "epoch": epoch + 1,
            "best": min(validation_loss, state["best"]),
            "waited": 0 if better else state["waited"] + 1,
        }
        if better or not config.patience:
            torch.save(judged.state_dict(), weights)
        _save(
            {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "state": state,
            },
            checkpoint,
        )
        _record(
            run / "metrics.csv",
            {
                "epoch": epoch + 1,
                "rate": optimiser.param_groups[0]["lr"],
                "training_loss": total / steps,
                "publictest_loss": validation_loss,
                "publictest_accuracy": accuracy,
                "seconds": time.perf_counter() - started,
            },
        )
    return weights


def predict(network: nn.Module, images: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[Tensor, Tensor | None]:
    """Logits of both heads for ``(N, 48, 48)`` gray pictures, one view each."""
    network.eval()
    fer, ferplus = [], []
    with torch.inference_mode():
        for start in range(0, len(images), 256):
            first, second = network(_normalise(torch.from_numpy(images[start : start + 256])[:, None] / 255))
            fer.append(first)
            if second is not None:
                ferplus.append(second)
    return torch.cat(fer), torch.cat(ferplus) if ferplus else None


def _normalise(faces: Tensor) -> Tensor:
    return ((faces - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def _batches(faces: Faces, config: Config, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The epoch's batches; their order depends on the seed and the epoch alone, so a resumed run repeats it."""
    generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
    order = torch.randperm(len(faces), generator=generator)
    images, labels, votes = (torch.from_numpy(part) for part in (faces.images, faces.labels, faces.votes))
    for start in range(0, len(order) - config.batch + 1, config.batch):
        chosen = order[start : start + config.batch]
        batch = images[chosen][:, None] / 255
        if config.augment:
            batch = augment(batch, generator, config.augment)
        yield _normalise(batch), labels[chosen], votes[chosen]


def _loss(outputs: tuple[Tensor, Tensor | None], labels: Tensor, votes: Tensor, config: Config) -> Tensor:
    fer, ferplus = outputs
    loss = functional.cross_entropy(fer, labels, label_smoothing=config.smoothing)
    if ferplus is not None and config.ferplus:
        # Rows without votes have all-zero targets, which cost nothing.
        loss = loss - config.ferplus * (votes * functional.log_softmax(ferplus, 1)).sum(1).mean()
    return loss


def _optimiser(
    config: Config, network: nn.Module, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.OneCycleLR | torch.optim.lr_scheduler.ReduceLROnPlateau]:
    if config.optimiser == "adam":
        adam = torch.optim.Adam(network.parameters(), config.rate)
        return adam, torch.optim.lr_scheduler.ReduceLROnPlateau(adam, factor=0.2, patience=3, min_lr=1e-6)
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    sgd = torch.optim.SGD(
        [{"params": matrices, "weight_decay": config.decay}, {"params": others, "weight_decay": 0.0}],
        config.rate,
        momentum=0.9,
        nesterov=True,
    )
    return sgd, torch.optim.lr_scheduler.OneCycleLR(
        sgd, config.rate, total_steps=config.epochs * steps, pct_start=0.1, cycle_momentum=False, final_div_factor=1e4
    )


def _save(value: dict[str, Any], path: Path) -> None:
    """Write beside and rename, so that a cut leaves the last whole checkpoint."""
    beside = path.with_suffix(".part")
    torch.save(value, beside)
    beside.replace(path)


def _record(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
    print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a TOML file, such as configs/default.toml")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("MIMIK_FER2013"), help="FER-2013 parquet file [MIMIK_FER2013]"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs [runs]")
    options = parser.parse_args()
    if options.data is None:
        parser.error("no data: give --data FILE or set MIMIK_FER2013")
    print(train(read_config(options.config), options.data, options.runs / options.config.stem))
    return 0


if __name__ == "__main__":
    sys.exit(main())
