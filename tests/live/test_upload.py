"""Pictures that people send: bounded, decoded with care, and put right."""

from __future__ import annotations

import io
import re
import struct
import tempfile
import zlib

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.live.upload import MOST_BYTES, MOST_PIXELS, read_picture


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(mode: str = "RGB", left=(200, 30, 40), right=(20, 60, 220), size=(40, 20)) -> Image.Image:
    """Two colours side by side."""
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], within: int = 12) -> bool:
    return max(abs(a - b) for a, b in zip(image.getpixel(place), colour, strict=True)) <= within


def refused(data: bytes, name: str = "cat.png") -> str:
    with pytest.raises(UserError) as error:
        read_picture(data, name)
    sentence = str(error.value)
    assert (
        "\n" not in sentence
        and sentence.endswith(".")
        and sentence.startswith(name.split()[0][:5] if name else "")
    )
    return sentence


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_usual_pictures_come_as_they_are(kind):
    found = read_picture(encoded(halves(), kind), "a")
    assert found.image.mode == "RGB" and found.image.size == (40, 20) and found.notes == ()
    assert near(found.image, (5, 10), (200, 30, 40), 40) and near(found.image, (35, 10), (20, 60, 220), 40)


def test_exif_turns_a_picture_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90° when it was taken
    found = read_picture(encoded(halves(), "JPEG", exif=exif, quality=95), "phone.jpg")
    assert found.image.size == (20, 40)  # left of the sensor is the top of the picture
    assert near(found.image, (10, 5), (200, 30, 40), 30) and near(found.image, (10, 35), (20, 60, 220), 30)
    assert found.notes == ("It was turned upright, as the camera noted.",)


def test_a_cmyk_jpeg_becomes_rgb():
    found = read_picture(encoded(halves().convert("CMYK"), "JPEG", quality=95), "print.jpg")
    assert found.image.mode == "RGB" and near(found.image, (5, 10), (200, 30, 40), 25)
    assert found.notes == ("Its printing colours (CMYK) were turned into RGB.",)


def test_16_bit_grey_is_scaled_and_not_clipped():
    values = np.linspace(0, 65535, 40 * 20).reshape(20, 40).astype(np.uint16)
    found = read_picture(encoded(Image.fromarray(values), "PNG"), "scan.png")
    grey = np.asarray(found.image)[..., 0]
    np.testing.assert_allclose(grey, values / 257, atol=1)
    assert grey.max() == 255 and grey.min() == 0 and len(np.unique(grey)) > 200
    assert found.notes == ("Its grey is deeper than 8 bits and was scaled down to them.",)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(kind):
    frames = [Image.new("RGB", (24, 24), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    found = read_picture(data, "moves")
    assert near(found.image, (12, 12), (255, 0, 0), 30)
    assert found.notes == ("It is an animation: its first frame is used.",)


def test_palettes_and_transparency_are_laid_on_white():
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (10, 0, 20, 20))
    found = read_picture(encoded(clear, "PNG"), "logo.png")
    assert near(found.image, (2, 2), (255, 255, 255)) and near(found.image, (15, 2), (0, 0, 255))
    assert found.notes == ("What is transparent was laid on white.",)
    palette = halves().quantize(8)
    assert near(read_picture(encoded(palette, "PNG"), "p").image, (5, 10), (200, 30, 40))
    assert read_picture(encoded(halves("LA", (90, 255), (10, 255)), "PNG"), "la").image.mode == "RGB"
    assert read_picture(encoded(Image.new("1", (9, 9), 1), "PNG"), "bit").image.getpixel((3, 3)) == (255,) * 3


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred kB at most whose header promises as many pixels as one likes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * min((3 * width + 1) * height, 2**26), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((20_000, 20_000), "400000000 pixels"),  # beyond Pillow's own guard
        ((10_000, 10_000), "10000 × 10000 pixels"),  # where Pillow only warns
        ((8_000, 5_001), "8000 × 5001 pixels"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size, said, monkeypatch):
    data = bomb(*size)
    assert len(data) < 2**20

    def never(*_):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", never)
    sentence = refused(data, "bomb.png")
    assert sentence == (
        f"bomb.png has {said}, too many to be decoded here: at most 40 million can be used, so make it smaller."
    )


def test_a_text_bomb_in_a_png_is_refused():
    image = encoded(halves(), "PNG")
    text = zlib.compress(b"a" * 100_000_000, 9)
    content = b"Comment\0\0" + text
    chunk = (
        struct.pack(">I", len(content)) + b"zTXt" + content + struct.pack(">I", zlib.crc32(b"zTXt" + content))
    )
    try:
        found = read_picture(image[:33] + chunk + image[33:], "text.png")
    except UserError as error:
        assert "\n" not in str(error)
    else:  # Pillow left the text alone
        assert found.image.size == (40, 20)


def test_as_many_pixels_as_are_allowed_are_decoded():
    side = int(MOST_PIXELS**0.5)
    assert read_picture(encoded(Image.new("1", (side, side)), "PNG"), "large").image.size == (side, side)


def test_too_many_bytes_are_refused_unread():
    sentence = refused(b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_BYTES, "huge.png")
    assert sentence == "huge.png has 20.0 MB; at most 20 MB can be sent: make it smaller."


def test_what_is_no_picture_is_said_in_one_sentence():
    text = "name,score\nfür,1\n" * 400
    assert refused(text.encode(), "cat.png") == (
        "cat.png holds text, not a picture, whatever its name says: send a JPEG, PNG, WebP, GIF, BMP or TIFF file."
    )
    for data in (
        b"%PDF-1.4\n\0\1\2" + bytes(range(256)),
        b"PK\3\4" + bytes(500),
        bytes(4000),
        b"\xff\xfe\0a\0b",
    ):
        assert "is no picture of a known kind" in refused(data)
    assert refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>").startswith("cat.png holds text")
    assert refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n").startswith("cat.png holds text")
    assert refused(b"") == "cat.png is empty."


def test_broken_files_are_refused():
    jpeg, png = encoded(halves(size=(300, 200)), "JPEG"), encoded(halves(size=(300, 200)), "PNG")
    for data in (jpeg[: len(jpeg) // 2], png[: len(png) // 2], png[:20]):
        sentence = refused(data)
        assert "is broken and can't be decoded" in sentence or "no picture of a known kind" in sentence
    rng = np.random.default_rng(0)
    for _ in range(200):  # damage anywhere: a picture or one sentence, never anything else
        data = bytearray(rng.choice([0, 1]) and jpeg or png)
        for at in rng.integers(0, len(data), 6):
            data[at] = rng.integers(0, 256)
        try:
            assert read_picture(bytes(data), "x").image.mode == "RGB"
        except UserError as error:
            assert "\n" not in str(error)


def test_a_picture_too_long_and_narrow_is_refused():
    assert refused(encoded(Image.new("L", (6000, 100)), "PNG"), "strip.png") == (
        "strip.png is 6,000 × 100 pixels, too long and narrow to be looked at: one side may be 50 times the other at most."
    )
    assert read_picture(encoded(Image.new("L", (5000, 100)), "PNG"), "strip.png").image.size == (5000, 100)


def test_names_stay_on_one_line_and_short():
    sentence = refused(b"", "a\n" + "b" * 300 + ".png")
    assert len(sentence) < 90 and re.match(r"a b+…b+\.png is empty", sentence)


def test_nothing_is_written_to_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = open

    def spy(file, mode="r", *args, **kwargs):
        assert not set(mode) & set("wax+"), file
        return before(file, mode, *args, **kwargs)

    monkeypatch.setattr("builtins.open", spy)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF"):
        read_picture(encoded(halves(), kind), "a")
    assert not list(tmp_path.iterdir())


def test_the_pages_of_a_tiff_are_not_walked_through(monkeypatch):
    frames = [Image.new("1", (1, 1))] * 300
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])

    def never(self):
        raise AssertionError("all pages were visited")

    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.n_frames", property(never))
    assert read_picture(data, "pages.tif").notes == ("It has several pages: the first is used.",)


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_a_picture_is_decoded_once_and_said_to_be_turned(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_picture(encoded(halves(), kind, exif=exif), "phone")
    assert found.image.size == (20, 40) and near(found.image, (10, 5), (200, 30, 40), 40)
    assert found.notes == ("It was turned upright, as the camera noted.",)
