"""Pictures of every oddity come out upright, in BGR, with 8 bits; what cannot be read is named."""

import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from mimik.errors import SourceError
from mimik.sources import Pictures, is_picture, read_picture
from mimik.sources.pictures import natural_order
from mimik.types import Source, SourceKind

BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)  # in BGR


@contextmanager
def as_nobody() -> Iterator[None]:
    """Files are readable to the superuser whatever their mode; step down for a moment."""
    if not hasattr(os, "geteuid"):
        pytest.skip("file modes work differently here")
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def near(image: np.ndarray, colour: tuple[int, int, int], tolerance: int = 6) -> bool:
    return bool(np.abs(image.reshape(-1, 3).mean(axis=0) - colour).max() <= tolerance)


def two_tone(width: int = 40, height: int = 20) -> Pillow.Image:
    """Red on the left, blue on the right."""
    picture = Pillow.new("RGB", (width, height), "red")
    picture.paste((0, 0, 255), (width // 2, 0, width, height))
    return picture


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".JPG"])
def test_every_format_in_bgr(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"p{suffix}"
    two_tone().save(path)
    image = read_picture(path)
    assert image.shape == (20, 40, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert near(image[:, :16], RED)
    assert near(image[:, 24:], BLUE)
    assert is_picture(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    """What was stored turned comes out as it was: a white left upper corner."""
    upright = np.zeros((20, 40, 3), np.uint8)
    upright[:8, :8] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "e.png"
    Pillow.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    image = read_picture(path)
    assert np.array_equal(image, upright)
    assert image.flags.writeable


def test_sixteen_bit_gray_is_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(4, axis=0)
    for suffix in (".png", ".tiff"):
        path = tmp_path / f"g{suffix}"
        Pillow.fromarray(ramp).save(path)
        image = read_picture(path)
        assert np.abs(image[0, :, 0].astype(int) - np.arange(256)).max() <= 1
        assert (image[..., 0] == image[..., 2]).all()


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path: Path) -> None:
    Pillow.fromarray(np.full((8, 8), 2570, np.uint16)).save(tmp_path / "d.png")
    assert (read_picture(tmp_path / "d.png") == 10).all()


def test_floats_and_thirty_two_bits(tmp_path: Path) -> None:
    Pillow.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "f.tiff")
    assert read_picture(tmp_path / "f.tiff")[0, 0].tolist() == [128, 128, 128]
    Pillow.fromarray(np.full((8, 8), 2**30, np.int32)).save(tmp_path / "i.tiff")
    assert read_picture(tmp_path / "i.tiff")[0, 0].tolist() == [128, 128, 128]


def test_cmyk_gray_and_black_and_white(tmp_path: Path) -> None:
    two_tone().convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    image = read_picture(tmp_path / "c.jpg")
    assert near(image[:, :16], RED, 12)
    assert near(image[:, 24:], BLUE, 12)
    Pillow.new("L", (8, 8), 77).save(tmp_path / "l.png")
    assert near(read_picture(tmp_path / "l.png"), (77, 77, 77), 0)
    Pillow.new("1", (8, 8), 1).save(tmp_path / "b.png")
    assert near(read_picture(tmp_path / "b.png"), WHITE, 0)


def test_palettes_and_transparency_on_white(tmp_path: Path) -> None:
    two_tone().quantize(4).save(tmp_path / "p.png")
    assert near(read_picture(tmp_path / "p.png")[:, :16], RED)

    clear = Pillow.new("RGBA", (40, 20), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 20, 20))
    clear.paste((0, 0, 0, 128), (36, 0, 40, 20))
    for suffix in (".png", ".webp", ".tiff"):
        clear.save(tmp_path / f"a{suffix}", lossless=True)  # only WebP listens
        image = read_picture(tmp_path / f"a{suffix}")
        assert near(image[:, :20], RED, 1)
        assert near(image[:, 20:36], WHITE, 1)
        assert near(image[:, 36:], (127, 127, 127), 2)
    Pillow.new("LA", (8, 8), (0, 0)).save(tmp_path / "la.png")
    assert near(read_picture(tmp_path / "la.png"), WHITE, 0)
    pale = two_tone().quantize(4)
    pale.save(tmp_path / "t.png", transparency=pale.getpixel((0, 0)))
    assert near(read_picture(tmp_path / "t.png")[:, :16], WHITE, 1)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tiff"])
def test_of_an_animated_picture_the_first_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    first, second = Pillow.new("RGB", (16, 16), "red"), Pillow.new("RGB", (16, 16), "blue")
    first.save(path, save_all=True, append_images=[second])
    notices: list[str] = []
    image = read_picture(path, notice=lambda text, values: notices.append(text.format(**values)))
    assert near(image, RED)
    assert notices == [f"{path}: holds 2 pictures; the first is read."]


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize(("width", "height"), [(30000, 30000), (12000, 9000), (100_000, 1001)])
@pytest.mark.timing
def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(width, height))
    start = time.perf_counter()
    with pytest.raises(SourceError, match="more than 100 megapixels"):
        read_picture(path)
    assert time.perf_counter() - start < 0.5


def test_just_below_the_limit_is_only_damaged(tmp_path: Path) -> None:
    """Pillow's own warning limit lies lower and must not speak."""
    path = tmp_path / "large.png"
    path.write_bytes(png_header(9900, 10000))
    with pytest.raises(SourceError, match="damaged or cut short"):
        read_picture(path)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_picture(tmp_path / "missing.jpg")
    (tmp_path / "text.jpg").write_text("this is a text file")
    with pytest.raises(SourceError, match="not a picture that can be read"):
        read_picture(tmp_path / "text.jpg")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(SourceError, match="the file is empty"):
        read_picture(tmp_path / "empty.jpg")
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(SourceError, match="not a picture that can be read"):
        read_picture(tmp_path / "page.eps")
    with pytest.raises(SourceError, match="cannot be opened"):
        read_picture(tmp_path)
    (tmp_path / "zero.png").write_bytes(png_header(0, 10))
    with pytest.raises(SourceError, match=r"zero\.png"):
        read_picture(tmp_path / "zero.png")
    two_tone().save(tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    with as_nobody(), pytest.raises(SourceError, match="cannot be opened"):
        read_picture(tmp_path / "secret.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"t{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Pillow.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: max(1, int(len(data) * share))])
    with pytest.raises(SourceError, match=r"damaged or cut short|not a picture"):
        read_picture(path)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it meets in broken files
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif"])
def test_broken_bytes_never_raise_anything_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"b{suffix}"
    exif = Pillow.Exif()
    exif[0x0112] = 6
    two_tone().save(path, exif=exif)
    data = path.read_bytes()
    random = Random(1)
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(random.randint(1, 12)):
            broken[random.randrange(len(broken))] = random.randrange(256)
        path.write_bytes(broken)
        with suppress(SourceError):
            assert read_picture(path).ndim == 3


def test_a_folder_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "1.PNG", "b3.jpg", "B20.jpg"):
        two_tone().save(tmp_path / name)
    two_tone().save(tmp_path / ".hidden.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    pictures = Pictures(tmp_path)
    frames = list(pictures)
    assert isinstance(pictures, Source)
    assert pictures.kind is SourceKind.PICTURES
    assert [Path(frame.source).name for frame in frames] == ["1.PNG", "2.png", "10.png", "b3.jpg", "B20.jpg"]
    assert len(pictures) == 5
    assert {(frame.index, frame.time_s) for frame in frames} == {(0, 0.0)}
    assert all(frame.captured_s > 0 for frame in frames)


def test_an_unreadable_picture_among_others_is_told_and_passed_over(tmp_path: Path) -> None:
    two_tone().save(tmp_path / "1.png")
    (tmp_path / "2.jpg").write_text("text")
    two_tone().save(tmp_path / "3.png")
    notices: list[str] = []
    frames = list(Pictures(tmp_path, notice=lambda text, values: notices.append(text.format(**values))))
    assert [Path(frame.source).name for frame in frames] == ["1.png", "3.png"]
    assert len(notices) == 1
    assert "2.jpg: not a picture" in notices[0]


def test_nothing_readable(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no picture"):
        Pictures(tmp_path)
    with pytest.raises(SourceError, match="holds no picture"):
        Pictures([])
    (tmp_path / "1.jpg").write_text("text")
    with pytest.raises(SourceError, match="not a picture"):
        list(Pictures(tmp_path))
    (tmp_path / "2.jpg").write_text("text")
    with pytest.raises(SourceError, match="none of the 2 pictures"):
        list(Pictures(tmp_path, notice=lambda text, values: None))


def test_an_unreadable_folder(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    two_tone().save(folder / "1.png")
    tmp_path.chmod(0o755)
    folder.chmod(0)
    try:
        with as_nobody(), pytest.raises(SourceError, match=r"folder cannot be read|cannot be opened"):
            list(Pictures(folder))
    finally:
        folder.chmod(0o755)


def test_several_paths_and_closing(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        two_tone().save(path)
    assert [frame.source for frame in Pictures(paths[::-1])] == [str(path) for path in paths[::-1]]
    pictures = Pictures([str(path) for path in paths])
    next(iterator := iter(pictures))
    pictures.close()
    assert list(iterator) == []


def test_is_picture_looks_into_files_without_suffix(tmp_path: Path) -> None:
    two_tone().save(tmp_path / "bare", format="JPEG")
    (tmp_path / "text").write_text("BUT not a picture")
    assert is_picture(tmp_path / "bare")
    assert not is_picture(tmp_path / "text")
    assert not is_picture(tmp_path / "missing")
    assert not is_picture(tmp_path / "clip.mp4")


@given(st.lists(st.text("aB01²é.-", min_size=1, max_size=6)))
def test_natural_order_is_total(names: list[str]) -> None:
    paths = [Path("folder") / name for name in names]
    backwards = paths[::-1]
    assert sorted(paths, key=natural_order) == sorted(backwards, key=natural_order)
