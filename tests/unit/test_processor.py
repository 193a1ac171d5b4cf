"""What the processor is called."""

import platform
from pathlib import Path

import pytest

from mimik import processor as module
from mimik.processor import instructions, processor, with_instructions

X86 = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu avx2 avx512f avx512_vnni\n\nmodel name\t: other\n"
ARM = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd aes asimddp i8mm bf16\nCPU implementer\t: 0x41\n"


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system that tells what lies in a folder."""
    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(module, "_BOARD", tmp_path / "model")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    return tmp_path


def test_a_pc_tells_its_name_and_its_instructions(linux: Path) -> None:
    (linux / "cpuinfo").write_text(X86)
    assert (processor(), instructions()) == ("AMD EPYC", ("avx2", "avx512f", "avx512_vnni"))
    assert with_instructions("CPU") == "CPU (avx2, avx512f, avx512_vnni)"


def test_an_arm_board_goes_by_the_boards_name(linux: Path) -> None:
    (linux / "cpuinfo").write_text(ARM)
    (linux / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert (processor(), instructions()) == ("Raspberry Pi 5 Model B Rev 1.0", ("asimddp", "i8mm", "bf16"))


def test_elsewhere_it_is_what_python_knows(linux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "AMD64 Family 25 Model 97")
    assert (processor(), instructions()) == ("AMD64 Family 25 Model 97", ())
    assert with_instructions("CPU") == "CPU"
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert processor() == platform.machine()
