"""What a training run does: the fields of its TOML file, checked before anything is read or trained.

``python -m mimik.lab.recipe docs/training.md`` writes the tables of fields into the documentation. Needs no torch.
"""

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mimik.errors import ConfigError

__all__ = [
    "AnyRecipe",
    "DistilRecipe",
    "HogRecipe",
    "NetworkName",
    "Recipe",
    "as_toml",
    "field_table",
    "parse_recipe",
    "read_recipe",
    "read_toml",
    "require_training",
    "write_tables",
]

NetworkName = Literal[
    "seed",
    "seed-5",
    "alexnet",
    "mini-xception",
    "vgg",
    "residual",
    "residual-deep",
    "residual-teacher",
    "student-tiny",
    "student",
    "student-accurate",
]
"""The networks of `mimik.lab.zoo`, named here so that a recipe can be checked without torch."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Base(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="Where chance starts.")
    folds: int = Field(
        default=0,
        ge=0,
        le=20,
        description="0: learn from all of Training, judged on PublicTest, without it on Validation, else Test. "
        "Else Training is cut into so many parts, identical pictures in one, and PublicTest stays unseen.",
    )
    fold: int = Field(default=0, ge=0, description="With `folds`: the part left out of training and judged on.")
    clean: bool = Field(
        default=False,
        description="Leave out of training what is of one gray or where the FER+ majority saw no face.",
    )

    @model_validator(mode="after")
    def _fold_exists(self) -> "_Base":
        if self.folds == 1 or (self.fold and self.fold >= self.folds):
            raise ValueError  # `parse_recipe` has the words
        return self


class Recipe(_Base):
    """A network and how it is trained."""

    network: NetworkName = Field(description="Which network of the zoo.")
    epochs: int = Field(ge=1, le=10_000, description="Passes over Training, at most.")
    start: str | tuple[str, ...] = Field(
        default="",
        description="Weights to begin from, `runs/NAME/weights.pt` say (from where the command is called), of the same "
        "network, or of a shallower residual one; of several, their mean (Wortsman et al. 2022); a shipped model's "
        "name, `default-fp16` say; empty: from chance.",
    )
    origin: str = Field(
        default="from scratch",
        description="What the start weights had learnt from before FER-2013; stands in the model's record.",
    )
    optimiser: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd", description="`sgd` with Nesterov momentum .9, `adam` (the seed's), or `adamw`."
    )
    schedule: Literal["auto", "cosine", "plateau", "constant"] = Field(
        default="auto",
        description="`cosine`: up over `warmup`, then down to zero. `plateau`: lowered when the validation loss "
        "stays. `auto`: plateau for adam, cosine for the others.",
    )
    rate: float = Field(default=0.1, gt=0, le=10, description="The highest learning rate.")
    warmup: float = Field(default=0.1, gt=0, lt=1, description="Share of all steps in which a cosine schedule rises.")
    plateau_patience: int = Field(
        default=3, ge=0, le=1000, description="Epochs without a lower validation loss before a plateau lowers the rate."
    )
    plateau_factor: float = Field(default=0.2, gt=0, lt=1, description="What a plateau multiplies the rate by.")
    patience: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Stop after so many epochs without a lower validation loss, and keep the best epoch's weights; "
        "0: never stop early.",
    )
    stop: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Stop after so many epochs, wherever the schedule then is; 0: at its end.",
    )
    keep: Literal["auto", "best", "last"] = Field(
        default="auto",
        description="Which epoch's weights are kept: of the lowest validation loss, or the last. `auto`: best with "
        "`patience`, else last.",
    )
    batch: int = Field(default=128, ge=2, le=65_536, description="Faces a step, over all processes together.")
    decay: float = Field(default=5e-4, ge=0, le=1, description="Weight decay of matrices, for sgd and adamw.")
    smoothing: float = Field(default=0.1, ge=0, lt=1, description="Label smoothing of the FER-2013 labels.")
    consensus: Share = Field(
        default=0.0,
        description="Share of the FER-2013 targets that is not the one label but how often such a face is labelled so, "
        "foretold from what the ten FER+ taggers said of it.",
    )
    ferplus: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Weight of the FER+ head's loss (cross-entropy with the ten taggers' shares) in networks that "
        "have it; 0 trains without it.",
    )
    class_weights: Share = Field(
        default=0.0, description="0: each face counts the same; 1: each expression does; between: between."
    )
    augment: Share = Field(
        default=1.0,
        description="How far faces are turned, scaled, shifted, relit at random; at 0 they are at most mirrored.",
    )
    turn: float = Field(default=15.0, ge=0, le=90, description="Widest random turn at `augment` 1, in degrees.")
    erasing: Share | None = Field(
        default=None,
        description="Share of faces with a rectangle covered by noise (Zhong et al. 2020); absent: half of `augment`.",
    )
    degrade: Share = Field(
        default=0.0, description="Share of faces made worse: blurred, dark and noisy, or of few pixels."
    )
    sides: tuple[Annotated[int, Field(ge=16, le=48)], ...] = Field(
        default=(48,),
        min_length=1,
        description="Side of the training faces in pixels, in equal parts of the epochs: `[32, 40, 48]` begins with "
        "small faces, which are quicker (Tan and Le 2021, progressive learning). Judged at 48 throughout.",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Two faces and their labels are mixed by a share drawn from Beta(mixup, mixup) "
        "(Zhang et al. 2018); 0: none.",
    )
    ema: float = Field(
        default=0.998,
        ge=0,
        lt=1,
        description="Decay, a step, of the averaged weights that are judged and kept; 0: the plain ones.",
    )
    bf16: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Multiply in bfloat16. `auto`: where the processor has AMX or AVX512-BF16 and a trial of both "
        "finds it faster.",
    )

    @property
    def starts(self) -> tuple[str, ...]:
        """What the weights begin from, one or several; none: from chance."""
        given = (self.start,) if isinstance(self.start, str) else self.start
        return tuple(filter(None, given))

    @property
    def last(self) -> int:
        """Epochs that are trained at most."""
        return min(self.stop, self.epochs) if self.stop else self.epochs

    def side(self, epoch: int) -> int:
        """Pixels along a side of the faces that an epoch, counted from 0, learns from."""
        return self.sides[epoch * len(self.sides) // self.epochs]


class DistilRecipe(Recipe):
    """A student that learns from teachers' readings beside the labels."""

    teachers: tuple[str, ...] = Field(
        min_length=1,
        description="Runs whose weights teach, `runs/a` say, and names of shipped models; with `teacher_folds`, runs "
        "or TOML files whose recipe is trained anew for each part.",
    )
    temperature: float = Field(default=3.0, gt=0, le=100, description="Softens readings (Hinton et al. 2015).")
    weight: Share = Field(default=0.7, description="Share of the teachers in the loss; the labels have the rest.")
    consistent: bool = Field(
        default=False,
        description="Teachers read every changed and mixed face just as the student sees it (Beyer et al. 2022), in "
        "place of each picture and its mirror image once. Costs their time in every step.",
    )
    teacher_folds: int = Field(
        default=0,
        ge=0,
        le=20,
        description="0: the given runs teach as they are. Else each teacher is trained on all but one of so many "
        "parts and reads the part it has not seen; identical pictures stay in one part.",
    )

    @field_validator("teacher_folds")
    @classmethod
    def _parts(cls, count: int, given: ValidationInfo) -> int:
        if count == 1:
            raise PydanticCustomError("parts", "one part leaves nothing to learn from; give 0 or at least 2")
        if count and given.data.get("consistent"):
            raise PydanticCustomError("parts", "teachers of parts read each face once; leave consistent out")
        return count


class HogRecipe(_Base):
    """Histograms of oriented gradients (Dalal and Triggs 2005) and a linear support-vector machine."""

    network: Literal["hog-svm"] = Field(description="`hog-svm`, trained by scikit-learn.")
    orientations: int = Field(default=9, ge=2, le=36, description="Directions of a histogram.")
    cell: Literal[4, 6, 8, 12] = Field(default=8, description="Side of a cell, in pixels.")
    block: int = Field(default=2, ge=1, le=4, description="Cells along a block's side, which are normalised together.")
    c: float = Field(default=0.02, gt=0, le=1000, description="How dear a face on the wrong side is.")
    balanced: bool = Field(default=False, description="Let each expression, not each face, count the same.")
    mirror: bool = Field(default=True, description="Learn from mirror images, too.")


AnyRecipe = Recipe | DistilRecipe | HogRecipe

_NOT_TOML = (
    "{path}: line {line}, column {column}: this is not TOML. A field stands as `name = value`, text in quotes, "
    "lists in brackets."
)
_NO_TOML = {
    "overwrite|twice|mutate": "{path}: line {line}, column {column}: this stands there twice. Leave one of them.",
    r"Unescaped '\\'|Invalid hex value": "{path}: line {line}, column {column}: a backslash in double quotes means "
    "something else. Write / for it, or put the text in 'single quotes'.",
}
"""Why `tomllib` cannot read a file, and what we say of it."""

_SAID = {
    "string_type": "it must be text, in quotes",
    "tuple_type": "it must be a list, in brackets",
    "too_short": "it needs at least one entry",
    "int_from_float": "it must be a whole number",
    "int_type": "it must be a whole number",
    "float_type": "it must be a number",
    "bool_type": "it must be true or false",
}
"""Kinds of pydantic's errors whose own words mean little to people who do not program."""


def require_training() -> None:
    """Make sure that networks can be trained here.

    Raises:
        ConfigError: torch or another package of the ``train`` extra is not installed.
    """
    try:
        import torch  # noqa: F401, I001  # first: without it, scikit-learn's own import may fail in other ways

        import sklearn  # noqa: F401
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "Training needs packages that are not installed ({detail}). Install them with "
            "`pip install 'mimik[train]'`.",
            detail=error,
        ) from error


def read_recipe(path: Path) -> AnyRecipe:
    """Read and check a run's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, lacks a field or has an unknown or impossible one.
    """
    return parse_recipe(read_toml(path), path)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's values.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Notepad's mark at the beginning is none of TOML's
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        line = place[1] if place else text.rstrip().count("\n") + 1  # or at the end
        column = place[2] if place else len(text.rstrip().rpartition("\n")[2]) + 1
        said = next((said for pattern, said in _NO_TOML.items() if re.search(pattern, str(error))), _NOT_TOML)
        raise ConfigError(said, path=path, line=line, column=column) from error
    except UnicodeDecodeError as error:
        raise ConfigError("{path}: not text in UTF-8. Save it again as UTF-8.", path=path) from error
    except FileNotFoundError as error:
        raise ConfigError("{path}: there is no such file.", path=path) from error
    except (OSError, RecursionError) as error:
        raise ConfigError("{path}: {detail}", path=path, detail=error) from error


def parse_recipe(values: Mapping[str, Any], path: Path) -> AnyRecipe:
    """Check a run's fields; `path` is named in errors.

    Raises:
        ConfigError: a field is missing, unknown or impossible.
    """
    kind: type[_Base] = Recipe
    if values.get("network") == "hog-svm":
        kind = HogRecipe
    elif "teachers" in values:
        kind = DistilRecipe
    try:
        recipe = kind.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors()
        # Of a field that may be of several kinds, an error inside a list says most.
        same = [each for each in found if each["loc"][:1] == found[0]["loc"][:1]]
        first = next((each for each in same if any(isinstance(part, int) for part in each["loc"])), found[0])
        field = ".".join(str(part) for place, part in enumerate(first["loc"]) if not place or isinstance(part, int))
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                "{path}: unknown field {field}. Fields: {fields}.",
                path=path,
                field=field,
                fields=", ".join(sorted(kind.model_fields)),
            ) from error
        if first["type"] == "missing":
            raise ConfigError("{path}: the field {field} is missing.", path=path, field=field) from error
        if field == "network":
            raise ConfigError(
                "{path}: network: {network} is none of {networks}.",
                path=path,
                network=values["network"],
                networks=", ".join((*get_args(NetworkName), "hog-svm")),
            ) from error
        if not field:  # the model's own check
            raise ConfigError(
                "{path}: folds must be 0 or at least 2, and fold must be below folds; the first is 0.", path=path
            ) from error
        if first["type"] == "literal_error":
            raise ConfigError(
                "{path}: {field} cannot be {value}; it is one of {options}.",
                path=path,
                field=field,
                value=repr(first["input"]),
                options=str(first["ctx"]["expected"]).replace(" or ", ", "),
            ) from error
        raise ConfigError(
            "{path}: {field} cannot be {value}: {detail}",
            path=path,
            field=field,
            value=repr(first.get("input")),
            detail=_SAID.get(first["type"], first["msg"]),
        ) from error
    assert isinstance(recipe, AnyRecipe)
    return recipe


def as_toml(recipe: AnyRecipe) -> str:
    """A recipe as the text of a TOML file: what must be given, and what differs from the defaults."""
    fields = recipe.model_dump(exclude_defaults=True)
    return "".join(f"{name} = {_toml(value)}\n" for name, value in sorted(fields.items(), key=_place))


def _place(field: tuple[str, Any]) -> tuple[bool, str]:
    return field[0] != "network", field[0]


def field_table(kind: type[BaseModel], *, beside: type[BaseModel] | None = None) -> str:
    """The fields of a recipe as a Markdown table, without those that `beside` has as well."""
    rows = ["| field | value | default | what it does |", "|---|---|---|---|"]
    properties = kind.model_json_schema()["properties"]
    order = sorted(kind.model_fields, key=lambda name: (not kind.model_fields[name].is_required(),))
    for name in order:
        field = kind.model_fields[name]
        if beside is not None and name in beside.model_fields and name != "network":
            continue
        default = "absent" if field.default is None else _toml(field.default)
        default = "must be given" if field.is_required() else f"`{default}`"
        rows.append(f"| `{name}` | {_domain(properties[name])} | {default} | {field.description} |")
    return "\n".join(rows)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list | tuple) else str(value)


def _domain(schema: dict[str, Any]) -> str:
    """What a field may be, in words."""
    if "anyOf" in schema:
        allowed = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(map(_domain, allowed))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema["type"] == "array":
        return f"list: {_domain(schema['items'])}"
    kinds = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    words = kinds[schema["type"]]
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in schema:
            words += f" {sign} {schema[key]:,}"
    return words


def write_tables(path: Path) -> str:
    """A documentation file's text with its tables of fields made anew, between their marks."""
    text = path.read_text(encoding="utf-8")
    for kind, beside in ((Recipe, None), (DistilRecipe, Recipe), (HogRecipe, None)):
        start, end = f"<!-- fields of {kind.__name__} -->\n", "<!-- end -->"
        before, found, rest = text.partition(start)
        assert found, f"{path}: {start}"
        text = before + start + field_table(kind, beside=beside) + "\n" + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_tables(Path(sys.argv[1])), encoding="utf-8")
