"""Image files of every kind become RGB; broken ones become a reason."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from lexplain_core.base.errors import UserError
from lexplain_core.probe.images import (
    ImageFiles,
    Stamp,
    UnreadableImage,
    check_files,
    open_rgb,
    thumbnail_jpeg,
)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png(side: int) -> bytes:
    """A valid header that promises side × side pixels, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def noise():
    pixels = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_png_comes_back_pixel_by_pixel(noise, tmp_path):
    path = tmp_path / "a.png"
    noise.save(path)
    for source in (path, str(path), path.read_bytes()):
        assert np.array_equal(np.asarray(open_rgb(source)), np.asarray(noise))


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_flat_modes_become_rgb(noise, mode):
    image = noise.convert(mode)
    found = open_rgb(encoded(image, "PNG"))
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(mode):
    image = Image.new(mode, (4, 2), (0, 0) if mode == "LA" else (200, 0, 0, 0))
    image.putpixel((0, 0), (90, 255) if mode == "LA" else (10, 20, 30, 255))
    found = open_rgb(encoded(image, "PNG"))
    assert found.getpixel((0, 0)) == ((90, 90, 90) if mode == "LA" else (10, 20, 30))
    assert found.getpixel((3, 1)) == (255, 255, 255)


def test_transparent_palette_is_laid_on_white():
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.putpixel((1, 0), 1)
    found = open_rgb(encoded(image, "PNG", transparency=0))
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 20, 30)]


def test_16_bit_grey_is_scaled_and_not_clipped():
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    found = np.asarray(open_rgb(encoded(Image.fromarray(values), "PNG")))
    assert found[0, :, 0].tolist() == [0, 1, 128, 255]
    assert np.ptp(found, axis=2).max() == 0


def test_float_tiff():
    unit = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    assert np.asarray(open_rgb(encoded(Image.fromarray(unit), "TIFF")))[0, :, 0].tolist() == [0, 128, 255]
    wide = np.array([[-100.0, 0.0, 300.0]], dtype=np.float32)
    assert np.asarray(open_rgb(encoded(Image.fromarray(wide), "TIFF")))[0, :, 0].tolist() == [0, 64, 255]
    broken = np.array([[0.0, np.nan]], dtype=np.float32)
    with pytest.raises(UnreadableImage, match="not finite"):
        open_rgb(encoded(Image.fromarray(broken), "TIFF"))


def test_cmyk_jpeg():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan: red
    red, green, blue = open_rgb(encoded(image, "JPEG", quality=95)).getpixel((8, 8))
    assert red > 240 and green < 15 and blue < 15


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (32, 16), "black")
    image.paste("white", (0, 0, 16, 16))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    found = open_rgb(encoded(image, "JPEG", exif=exif, quality=95))
    assert found.size == (16, 32)
    assert found.getpixel((8, 4))[0] > 240 and found.getpixel((8, 28))[0] < 15  # white on top


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "lime", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert open_rgb(data).getpixel((4, 4)) == (255, 0, 0)


def test_truncated_jpeg_even_if_another_library_allows_it(noise, tmp_path, monkeypatch):
    path = tmp_path / "cut.jpg"
    data = encoded(noise, "JPEG")
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in check_files([path], 10**6, lambda n: None)[0]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert "truncated" in check_files([path], 10**6, lambda n: None)[0]
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # put back as it was


def test_corrupt_jpeg(noise):
    data = bytearray(encoded(noise, "JPEG"))
    tables = data.index(b"\xff\xc4")  # the Huffman tables
    data[tables + 4 : tables + 24] = b"\xff" * 20
    with pytest.raises(UnreadableImage, match="can't be decoded"):
        open_rgb(bytes(data))
    data[2:200] = bytes(198)
    with pytest.raises(UnreadableImage, match="not an image in a known format, or its header is broken"):
        open_rgb(bytes(data))


def test_files_of_another_format_are_named(tmp_path):
    heads = {
        b"%!PS-Adobe-3.0 EPSF-3.0\n": "EPS",
        b"%PDF-1.7\n": "PDF",
        b"\0\0\0\x18ftypheic": "HEIC",
        b"<svg/>": "SVG",
    }
    for head, name in heads.items():
        (tmp_path / "x.jpg").write_bytes(head + bytes(40))
        assert f"in {name}" in check_files([tmp_path / "x.jpg"], 10**6, lambda n: None)[0]
        with pytest.raises(UnreadableImage, match=f"in {name}"):
            open_rgb(head + bytes(40))


def test_size_is_read_from_the_header_alone():
    data = huge_png(9_000)
    with pytest.raises(UnreadableImage, match=r"too large: 9000 × 9000 pixels, more than 50,000,000"):
        open_rgb(data, max_pixels=50_000_000)
    with pytest.raises(
        UnreadableImage, match="can't be decoded"
    ):  # the limit, not the data, stopped it above
        open_rgb(data, max_pixels=100_000_000)


def test_size_beyond_pillows_own_limit():
    with pytest.raises(UnreadableImage, match="too large"):
        open_rgb(huge_png(60_000))


def test_size_limit_is_inclusive(noise):
    assert open_rgb(encoded(noise, "PNG"), max_pixels=2400).size == (60, 40)
    with pytest.raises(UnreadableImage):
        open_rgb(encoded(noise, "PNG"), max_pixels=2399)


@pytest.mark.parametrize(
    "data", [b"", b"just some text", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_other_files_are_no_images(data):
    with pytest.raises(UnreadableImage, match="not an image"):
        open_rgb(data)


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableImage, match="No such file"):
        open_rgb(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"gone\.png can't be read any more"):
        ImageFiles(tmp_path, ["gone.png"], [Stamp(0, b"")])(0)


def test_check_files_keeps_their_order(noise, tmp_path):
    paths = []
    for i in range(100):
        path = tmp_path / f"{i}.png"
        path.write_bytes(b"text" if i % 7 == 0 else encoded(noise, "PNG"))
        paths.append(path)
    done = []
    results = check_files(paths, 10**6, done.append)
    assert [isinstance(r, str) for r in results] == [i % 7 == 0 for i in range(100)]
    assert sum(done) == 100


def test_names_that_are_not_text(tmp_path):
    reason = check_files([tmp_path / "a\udcff.png"], 10**6, lambda n: None)[0]
    assert reason == "its path is not valid UTF-8"


@pytest.mark.parametrize(
    ("size", "stored"), [((32, 32), (32, 32)), ((640, 480), (160, 120)), ((100, 400), (40, 160))]
)
def test_thumbnails_shrink_but_never_grow(size, stored):
    image = Image.new("RGB", size, "teal")
    found = Image.open(io.BytesIO(thumbnail_jpeg(image, 160)))
    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", stored)
    assert np.abs(np.asarray(found, dtype=int) - np.array([0, 128, 128])).max() <= 3
    assert image.size == size


def test_deep_grey_takes_little_more_than_its_result():
    values = np.arange(4096 * 4096, dtype=np.uint32).astype(np.uint16).reshape(4096, 4096)
    data = encoded(Image.fromarray(values), "PNG")
    tracemalloc.start()
    found = open_rgb(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(np.asarray(found)[::511, :, 0], np.rint(values[::511] / 257))
    assert peak < 130e6  # 17 MB of the result, and strips; whole in float64 it was 400 MB


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "F"])
def test_what_is_converted_in_strips_has_no_seams(mode, monkeypatch):
    rng = np.random.default_rng(0)
    if mode in ("I;16", "F"):
        values = rng.integers(0, 65536, (50, 31)).astype(np.uint16)
        data = encoded(Image.fromarray(values if mode == "I;16" else values.astype(np.float32)), "TIFF")
    else:
        image = Image.fromarray(rng.integers(0, 256, (50, 31, 4), np.uint8), "RGBA").convert(mode)
        data = encoded(image, "PNG", **({"transparency": 3} if mode == "P" else {}))
    whole = np.asarray(open_rgb(data))
    monkeypatch.setattr("lexplain_core.probe.images._STRIP", 100)
    assert np.array_equal(np.asarray(open_rgb(data)), whole)
