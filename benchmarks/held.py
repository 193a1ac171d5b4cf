"""ONNX Runtime held to AVX2 on a processor that can do more: a copy that believes the system saves no larger registers.

ONNX Runtime has no switch for this. It asks the processor which registers the system saves (``XGETBV``) and takes
AVX-512 and AMX only where those are among them. In a copy in the cache that one instruction is replaced by ``push 7;
pop rax``, as long and with the answer of a machine that ends with AVX2. The installed package is left as it is.
"""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

__all__ = ["HeldError", "held_runtime"]

_ASKS = re.compile(rb"\x31\xc9\x0f\x01\xd0")  # xor ecx, ecx; xgetbv
_ANSWERS = b"\x31\xc9\x6a\x07\x58"  # xor ecx, ecx; push 7; pop rax: x87, SSE and AVX


class HeldError(Exception):
    """It cannot be held; says why."""


def held_runtime(cache: Path) -> Path:
    """A folder for ``PYTHONPATH`` with an ONNX Runtime that uses nothing beyond AVX2; made once.

    Raises:
        HeldError: this ONNX Runtime does not ask in the way that is known.
    """
    folder = cache / "held" / version("onnxruntime")
    if (folder / "onnxruntime").exists():
        return folder
    spec = find_spec("onnxruntime")
    assert spec
    assert spec.submodule_search_locations
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(spec.submodule_search_locations[0], draft / "onnxruntime")
    changed = 0
    for library in draft.rglob("*pybind11_state*.so"):
        code, count = _ASKS.subn(_ANSWERS, library.read_bytes())
        library.write_bytes(code)
        changed += count
    if not changed:
        shutil.rmtree(draft)
        raise HeldError("this build of ONNX Runtime does not ask the processor in the way that is known")
    draft.rename(folder)
    return folder
