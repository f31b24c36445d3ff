# SPDX-License-Identifier: MIT
"""Writes small grayscale PNG files that are the same bytes everywhere.

The pixels are stored, not deflated: what zlib makes of them depends on its
version. Used by train.py.
"""

import struct
import zlib

GRAYSCALE = 0


def _chunk(kind, data):
    body = kind + data
    return (struct.pack(">I", len(data)) + body +
            struct.pack(">I", zlib.crc32(body)))


def encode(pixels):
    """The PNG file of a two-dimensional array of bytes."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, GRAYSCALE, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) +
            _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b""))
