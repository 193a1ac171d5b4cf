"""The peers: what they are called, what they need, and how they are spoken to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import NODE, Environment
from benchmarks.shapes import deepface, efficientnet_b0

__all__ = ["PEERS", "Peer"]

ADAPTERS = Path(__file__).parent / "adapters"

_TENSORFLOW = "tensorflow-cpu>=2.20"
_OPENCV = "opencv-contrib-python<5"  # OpenCV 5 has no Haar cascades

_FER = Environment(
    "fer",
    (
        ("--no-deps", "fer==25.10.3", "facenet-pytorch==2.6.0"),
        # What they import, without CUDA's libraries: plain `pip install fer` takes 7.5 GB.
        (_TENSORFLOW, _OPENCV, "requests", "setuptools<81", "matplotlib", "pandas", "tqdm", "ffmpeg-python", "pillow"),
    ),
    "without CUDA's libraries and moviepy; `pip install fer` itself takes 7.5 GB",
)
_FER_MTCNN = Environment(
    "fer-mtcnn",
    # MTCNN needs torch and torchvision built together, which PyPI has for CUDA alone.
    # First, because it brings a setuptools without pkg_resources, which fer imports.
    (("torch==2.14.1", "torchvision==0.29.1"), *_FER.steps),
    "with torch as PyPI has it, for CUDA, and without moviepy",
)
_FACEX = Environment(
    "facex", (("--no-deps", "facex==1.1.0"), (_TENSORFLOW, _OPENCV, "scikit-image")), "without CUDA's libraries"
)
_WEB = Environment(
    "node",
    (
        (
            "@vladmandic/face-api@1.7.15",
            "@vladmandic/human@3.3.6",
            "@tensorflow/tfjs@4.22.0",
            "@tensorflow/tfjs-backend-wasm@4.22.0",
        ),
    ),
    "both packages together",
    kind=NODE,
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Something to measure.

    Attributes:
        name: how it is asked for and called in the results.
        title: what people read.
        adapter: file in ``adapters``.
        arguments: the adapter's own.
        environment: what it runs in; None: Mimik's.
        imports: the statement whose time is its import; empty: not measured.
        shape: makes an ONNX file of its network with random weights, for latency only.
        network_only: it has nothing but a network.
        live: it takes part as a live camera.
        decoder: it decodes and does nothing more.
    """

    name: str
    title: str
    adapter: str
    arguments: tuple[str, ...] = ()
    environment: Environment | None = None
    imports: str = ""
    shape: Callable[[Path], Path] | None = None
    live: bool = False
    decoder: bool = False

    @property
    def network_only(self) -> bool:
        """Whether it has nothing but a network."""
        return self.shape is not None

    def command(self, cache: Path) -> list[str]:
        """How its process is started; its environment must be there.

        Raises:
            EnvironmentMissingError: it cannot be made here.
        """
        script = str(ADAPTERS / self.adapter)
        if self.environment is not None and self.environment.kind == NODE:
            import imageio_ffmpeg  # type: ignore[import-untyped]  # comes with the extra `train`

            return [self.environment.program(), script, *self.arguments, str(self.environment.folder(cache)),
                    imageio_ffmpeg.get_ffmpeg_exe()]  # fmt: skip
        python = sys.executable if self.environment is None else str(self.environment.python(cache))
        extra = () if self.shape is None else (str(self.shape(cache / "shapes")),)
        return [python, script, *self.arguments, *extra]


PEERS = (
    Peer("mimik", "Mimik", "mimik_line.py", imports="import mimik; mimik.Pipeline", live=True),
    Peer("opencv", "decoding alone, OpenCV", "decode.py", ("opencv",), decoder=True),
    Peer("pyav", "decoding alone, PyAV, luma as Mimik does", "decode.py", ("pyav",), decoder=True),
    Peer("fer", "fer 25.10.3, TFLite, Haar", "fer_line.py", (), _FER, "from fer.fer import FER", live=True),
    Peer("fer-mtcnn", "fer 25.10.3, TFLite, MTCNN", "fer_line.py", ("--mtcnn",), _FER_MTCNN, "from fer.fer import FER"),
    Peer("facex", "facex 1.1.0, TFLite, Haar", "facex_line.py", (), _FACEX, "import facex", live=True),
    Peer("face-api", "@vladmandic/face-api 1.7.15, WASM, SSD", "web.mjs", ("face-api",), _WEB),
    Peer("human", "@vladmandic/human 3.3.6, WASM, BlazeFace", "web.mjs", ("human",), _WEB),
    Peer("deepface-shape", "DeepFace's network, random weights", "network.py", shape=deepface),
    Peer(
        "emotiefflib-shape", "EfficientNet-B0 at 224 (EmotiEffLib), random weights", "network.py", shape=efficientnet_b0
    ),
)
"""All of them, Mimik first."""
