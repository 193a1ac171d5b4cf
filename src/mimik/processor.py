"""The processor that everything runs on: its name, and the instructions that networks gain by."""

import platform
import subprocess
from pathlib import Path

__all__ = ["instructions", "processor", "told", "with_instructions"]

_CPUINFO = Path("/proc/cpuinfo")
_BOARD = Path("/proc/device-tree/model")
_INSTRUCTIONS = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimddp",
    "i8mm",
    "bf16",
)


def processor() -> str:
    """The processor's name, as far as the system tells; on Linux for ARM the board's, else the kind of processor."""
    name = told("model name")
    if not name and platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            name = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        except OSError:
            name = ""
    if not name:
        try:
            name = _BOARD.read_text(encoding="utf-8").strip("\0\n ")
        except OSError:
            name = ""
    return name or platform.processor() or platform.machine()


def instructions() -> tuple[str, ...]:
    """The sets of instructions that matter to networks, of those that the processor has; empty where Linux is not."""
    known = (told("flags") or told("Features")).split()
    return tuple(name for name in _INSTRUCTIONS if name in known)


def with_instructions(name: str) -> str:
    """A name with the processor's instructions behind it, ``AMD EPYC (avx2, avx512f)``, where they are known."""
    known = ", ".join(instructions())
    return f"{name} ({known})" if known else name


def told(field: str) -> str:
    """What Linux says of the first core in a field; empty where it does not."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == field), "")
