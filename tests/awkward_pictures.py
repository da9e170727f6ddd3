"""Pictures that a stranger's file may hold in the place of a thumbnail, made on the spot."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

from PIL import Image


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def eps() -> bytes:
    """An EPS as Pillow writes it: reading its pixels starts Ghostscript."""
    return encoded(Image.new("RGB", (8, 8), "red"), "EPS")


def png_of(width: int, height: int) -> bytes:
    """A PNG whose head promises so many pixels, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose head promises so many pixels: 16 bits each are all it has room for."""
    data = encoded(Image.new("RGB", (8, 8), "red"), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def bad() -> dict[str, bytes]:
    """By name: what must not be shown as a picture."""
    good = encoded(Image.effect_noise((64, 64), 50), "JPEG")
    small = Image.new("RGB", (8, 8), "red")
    return {
        "eps": eps(),
        "dos eps": struct.pack("<IIIIIIIH", 0xC6D3D0C5, 30, len(eps()), 0, 0, 0, 0, 0xFFFF) + eps(),
        "pdf": encoded(small, "PDF"),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "html": b"<!doctype html><script>alert(1)</script>",
        "gif": encoded(small, "GIF"),
        "tiff": encoded(small, "TIFF"),
        "ico": encoded(small, "ICO"),
        "tga": encoded(small, "TGA"),
        "empty": b"",
        "text": b"thumbnail 7",
        "png bomb": png_of(50_000, 50_000),
        "jpeg bomb": jpeg_of(65_500, 65_500),
        "no pixels": png_of(0, 0),
        "half": good[: len(good) // 2],
        "head": good[:20],
        "page behind it": good + b"<script>alert(1)</script>",
        "heavy": good[:-2] + bytes(17 * 2**20) + good[-2:],
    }


def fake_ghostscript(folder: Path, monkeypatch) -> Path:
    """Put a `gs` first on the path; the file that is there once it was started."""
    started = folder / "started"
    program = folder / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ntouch "{started}"\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    try:
        from PIL import EpsImagePlugin
    except ImportError:
        return started
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once
    return started
