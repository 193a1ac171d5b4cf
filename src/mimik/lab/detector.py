"""CenterFace in eight-bit whole numbers: ``python -m mimik.lab.detector FER.parquet``.

The ranges of its activations are taken from scenes that are made here: FER-2013 Training faces and the two bundled
portraits, near and far, bright and dark, before walls and noise. No picture of a detection benchmark is among them.
The shipped file was made from an earlier draw: its layers are the same, its ranges differ by up to 41 %.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mimik.detect.centerface import EIGHT_BITS, float_model
from mimik.lab.data import Faces, read_parquet
from mimik.lab.quantise import quantise
from mimik.sources import Demo
from mimik.types import Image

__all__ = ["scenes", "write_detector"]

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


def write_detector(pictures: Iterator[Image], file: Path) -> None:
    """Write CenterFace's weights and activations in eight bits, a scale a channel.

    Args:
        pictures: what the ranges of the activations are taken from; all of one size, a multiple of 32.
        file: where to.
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
        # Scales a channel are known from opset 13 on.
        onnx.save(onnx.version_converter.convert_version(model, 13), str(plain))
        quantise(
            plain,
            file,
            ({"input.1": cv2.dnn.blobFromImage(picture, swapRB=True)} for picture in pictures),
            "MinMax",
            op_types_to_quantize=["Conv", "Add", "Relu", "Clip"],
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 as parquet")
    parser.add_argument("-o", "--output", type=Path, default=EIGHT_BITS)
    options = parser.parse_args()
    write_detector(scenes(read_parquet(options.data)), options.output)
    from hashlib import sha256

    print(json.dumps({"file": options.output.name, "sha256": sha256(options.output.read_bytes()).hexdigest()}))
