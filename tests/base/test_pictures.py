"""Pictures of any origin: opened in few formats, within bounds, and nowhere but in one module."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base import pictures
from lexplain_core.base.errors import UserError
from lexplain_core.base.pictures import UnreadableImage
from lexplain_core.live.upload import read_picture
from lexplain_core.probe import open_rgb

from ..awkward_pictures import bad, encoded, fake_ghostscript, png_of
from ..conftest import ROOT

BAD = bad()
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", BAD)
def test_no_browser_gets_what_is_no_plain_whole_picture(name):
    with pytest.raises(UnreadableImage) as caught:
        pictures.stored_type(BAD[name])
    assert str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in BAD if name not in ("page behind it", "heavy")])
def test_what_cant_be_decoded_is_one_reason_and_a_grey_square(name):
    with pytest.raises(UnreadableImage):
        pictures.stored_rgb(BAD[name])
    assert pictures.lost(BAD[name])
    assert pictures.rgb_or_grey(BAD[name]).size == (96, 96)


@pytest.mark.parametrize("kind, mode", [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16")])  # fmt: skip
@pytest.mark.parametrize("size", [(60, 40), (1, 1)])
def test_good_pictures_are_shown(kind, mode, size):
    data = encoded(Image.new(mode, size) if mode == "I;16" else NOISE.resize(size).convert(mode), kind)
    assert pictures.stored_type(data) == f"image/{kind.lower()}"
    assert pictures.stored_rgb(data).size == size and pictures.rgb_or_grey(data).mode == "RGB"
    assert not pictures.lost(data)


def test_of_an_animated_png_the_first_frame_is_taken():
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime")]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert pictures.stored_rgb(data).getpixel((4, 4)) == (255, 0, 0)


def test_the_grey_square_carries_a_note():
    plain, noted = pictures.stored_rgb(pictures.grey()), pictures.stored_rgb(pictures.unreadable())
    assert len(plain.getcolors()) == 1 and len(noted.getcolors(10**5)) > 10
    assert pictures.lost(pictures.unreadable()) and not pictures.lost(pictures.grey())


@pytest.mark.parametrize("ending", ["png", "jpg", "eps"])
def test_no_picture_starts_a_program(ending, tmp_path, monkeypatch):
    started = fake_ghostscript(tmp_path, monkeypatch)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(BAD["eps"])
    for ask in (
        lambda: open_rgb(path),
        lambda: open_rgb(BAD["eps"]),
        lambda: pictures.stored_rgb(BAD["eps"]),
        lambda: pictures.stored_type(BAD["dos eps"]),
    ):
        with pytest.raises(UnreadableImage):
            ask()
    with pytest.raises(UserError):
        read_picture(BAD["eps"], "a.png")
    assert not started.exists()
    subprocess.run(["gs"])
    assert started.exists()  # it would have been seen


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "loop", "folder", "gone"):
        with pytest.raises(UnreadableImage):
            open_rgb(tmp_path / f"{name}.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    with pytest.raises(UnreadableImage, match="not a regular file"):
        open_rgb(tmp_path / "device.png")


@pytest.mark.filterwarnings("error")
def test_large_pictures_are_refused_by_their_head_without_a_warning():
    with pytest.raises(UnreadableImage, match="too large"):
        open_rgb(png_of(10_000, 10_000), 50_000_000)  # Pillow warns of so many
    with pytest.raises(UnreadableImage, match="too large"):
        open_rgb(png_of(20_000, 20_000))


@pytest.mark.filterwarnings("ignore")
def test_hostile_heads_cost_little():
    """Tags of one picture that all claim the same bytes, a text for a picture, a frame beyond its screen."""
    tags = b"".join(struct.pack("<HHII", 1000 + i, 7, 50_000, 0) for i in range(4000))
    exif = b"II*\0" + struct.pack("<IH", 8, 4000) + tags + struct.pack("<I", 0)
    start = time.process_time()
    assert open_rgb(encoded(Image.new("RGB", (8, 8)), "PNG", exif=exif)).size == (8, 8)
    for data in (b"P3 8 8 255\n" + b"#\n" * 500_000 + b"0 " * 192, b"P2 1 1 9 5", exif):
        with pytest.raises(UnreadableImage):
            open_rgb(data)
    frame = encoded(Image.new("P", (8, 8)), "GIF")
    at = frame.rindex(b",\0\0\0\0") + 5
    with pytest.raises(UnreadableImage, match="too large"):
        open_rgb(frame[:at] + struct.pack("<HH", 60_000, 60_000) + frame[at + 4 :])
    assert time.process_time() - start < 5
    with pytest.raises(UserError, match="no picture of a known kind"):
        read_picture(b"P6 1 1 255 \0\1\2", "a.png")  # its head is read a byte at a time


def lint(code: str, name: str) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", name, "-"]
    return subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "code",
    [
        "from PIL import Image\n\nImage.open('a')\n",
        "from PIL.Image import open as anything\n\nanything('a')\n",
        "import PIL.Image as Pictures\n\nPictures.open('a')\n",
        "import matplotlib.pyplot as plt\n\nplt.imread('a')\n",
        "from PIL import ImageFile\n\nImageFile.Parser()\n",
    ],
)
def test_the_linter_bans_opening_pictures_elsewhere(code):
    for name in ("pages/ui/thumbs.py", "lexplain_core/store/reader.py", "benchmarks/new.py"):
        assert "TID251" in lint(code, name)
    assert "TID251" not in lint(code, "lexplain_core/base/pictures.py")


def test_a_jpeg_is_not_drawn_over_and_over(tmp_path):
    buffer = io.BytesIO()
    NOISE.resize((64, 64)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(heavy := data[:-2] + 200 * last + data[-2:])
    assert pictures.stored_rgb(data).size == (64, 64)
    for read in (
        lambda: pictures.stored_rgb(heavy),
        lambda: pictures.stored_type(heavy),
        lambda: open_rgb(tmp_path / "a.jpg"),
    ):
        with pytest.raises(UnreadableImage, match="scans"):
            read()
