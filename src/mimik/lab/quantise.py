"""Networks as ONNX files: written from torch, stored in half the bytes, or run in eight-bit whole numbers."""

import contextlib
import io
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mimik.lab.data import SIDE
from mimik.lab.networks import MEAN, STD

__all__ = ["CALIBRATION", "quantise", "write_fp16", "write_fp32", "write_int8"]

CALIBRATION = 512
"""Training pictures that the ranges of int8 are taken from."""


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Around ONNX Runtime's quantisation, which prints, and warns by the root logger of a preparation that was done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)


def write_fp32(network: nn.Module, file: Path) -> None:
    """Write a network in evaluation: input ``faces``, outputs ``fer`` and, where it has the head, ``ferplus``."""
    plain = torch.zeros(2, 1, SIDE, SIDE)
    names = ["fer"] if network(plain)[1] is None else ["fer", "ferplus"]
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript and fixes the batch's size in some networks.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        torch.onnx.export(
            network,
            (plain,),
            str(file),
            dynamo=False,
            input_names=["faces"],
            output_names=names,
            dynamic_axes={name: {0: "n"} for name in ("faces", *names)},
        )


def write_fp16(source: Path, file: Path) -> None:
    """Store an ONNX file's larger tables of numbers as fp16, to be turned into fp32 when it is loaded.

    It runs as before, in fp32; only the rounding of the stored numbers differs.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(source))
    graph = model.graph
    casts, kept = [], []
    for table in graph.initializer:
        values = numpy_helper.to_array(table)
        if values.dtype != np.float32 or values.size < 256:
            kept.append(table)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), f"{table.name}.fp16"))
        casts.append(onnx.helper.make_node("Cast", [f"{table.name}.fp16"], [table.name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def write_int8(source: Path, file: Path, pictures: NDArray[np.uint8]) -> None:
    """Write an ONNX file that multiplies in int8, a scale a channel.

    Args:
        source: the network in fp32.
        file: where to.
        pictures: ``(N, 48, 48)`` training pictures that the ranges are taken from.
    """
    size = math.gcd(len(pictures), 64)  # batches must be of one size
    batches = (pictures[start : start + size, None].astype(np.float32) for start in range(0, len(pictures), size))
    quantise(
        source,
        file,
        ({"faces": ((faces / 255 - MEAN) / STD).astype(np.float32)} for faces in batches),
        # Of the percentiles, by their divergence from fp32 on 2,048 Training faces that the ranges are not taken from:
        # 99.9 4.4e-3, 99.99 6.6e-4, 99.999 4.0e-4, the very smallest and largest values 4.8e-4.
        "Percentile",
        spare=_spared,
        extra_options={"CalibPercentile": 99.999},
    )


def quantise(
    source: Path,
    file: Path,
    fed: Iterator[dict[str, NDArray[Any]]],
    ranges: str,
    *,
    spare: Callable[[Path], list[str]] = lambda prepared: [],
    **options: Any,
) -> None:
    """Write an ONNX file that multiplies in eight bits, a scale a channel: a face network or a detector.

    Args:
        source: the network in fp32.
        file: where to.
        fed: what it is given, by input, for the ranges to be taken from.
        ranges: how they are taken, a name of ONNX Runtime's ``CalibrationMethod``.
        spare: names what stays in fp32, given the file that is about to be turned.
        options: of ONNX Runtime's ``quantize_static``, besides.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime has no types
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(fed, None)

    with _quietly(), tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(file),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=spare(prepared),
            # Seven-bit weights: processors without VNNI add pairs of products in 16 bits, which overflow otherwise
            # (on the first shipped network: 64.9 % for 68.7).
            reduce_range=True,
            calibrate_method=CalibrationMethod[ranges],
            **options,
        )


def _spared(file: Path) -> list[str]:
    """Give a file's nodes names; those of the first convolution, which sees the picture, and of the heads.

    Left in fp32 they take no more time: one has a single channel to multiply, the others a single place.
    """
    import onnx

    model = onnx.load(str(file))
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    onnx.save(model, str(file))
    first = next((node.name for node in model.graph.node if node.op_type == "Conv"), None)
    return [node.name for node in model.graph.node if node.op_type == "Gemm" or node.name == first]
