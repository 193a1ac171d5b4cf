"""The machine: what it is, how fast its matrix products are, and what a network could reach on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from benchmarks.environments import room_mb, size_mb
from mimik.processor import instructions, processor, told

__all__ = ["bare_products_ms", "describe", "installed_mb", "matrix_rates", "multiply_adds"]

_SIDE = 1024


def describe() -> dict[str, Any]:
    """Hardware, system, versions, commit and load."""
    root = Path(__file__).parents[1]
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],  # noqa: S607
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {
        "processor": processor(),
        "family": " ".join(f"{key} {told(key)}" for key in ("cpu family", "model", "stepping") if told(key)),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "instructions": list(instructions()),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("mimik", "onnxruntime", "opencv-python", "av", "numpy")},
        "commit": commit,
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def matrix_rates(seconds: float = 0.4) -> list[dict[str, Any]]:
    """Multiply-adds a second of a 1024³ product, by number type and threads; why not, where not.

    fp32 and int8 in ONNX Runtime; bf16, which it multiplies on no x86 processor, in torch.
    """
    rates: list[dict[str, Any]] = []
    for threads in (1, 2):
        for kind in ("fp32", "int8"):
            rates.append(
                {"type": kind, "threads": threads, "gmac_s": _rate(_product(kind, _SIDE, _SIDE), threads, seconds)}
            )
        rates.append({"type": "bf16", "threads": threads, **_bf16(threads, seconds)})
    return rates


_BF16 = """
import statistics, sys, time, torch
threads, side, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(threads)
a, b = (torch.randn(side, side).to(torch.bfloat16) for _ in range(2))
times, end = [], time.perf_counter() + seconds
while time.perf_counter() < end or len(times) < 6:
    start = time.perf_counter()
    a @ b
    times.append(time.perf_counter() - start)
print(side**3 / statistics.median(times[1:]) / 1e9)
"""


def _bf16(threads: int, seconds: float) -> dict[str, Any]:
    """In a process of its own: torch stays out of this one."""
    if not {"avx512_bf16", "amx_bf16", "bf16"} & set(instructions()):
        return {"gmac_s": None, "reason": "the processor has no bf16"}
    command = [sys.executable, "-c", _BF16, str(threads), str(_SIDE), str(seconds)]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)  # noqa: S603
        return {"gmac_s": float(said.stdout)}
    except (OSError, ValueError, subprocess.SubprocessError):
        return {"gmac_s": None, "reason": "torch, which would multiply bf16, is not here"}


def multiply_adds(file: Path) -> list[dict[str, int]]:
    """A network's layers as matrix products for one face: rows (output channels), inner, columns (places), groups.

    And ``int8``: 1 where its weights are eight-bit whole numbers, else 0.
    """
    model = shape_inference.infer_shapes(_one_face(onnx.load(str(file))), data_prop=True)
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.output, *model.graph.input)
    }
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    # Weights in eight bits come through a node that gives them their scale.
    scaled = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    layers = []
    for node in model.graph.node:
        given = scaled.get(node.input[1], node.input[1]) if len(node.input) > 1 else ""
        if given not in weights:
            continue
        int8 = int(given != node.input[1])
        if node.op_type == "Conv":
            out, inner, *kernel = weights[given]
            groups = next((a.i for a in node.attribute if a.name == "group"), 1)
            columns = int(np.prod(shapes[node.output[0]][2:]))
            inner *= int(np.prod(kernel))
            layers.append({"rows": out // groups, "inner": inner, "columns": columns, "groups": groups, "int8": int8})
        elif node.op_type in ("Gemm", "MatMul"):
            dims = weights[given]
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            inner, out = (dims[1], dims[0]) if turned else (dims[-2], dims[-1])
            layers.append({"rows": out, "inner": inner, "columns": 1, "groups": 1, "int8": int8})
    return layers


def bare_products_ms(layers: list[dict[str, int]], batch: int, threads: int = 1, seconds: float = 0.05) -> float:
    """Milliseconds a face that the layers would take as bare matrix products of their own numbers, one a layer."""
    total = 0.0
    known: dict[tuple[str, int, int, int], float] = {}
    for layer in layers:
        kind = "int8" if layer["int8"] else "fp32"
        shape = (layer["columns"] * batch, layer["inner"], layer["rows"])
        if (kind, *shape) not in known:
            known[kind, *shape] = shape[0] * shape[1] * shape[2] / _rate(_product(kind, *shape), threads, seconds) / 1e9
        total += layer["groups"] * known[kind, *shape]
    return total * 1000 / batch


def installed_mb(package: str) -> dict[str, float]:
    """What a package and everything that it asks for by default takes, megabytes on disk, the largest first."""
    from packaging.requirements import Requirement

    sizes: dict[str, float] = {}
    waiting = [package]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in sizes:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        sizes[name] = _disk_mb(found) if name != package else _own_mb()
        for text in found.requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _disk_mb(found: Distribution) -> float:
    return room_mb(Path(str(found.locate_file(file))) for file in found.files or ())


def _own_mb() -> float:
    import mimik

    return size_mb(Path(mimik.__file__).parent)


def _product(kind: str, rows: int, inner: int, columns: int = _SIDE) -> tuple[bytes, dict[str, NDArray[Any]], int]:
    """A model of one product with a constant right side, its input, and its multiply-adds."""
    random = np.random.default_rng(0)
    if kind == "fp32":
        right: NDArray[Any] = random.standard_normal((inner, columns)).astype(np.float32)
        left: NDArray[Any] = random.standard_normal((rows, inner)).astype(np.float32)
        operation, into, out = "MatMul", TensorProto.FLOAT, TensorProto.FLOAT
    else:
        right = random.integers(-127, 128, (inner, columns)).astype(np.int8)
        left = random.integers(0, 128, (rows, inner)).astype(np.uint8)
        operation, into, out = "MatMulInteger", TensorProto.UINT8, TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(operation, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", into, left.shape)],
        [helper.make_tensor_value_info("c", out, (rows, columns))],
        [numpy_helper.from_array(right, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(), {"a": left}, rows * inner * columns


def _rate(product: tuple[bytes, dict[str, NDArray[Any]], int], threads: int, seconds: float) -> float:
    """Billions of multiply-adds a second, by the median run."""
    model, feed, count = product
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return count / _median(lambda: session.run(None, feed), seconds) / 1e9


def _median(run: Callable[[], object], seconds: float) -> float:
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _one_face(model: Any) -> Any:
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def _memory_mb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6)
    except (AttributeError, ValueError, OSError):
        return None
