"""Choosing a detector, and what happens when its file is not what it should be."""

from pathlib import Path

import pytest

from mimik.detect import DETECTORS, centerface, make_detector
from mimik.errors import ConfigError, DetectorError, WeightsError


def test_an_unknown_name_says_what_there_is() -> None:
    """Neither a detector nor a file."""
    with pytest.raises(ConfigError, match=r"nosuch.*centerface"):
        make_detector("nosuch")
    assert list(DETECTORS) == ["centerface", "centerface-fp16"]


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
        make_detector(str(centerface.FILES["fp16"]))


@pytest.mark.parametrize(("form", "name"), [("int8", "centerface"), ("fp16", "centerface-fp16")])
def test_changed_weights_are_refused(
    form: centerface.Form, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte is enough."""
    content = bytearray(centerface.FILES[form].read_bytes())
    content[1000] ^= 1
    changed = tmp_path / f"centerface-{form}.onnx"
    changed.write_bytes(content)
    monkeypatch.setitem(centerface.FILES, form, changed)
    with pytest.raises(WeightsError, match=rf"centerface-{form}\.onnx: not the weights .* Install Mimik again"):
        make_detector(name)
    monkeypatch.setitem(centerface.FILES, form, tmp_path / "gone.onnx")
    with pytest.raises(WeightsError, match=r"gone\.onnx: the weights cannot be read"):
        make_detector(name)
