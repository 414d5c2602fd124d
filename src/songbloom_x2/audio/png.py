"""Writing a picture of at most 256 colours as PNG, with nothing but zlib (W3C, PNG Specification, third edition)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def encode_png(pixels: Bytes, palette: Bytes) -> bytes:
    """``pixels`` ``[height, width]`` are rows of ``palette`` ``[colours <= 256, 3]`` (red, green, blue)."""
    height, width = pixels.shape
    if height < 1 or width < 1 or pixels.max() >= len(palette) or len(palette) > 256:
        raise ValueError(f"a picture of {pixels.shape} pixels with {len(palette)} colours cannot be written")
    # Every row is preceded by its filter type; 0 is none, which suits palette pictures.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.astype(np.uint8)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
