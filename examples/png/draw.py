"""Draws mandelbrot.png: python3 draw.py (about a minute). The picture is committed; this says how it was made."""

from __future__ import annotations

import math
import os
import struct
import zlib

WIDTH, HEIGHT = 500, 375
CENTRE, SPAN = complex(-0.7436, 0.1318), 0.0105  # the valley of the seahorses
STEPS = 1000
GRID = 3  # points of each pixel, squared


def escape(c: complex) -> float:
    """How many steps of z² + c it takes to leave the circle of radius 32, with a fraction; -1 for never."""
    z = 0j
    for step in range(STEPS):
        z = z * z + c
        if z.real * z.real + z.imag * z.imag > 1024:
            return step + 1 - math.log2(math.log(abs(z)) / math.log(32))
    return -1.0


def colour(steps: float) -> tuple[float, float, float]:
    """Red, green and blue in 0…1."""
    if steps < 0:
        return 0.02, 0.02, 0.06
    t = 0.45 * math.log(steps) + 0.1
    red, green, blue = (0.5 - 0.5 * math.cos(2 * math.pi * (t + phase)) for phase in (0.55, 0.42, 0.27))
    return red, green**1.3, blue


def draw_row(y: int) -> bytes:
    """Row ``y`` of the picture, RGB."""
    row = bytearray()
    scale = SPAN / WIDTH
    for x in range(WIDTH):
        total = [0.0, 0.0, 0.0]
        for k in range(GRID * GRID):
            dx, dy = (k % GRID + 0.5) / GRID, (k // GRID + 0.5) / GRID
            point = complex((x + dx - WIDTH / 2) * scale, (HEIGHT / 2 - y - dy) * scale)
            total = [a + b for a, b in zip(total, colour(escape(CENTRE + point)), strict=True)]
        row += bytes(round(255 * component / GRID**2) for component in total)
    return bytes(row)


def filtered(row: bytes, up: bytes) -> bytes:
    """The row with the filter in front that makes its bytes smallest (PNG specification, 12.7)."""
    left, corner = bytes(3) + row[:-3], bytes(3) + up[:-3]
    candidates = (
        row,
        bytes((r - a) & 255 for r, a in zip(row, left, strict=True)),
        bytes((r - b) & 255 for r, b in zip(row, up, strict=True)),
        bytes((r - (a + b) // 2) & 255 for r, a, b in zip(row, left, up, strict=True)),
        bytes((r - paeth(a, b, c)) & 255 for r, a, b, c in zip(row, left, up, corner, strict=True)),
    )
    sums = [sum(min(byte, 256 - byte) for byte in candidate) for candidate in candidates]
    best = sums.index(min(sums))
    return bytes([best]) + candidates[best]


def paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def chunk(name: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))


def main() -> None:
    from multiprocessing import Pool

    with Pool() as pool:
        rows = pool.map(draw_row, range(HEIGHT), chunksize=4)
    lines = (filtered(row, up) for row, up in zip(rows, [bytes(3 * WIDTH), *rows], strict=False))
    data = zlib.compress(b"".join(lines), 9)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mandelbrot.png"), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)))
        for start in range(0, len(data), 1 << 16):
            file.write(chunk(b"IDAT", data[start : start + (1 << 16)]))
        file.write(chunk(b"IEND", b""))


if __name__ == "__main__":
    main()
