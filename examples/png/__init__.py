"""PNG files, decoded by a C library that was compiled to WebAssembly: png.c, png.wasm.

>>> image = decode(data)
>>> image.width, image.height, image.pixels[0, 0, 0]

Reads every colour type, bit depth and interlacing of the PNG specification. ``pure.py`` is the same in Python.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager

import wasmpy  # makes the next line find png.wasm
from . import png as native

Buffer = bytes | bytearray | memoryview


class PNGError(ValueError):
    """The data is no PNG file, or a damaged one."""


class Image(namedtuple("Image", "width height channels bits pixels")):
    """A decoded image; ``pixels[y, x, channel]`` are its samples.

    ``channels`` is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB and alpha; ``bits`` of each sample are 8
    or 16. ``numpy.asarray(image.pixels)`` is an array of the pixels, without a copy.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<png.Image {self.width} x {self.height}, {self.channels} channels of {self.bits} bits>"


def decode(data: Buffer) -> Image:
    """Decodes a file. Raises PNGError, or MemoryError where the image does not fit."""
    with _copied(data) as (address, size), _block(20) as result:
        _check(native.decode(address, size, result))
        width, height, channels, bytes_each, pixels = native.memory.read_struct("<5I", result)
    view = _owned(pixels, width * height * channels * bytes_each)
    shape = height, width, channels
    return Image(width, height, channels, 8 * bytes_each, view.cast("BH"[bytes_each - 1], shape))


def decompress(data: Buffer, size: int) -> bytes:
    """Decompresses a zlib stream that holds exactly ``size`` bytes. Raises PNGError."""
    with _copied(data) as (address, length), _block(size) as result:
        _check(native.inflate(address, length, result, size))
        return native.memory.read(result, size)


def _check(error: int) -> None:
    """Raises the exception for an error code of the library; 0 is none, 1 no memory."""
    if error:
        text = native.memory.read_cstr(native.error_text(error))
        raise MemoryError(text) if error == 1 else PNGError(text)


@contextmanager
def _block(size: int) -> Iterator[int]:
    """The address of ``size`` bytes of linear memory."""
    address = native.malloc(size)
    if not address:
        raise MemoryError(f"no {size} bytes of linear memory")
    try:
        yield address
    finally:
        native.free(address)


@contextmanager
def _copied(data: Buffer) -> Iterator[tuple[int, int]]:
    """Address and size of a copy of ``data`` in linear memory."""
    size = memoryview(data).nbytes
    with _block(size) as address:
        native.memory.write(address, data)
        yield address, size


def _owned(address: int, size: int) -> memoryview:
    """A view of a block that is freed with the last view of it, slice of it or array on it."""
    # Views of the memory itself would keep all of it alive, but not this block allocated. An object with a buffer
    # of its own is needed in between, and ctypes has one.
    block = (ctypes.c_ubyte * size).from_buffer(native.memory, address)
    weakref.finalize(block, native.free, address).atexit = False
    return memoryview(block).cast("B")
