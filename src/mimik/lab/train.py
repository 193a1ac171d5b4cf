"""Train a network on FER-2013: one readable script behind ``mimik train CONFIG.toml``.

What a run leaves behind is described in `mimik.lab.runs`, what a recipe may say in `mimik.lab.recipe`. A run that was
cut goes on from its last whole epoch in the same data order: order, changes of the faces and dropout depend on the
recipe's seed and the epoch's number alone.
"""

import datetime
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR, ReduceLROnPlateau

from mimik.errors import ConfigError
from mimik.lab.augment import augment, mixed
from mimik.lab.consensus import foretold_labels
from mimik.lab.curves import draw_curves
from mimik.lab.data import SIDE, Faces, Progress
from mimik.lab.metrics import ferplus_labels
from mimik.lab.networks import choose_bf16, load_checkpoint, load_mean, load_network, load_shipped, normalise, predict
from mimik.lab.recipe import DistilRecipe, Recipe
from mimik.lab.runs import (
    Predictions,
    Row,
    Splits,
    commit,
    environment,
    prepare,
    read_facts,
    read_rows,
    write_facts,
    write_predictions,
    write_rows,
)
from mimik.lab.team import Team
from mimik.lab.zoo import NETWORKS
from mimik.lab.zoo.size import fused, multiply_adds
from mimik.weights import shipped

__all__ = ["Targets", "Teaching", "train"]

Targets = dict[str, Tensor]
"""What is to be learnt, ``(N, classes)`` shares each: ``fer``, ``ferplus``, and a teacher's of both."""

Teaching = Mapping[str, NDArray[np.float32]] | Callable[[Tensor, bool], Targets]
"""What teachers said of each training row once, or what they say of a batch of faces, in bf16 or not."""

Schedule = OneCycleLR | ReduceLROnPlateau | ConstantLR


def train(
    recipe: Recipe,
    splits: Splits,
    run: Path,
    *,
    config: str | None = None,
    resume: bool = False,
    teaching: Teaching | None = None,
    tell: Progress | None = None,
    note: Callable[[Row], None] | None = None,
    language: str = "en",
) -> Path:
    """Train, or go on with a run that was cut. Under ``torchrun`` every process calls this alike.

    Args:
        recipe: what to do.
        splits: what to learn from and what to be judged on.
        run: the run's folder; made where absent.
        config: the recipe's TOML text, kept in the folder; None: it is written anew.
        resume: go on with the run in the folder; a finished one is left as it is.
        teaching: teachers' softened shares a training row, ``teacher_fer`` of ``(N, 7)`` and perhaps
            ``teacher_ferplus`` of ``(N, 8)``, for a `DistilRecipe`; or what gives them for a batch of faces.
        tell: told after each step how many are done, of how many at most.
        note: told each epoch's metrics.
        language: of the words in figures.

    Returns:
        The file of the kept weights.

    Raises:
        ConfigError: the recipe does not fit the data, the folder or the number of processes, or the loss ran away.
    """
    with Team() as team:
        return _train(recipe, splits, run, team, config, resume, teaching or {}, tell, note, language)


def _train(
    recipe: Recipe,
    splits: Splits,
    run: Path,
    team: Team,
    config: str | None,
    resume: bool,
    teaching: Teaching,
    tell: Progress | None,
    note: Callable[[Row], None] | None,
    language: str,
) -> Path:
    steps = len(splits.training) // recipe.batch
    if not steps:
        raise ConfigError(
            "batch {batch} is more than the {faces} faces to learn from.",
            batch=recipe.batch,
            faces=len(splits.training),
        )
    if recipe.batch % team.size:
        raise ConfigError(
            "batch {batch} cannot be shared evenly by {count} processes.", batch=recipe.batch, count=team.size
        )
    torch.manual_seed(recipe.seed)
    network = NETWORKS[recipe.network]()
    _fits(recipe, network)
    if team.leads:
        prepare(run, recipe, config, resume=resume)
    checkpoint, weights = run / "checkpoint.pt", run / "weights.pt"
    there = team.leads and resume and checkpoint.exists()
    saved = team.same(load_checkpoint(checkpoint) if there else None)
    if recipe.start and saved is None:
        if recipe.start in shipped():
            load_shipped(network, str(recipe.start), splits.training.images)
        else:
            load_mean(network, [Path(file) for file in recipe.starts])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema)  # type: ignore[no-untyped-call]
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    optimiser, schedule = _optimiser(recipe, network, steps)
    state: dict[str, Any] = {"epoch": 0, "best": float("inf"), "waited": 0}
    if saved is not None:
        network.load_state_dict(saved["network"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        state |= saved["state"]
    if "bf16" not in state:
        cut = resume and team.leads and recipe.bf16 == "auto"  # in its first epoch
        begun = read_facts(run).get("precision") if cut else None
        chosen = begun == "bf16" if begun else choose_bf16(recipe, network, recipe.batch // team.size)
        state["bf16"] = team.same(chosen)
    targets = _targets(recipe, splits.training, {} if callable(teaching) else teaching)
    # Without votes and teachers, or weight, the second head learns nothing: it is not judged, shown or exported.
    ferplus = recipe.ferplus > 0 and (bool(splits.training.counts.any()) or "teacher_ferplus" in targets)
    model = team.joined(network, unused=not recipe.ferplus)
    rows = read_rows(run)[: state["epoch"]]
    facts = team.leads and _begin(recipe, splits, run, network, team, state, ferplus)
    writer = _writer(run, state["epoch"]) if team.leads else None
    for epoch in range(state["epoch"], recipe.last):
        if recipe.patience and state["waited"] >= recipe.patience:
            break
        started = time.perf_counter()
        torch.manual_seed(recipe.seed * 100_003 + epoch + 7_919 * team.rank)  # dropout, too, repeats
        model.train()
        rate, total, plain, hits = 0.0, 0.0, 0.0, 0.0
        for step, (faces, wanted) in enumerate(_batches(splits.training.images, targets, recipe, epoch, team)):
            if callable(teaching):
                wanted |= teaching(faces, state["bf16"])
            with torch.autocast("cpu", torch.bfloat16, enabled=state["bf16"]):
                outputs = model(faces)
            loss, own = _loss(outputs, wanted, recipe)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            rate = optimiser.param_groups[0]["lr"]
            optimiser.step()
            if recipe.ema:
                average.update_parameters(network)
            if isinstance(schedule, OneCycleLR):
                schedule.step()
            total += loss.item()
            plain += own.item()
            hits += (outputs[0].argmax(1) == wanted["fer"].argmax(1)).float().mean().item()
            if tell:
                tell(epoch * steps + step + 1, recipe.last * steps)
        total, plain, hits = team.mean([total / steps, plain / steps, hits / steps])
        if not math.isfinite(total):
            raise ConfigError(
                "{run}: the loss of epoch {epoch} is no number any more. Lower the rate, then begin anew.",
                run=run,
                epoch=epoch + 1,
            )
        judged = average.module if recipe.ema else network
        measured = team.same(_judge(judged, splits.validation, state["bf16"], ferplus) if team.leads else {})
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(measured["validation_loss"])
        better = measured["validation_loss"] < state["best"]
        state |= {
            "epoch": epoch + 1,
            "best": min(measured["validation_loss"], state["best"]),
            "waited": 0 if better else state["waited"] + 1,
        }
        row = {
            "epoch": epoch + 1,
            "rate": rate,
            "training_loss": plain,
            "training_accuracy": hits,
            **measured,
            "seconds": time.perf_counter() - started,
        }
        rows.append(row)
        if team.leads:
            if better or not (recipe.keep == "best" or (recipe.keep == "auto" and recipe.patience)):
                _save(judged.state_dict(), weights)
            write_rows(run, rows)
            # Last: a cut before it repeats the epoch, and writes the same again.
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
            draw_curves(rows, splits.name, run, language)
            if writer:
                for name in row.keys() - {"epoch"}:
                    writer.add_scalar(name.replace("_", "/", 1), row[name], epoch + 1)
                writer.flush()
            if note:
                note(row)
    if writer:
        writer.close()
    if facts:
        _finish(recipe, splits, run, facts, rows)
    team.same(None)  # nobody leaves before the weights are written
    return weights


def _fits(recipe: Recipe, network: nn.Module) -> None:
    """Make sure that the network takes faces of every size that the recipe gives it: dense layers on pixels do not."""
    side = min(recipe.sides)
    if side == SIDE:
        return
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 1, side, side))
    except RuntimeError as error:
        raise ConfigError(
            "sides: {network} takes faces of 48 pixels alone. Leave sides out, or name another network.",
            network=recipe.network,
        ) from error


def _begin(
    recipe: Recipe,
    splits: Splits,
    run: Path,
    network: nn.Module,
    team: Team,
    state: Mapping[str, Any],
    ferplus: bool,
) -> dict[str, Any]:
    """Write down where and of what the run is made; of a run that goes on, that it does."""
    facts, here = read_facts(run), environment(recipe, splits)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    if facts and state["epoch"]:
        before = facts["data"]
        if any(before[name] != here["data"][name] for name in ("sha256", "labels_sha256") if name in before):
            raise ConfigError("{run} was begun on other data. Give the data that it was begun on.", run=run)
        if not facts["finished"] or state["epoch"] < recipe.last:
            facts["resumed"] = [*facts["resumed"], {"epoch": state["epoch"], "commit": commit(), "time": now}]
    else:
        lean = fused(network)
        facts = here | {
            "parameters": sum(p.numel() for p in lean.parameters()),
            "multiply_adds": multiply_adds(lean),
            "ferplus": ferplus,
            "precision": "bf16" if state["bf16"] else "fp32",
            "processes": team.size,
            "threads": torch.get_num_threads(),
            "started": now,
            "resumed": [],
        }
        if state["epoch"]:  # begun by the first script, which wrote no such file
            facts |= {"commit": "unknown", "started": None}
            facts["resumed"] = [{"epoch": state["epoch"], "commit": commit(), "time": now}]
    facts |= {"recipe": recipe.model_dump(), "finished": False}
    write_facts(run, facts)
    return facts


def _finish(recipe: Recipe, splits: Splits, run: Path, facts: dict[str, Any], rows: list[Row]) -> None:
    """Read the validation rows with the kept weights, in fp32 and as it will run, and write down the outcome."""
    network = fused(load_network(recipe, run))
    fer, ferplus = predict(network, splits.validation.images)
    faces = splits.validation
    found = Predictions(
        fer=fer.numpy(),
        ferplus=None if ferplus is None else ferplus.numpy(),
        labels=faces.labels,
        ferplus_labels=ferplus_labels(faces.counts, "argmax"),
        rows=faces.rows,
        alone=~np.isin(faces.twins.astype(str), splits.training.twins.astype(str)),
        split=splits.name,
    )
    write_predictions(run, found)
    write_facts(run, facts | {"finished": True, "epochs": len(rows), "seconds": sum(row["seconds"] for row in rows)})


def _judge(network: nn.Module, faces: Faces, bf16: bool, second: bool) -> Row:
    fer, ferplus = predict(network, faces.images, bf16=bf16)
    targets = torch.from_numpy(faces.labels)
    measured = {
        "validation_loss": functional.cross_entropy(fer, targets).item(),
        "validation_accuracy": (fer.argmax(1) == targets).float().mean().item(),
    }
    wanted = ferplus_labels(faces.counts, "argmax")
    if second and ferplus is not None and (wanted >= 0).any():
        right = ferplus.argmax(1).numpy() == wanted
        measured["validation_ferplus_accuracy"] = float(right[wanted >= 0].mean())
    return measured


def _targets(recipe: Recipe, faces: Faces, teaching: Mapping[str, NDArray[np.float32]]) -> Targets:
    """Every row's targets; a row's weight is its class's, as a factor of its shares."""
    labels = torch.from_numpy(faces.labels)
    shares = functional.one_hot(labels, 7) * (1 - recipe.smoothing) + recipe.smoothing / 7
    if recipe.consensus:
        shares = torch.lerp(shares, torch.from_numpy(foretold_labels(faces)), recipe.consensus)
    many = torch.bincount(labels, minlength=7).clamp(min=1).float()
    weights = (many.sum() / many) ** recipe.class_weights
    weights = weights / weights[labels].mean()
    targets = {"fer": shares * weights[labels][:, None], "ferplus": torch.from_numpy(faces.votes)}
    return targets | {name: torch.from_numpy(values) for name, values in teaching.items()}


def _batches(
    pictures: NDArray[np.uint8], targets: Targets, recipe: Recipe, epoch: int, team: Team
) -> Iterator[tuple[Tensor, Targets]]:
    """The epoch's batches; their order depends on the seed and the epoch alone, so a resumed run repeats it.

    Processes that train together draw the same order and take their share of each batch; each draws its own changes.
    """
    generator = torch.Generator().manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(pictures), generator=generator)
    if team.rank:
        generator.manual_seed(recipe.seed * 100_003 + epoch + 7_919 * team.rank)
    images = torch.from_numpy(pictures)
    for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
        chosen = team.share(order[start : start + recipe.batch])
        batch = images[chosen][:, None] / 255
        wanted = {name: values[chosen] for name, values in targets.items()}
        if recipe.augment or recipe.erasing or recipe.degrade:
            batch = augment(
                batch,
                generator,
                recipe.augment,
                turn=recipe.turn,
                erasing=recipe.erasing,
                degrade=recipe.degrade,
            )
        if recipe.mixup:
            batch, wanted = mixed(batch, wanted, generator, recipe.mixup)
        if (side := recipe.side(epoch)) < batch.shape[-1]:
            batch = functional.interpolate(batch, (side, side), mode="bilinear", antialias=True, align_corners=False)
        yield normalise(batch), wanted


def _loss(outputs: tuple[Tensor, Tensor | None], targets: Targets, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """What is learnt from, and the FER-2013 head's part of it, which is comparable with the judged loss.

    The first is the cross-entropy of both heads with the labels, and, where teachers are, their divergence (Hinton et
    al. 2015); the second the first head's cross-entropy alone, with labels as smoothed and mixed.
    """
    heads = {"fer": outputs[0].float()}
    if outputs[1] is not None and recipe.ferplus:
        heads["ferplus"] = outputs[1].float()
    factor = {"fer": 1.0, "ferplus": recipe.ferplus}
    # Rows without votes have all-zero targets, which cost nothing.
    losses = [
        -factor[name] * (targets[name] * functional.log_softmax(logits, 1)).sum(1).mean()
        for name, logits in heads.items()
    ]
    own = losses[0].detach()
    if not isinstance(recipe, DistilRecipe):
        return torch.stack(losses).sum(), own
    warmth = recipe.temperature
    taught = [
        factor[name]
        * warmth**2
        * functional.kl_div(
            functional.log_softmax(logits / warmth, 1), targets[f"teacher_{name}"], reduction="batchmean"
        )
        for name, logits in heads.items()
        if f"teacher_{name}" in targets
    ]
    return (1 - recipe.weight) * torch.stack(losses).sum() + recipe.weight * torch.stack(taught).sum(), own


def _optimiser(recipe: Recipe, network: nn.Module, steps: int) -> tuple[torch.optim.Optimizer, Schedule]:
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    optimiser: torch.optim.Optimizer
    if recipe.optimiser == "adam":
        optimiser = torch.optim.Adam(network.parameters(), recipe.rate)
    elif recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(groups, recipe.rate)
    else:
        optimiser = torch.optim.SGD(groups, recipe.rate, momentum=0.9, nesterov=True)
    kind = recipe.schedule
    if kind == "auto":
        kind = "plateau" if recipe.optimiser == "adam" else "cosine"
    if kind == "plateau":
        return optimiser, ReduceLROnPlateau(
            optimiser, factor=recipe.plateau_factor, patience=recipe.plateau_patience, min_lr=1e-6
        )
    if kind == "constant":
        return optimiser, ConstantLR(optimiser, factor=1.0)
    total = recipe.epochs * steps
    # A rise of exactly one step would be a division by zero.
    rise = recipe.warmup if not math.isclose(recipe.warmup * total, 1) else recipe.warmup * 1.01
    return optimiser, OneCycleLR(
        optimiser,
        recipe.rate,
        total_steps=total,
        pct_start=rise,
        cycle_momentum=False,
        final_div_factor=1e4,
    )


def _writer(run: Path, epoch: int) -> Any:
    """What writes TensorBoard's files; lines of epochs that will be repeated are taken back."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run / "tensorboard"), purge_step=epoch + 1)


def _save(value: dict[str, Any], path: Path) -> None:
    """Write beside and rename, so that a cut leaves the last whole file."""
    beside = path.with_suffix(".part")
    torch.save(value, beside)
    beside.replace(path)
