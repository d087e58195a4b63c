"""The decoder of png.c in pure Python: the same files, the same checks. No zlib.

Written for speed where Python leaves a choice: codes are looked up in one step, runs are copied as slices, rows are
expanded as slices with a step.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from . import Buffer, Image, PNGError

# --- checksums -------------------------------------------------------------------------------------------------


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def crc32(data: Buffer) -> int:
    value, table = 0xFFFFFFFF, _CRC
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def adler32(data: Buffer) -> int:
    a, b = 1, 0
    for byte in data:
        a += byte
        b += a
    return b % 65521 << 16 | a % 65521


# --- inflate ---------------------------------------------------------------------------------------------------

# What a symbol stands for, as (value, extra bits): a literal byte, or 256 + base of a length.
_END = 65536
_LITERALS = [(byte, 0) for byte in range(256)] + [(_END, 0)]
_DISTANCES = [(1, 0), (2, 0)]
_base = 3
for _i in range(28):
    _extra = max(0, _i // 4 - 1)
    _LITERALS.append((256 + _base, _extra))
    _base += 1 << _extra
_LITERALS.append((256 + 258, 0))
_base = 3
for _i in range(2, 30):
    _DISTANCES.append((_base, _i // 2 - 1))
    _base += 1 << _i // 2 - 1
_LENGTHS = [(symbol, 0) for symbol in range(19)]
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)

# Entries of a table by the next bits: (length of the code, value, extra bits); None where there is no code.
_Entry = tuple[int, int, int] | None


def _build(lengths: list[int], meanings: list[tuple[int, int]], *, complete: bool = False) -> list[_Entry]:
    """The table of the canonical code with these lengths; its size is a power of two."""
    longest = max(lengths, default=0) or 1
    left = 1 << longest
    for length in lengths:
        if length:
            left -= 1 << longest - length
    used = len(lengths) - lengths.count(0)
    if left < 0 or (left > 0 and (complete or used != lengths.count(1))):
        raise PNGError("invalid Huffman code")
    table: list[_Entry] = [None] * (1 << longest)
    code = 0
    for length in range(1, longest + 1):
        for symbol, own in enumerate(lengths):
            if own == length:
                start = int(f"{code:0{length}b}"[::-1], 2)
                entry = (length, *meanings[symbol]) if symbol < len(meanings) else None
                table[start :: 1 << length] = [entry] * (1 << longest - length)
                code += 1
        code <<= 1
    return table


_FIXED = (
    _build([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, _LITERALS),
    _build([5] * 32, _DISTANCES),
)


class _Inflate:
    """A stream being decompressed."""

    def __init__(self, data: bytes, at: int, size: int) -> None:
        self.data = data
        self.at = at  # next byte to go into the buffer; may be behind the end, where zeros are
        self.bits = 0
        self.count = 0
        self.out = bytearray()
        self.size = size

    def take(self, count: int) -> int:
        while self.count < count:
            if self.at < len(self.data):
                self.bits |= self.data[self.at] << self.count
            self.at += 1
            self.count += 8
        value = self.bits & (1 << count) - 1
        self.bits >>= count
        self.count -= count
        return value

    def align(self) -> None:
        """Gives whole bytes of the buffer back. Raises PNGError where more was consumed than there is."""
        self.at -= self.count // 8
        self.bits = self.count = 0
        if self.at > len(self.data):
            raise PNGError("the file ends too early")

    def stored(self) -> None:
        self.align()
        header = self.data[self.at : self.at + 4]
        length = header[0] | header[1] << 8 if len(header) == 4 else 0
        if len(header) == 4 and length ^ 0xFFFF != header[2] | header[3] << 8:
            raise PNGError("invalid deflate block")
        start = self.at + 4
        self.at = start + length
        if len(header) < 4 or self.at > len(self.data):
            raise PNGError("the file ends too early")
        if len(self.out) + length > self.size:
            raise PNGError("too much image data")
        self.out += self.data[start : self.at]

    def codes(self) -> tuple[list[_Entry], list[_Entry]]:
        """The two codes at the start of a dynamic block."""
        literals, distances, count = self.take(5) + 257, self.take(5) + 1, self.take(4) + 4
        if literals > 286 or distances > 30:
            raise PNGError("invalid Huffman code")
        lengths = [0] * 19
        for symbol in _ORDER[:count]:
            lengths[symbol] = self.take(3)
        table = _build(lengths, _LENGTHS, complete=True)
        longest = len(table).bit_length() - 1
        lengths = []
        while len(lengths) < literals + distances:
            ahead = self.take(longest)
            entry = table[ahead]
            if entry is None:
                raise PNGError("invalid Huffman code")
            # What the code did not need goes back.
            self.bits = self.bits << longest - entry[0] | ahead >> entry[0]
            self.count += longest - entry[0]
            symbol = entry[1]
            if symbol < 16:
                lengths.append(symbol)
            elif symbol == 16:
                if not lengths:
                    raise PNGError("invalid Huffman code")
                lengths += lengths[-1:] * (3 + self.take(2))
            else:
                lengths += [0] * (3 + self.take(3) if symbol == 17 else 11 + self.take(7))
        if len(lengths) > literals + distances or not lengths[256]:
            raise PNGError("invalid Huffman code")
        return _build(lengths[:literals], _LITERALS), _build(lengths[literals:], _DISTANCES)

    def compressed(self, literals: list[_Entry], distances: list[_Entry]) -> None:
        data, at, bits, count, out, size = self.data, self.at, self.bits, self.count, self.out, self.size
        literal_mask, distance_mask = len(literals) - 1, len(distances) - 1
        from_bytes, append, end = int.from_bytes, out.append, len(data)
        try:
            while True:
                if count < 48:  # a literal or length, a distance and their extra bits: 15 + 5 + 15 + 13
                    bits |= from_bytes(data[at : at + 6], "little") << count
                    at += 6
                    count += 48
                    if at > end + 12:
                        raise PNGError("the file ends too early")
                length, value, extra = literals[bits & literal_mask]  # type: ignore[misc]
                bits >>= length
                count -= length
                if value < 256:
                    append(value)
                    continue
                if value == _END:
                    break
                run = value - 256 + (bits & (1 << extra) - 1)
                bits >>= extra
                count -= extra
                length, distance, extra = distances[bits & distance_mask]  # type: ignore[misc]
                bits >>= length
                distance += bits & (1 << extra) - 1
                bits >>= extra
                count -= length + extra
                start = len(out) - distance
                if start < 0:
                    raise PNGError("match before the start of the data")
                if distance >= run:
                    out += out[start : start + run]
                else:
                    piece = out[start:]
                    out += (piece * (run // distance + 1))[:run]
                if len(out) > size:
                    break
        except TypeError:  # an entry that is None
            raise PNGError("invalid Huffman code") from None
        if len(out) > size:
            raise PNGError("too much image data")
        self.at, self.bits, self.count = at, bits, count


def decompress(data: Buffer, size: int) -> bytearray:
    """Decompresses a zlib stream that holds exactly ``size`` bytes. Raises PNGError."""
    data = bytes(data)
    if len(data) < 6:
        raise PNGError("the file ends too early")
    if (data[0] << 8 | data[1]) % 31 or data[0] & 15 != 8 or data[0] >> 4 > 7 or data[1] & 32:
        raise PNGError("invalid zlib header")
    stream = _Inflate(data, 2, size)
    last = 0
    while not last:
        last, kind = stream.take(1), stream.take(2)
        if kind == 0:
            stream.stored()
        elif kind == 3:
            raise PNGError("invalid deflate block")
        else:
            stream.compressed(*(_FIXED if kind == 1 else stream.codes()))
    stream.align()
    if len(stream.out) < size:
        raise PNGError("too little image data")
    if stream.at + 4 > len(data):
        raise PNGError("the file ends too early")
    if int.from_bytes(data[stream.at : stream.at + 4], "big") != adler32(stream.out):
        raise PNGError("wrong Adler-32: the image data is damaged")
    return stream.out


# --- PNG -------------------------------------------------------------------------------------------------------

_GREY, _RGB, _INDEXED, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _INDEXED: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _INDEXED: (1, 2, 4, 8), _GREY_ALPHA: (8, 16), _RGB_ALPHA: (8, 16)}
# First column and row, steps between columns and rows of Adam7's passes.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and contents of each chunk up to IEND. Raises PNGError."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        starts = data and b"\x89PNG\r\n\x1a\n".startswith(data)
        raise PNGError("the file ends too early" if starts else "not a PNG file")
    at, name = 8, b""
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        if at + 12 > len(data) or end > len(data):
            raise PNGError("the file ends too early")
        name = data[at + 4 : at + 8]
        if crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise PNGError("wrong CRC: a chunk is damaged")
        yield name, data[at + 8 : end - 4]
        at = end


class _Header:
    """What the chunks say."""

    def __init__(self, data: bytes) -> None:
        self.palette: list[bytes] = []
        self.alphas: bytes | None = None
        self.key: tuple[int, ...] | None = None
        pieces: list[bytes] = []
        before = b""
        for name, contents in chunks(data):
            if (before == b"") != (name == b"IHDR") or (name in (b"PLTE", b"tRNS") and pieces):
                raise PNGError("chunks are missing or out of order")
            if name == b"IHDR":
                self._header(contents)
            elif name == b"PLTE":
                size = len(contents)
                if self.palette or size == 0 or size % 3 or size > 768 or self.colour in (_GREY, _GREY_ALPHA):
                    raise PNGError("missing or invalid palette")
                self.palette = [contents[i : i + 3] for i in range(0, size, 3)]
            elif name == b"tRNS":
                self._transparency(contents)
            elif name == b"IDAT":
                if pieces and before != b"IDAT":
                    raise PNGError("chunks are missing or out of order")
                pieces.append(contents)
            elif name == b"IEND":
                if contents:
                    raise PNGError("malformed chunk")
            elif not name[0] & 32:
                raise PNGError("unknown critical chunk")
            before = name
        if self.colour == _INDEXED and not self.palette:
            raise PNGError("missing or invalid palette")
        if not pieces:
            raise PNGError("chunks are missing or out of order")
        self.data = b"".join(pieces)

    def _header(self, contents: bytes) -> None:
        if len(contents) != 13:
            raise PNGError("invalid image header")
        self.width, self.height = (int.from_bytes(contents[i : i + 4], "big") for i in (0, 4))
        self.depth, self.colour, method, filters, self.interlaced = contents[8:]
        if not (0 < self.width < 1 << 31 and 0 < self.height < 1 << 31):
            raise PNGError("invalid image header")
        if self.depth not in _DEPTHS.get(self.colour, ()) or method or filters or self.interlaced > 1:
            raise PNGError("invalid image header")
        self.samples = _SAMPLES[self.colour]

    def _transparency(self, contents: bytes) -> None:
        size = len(contents)
        if self.transparent or (self.colour == _INDEXED and not self.palette):
            raise PNGError("chunks are missing or out of order")
        if self.colour == _INDEXED:
            if size == 0 or size > len(self.palette):
                raise PNGError("malformed chunk")
            self.alphas = contents
        elif self.colour & 4 or size != 2 * self.samples:
            raise PNGError("malformed chunk")
        else:
            mask = (1 << self.depth) - 1
            self.key = tuple(int.from_bytes(contents[i : i + 2], "big") & mask for i in range(0, size, 2))

    @property
    def transparent(self) -> bool:
        return self.alphas is not None or self.key is not None


def _unfilter(kind: int, row: bytearray, up: bytearray, step: int) -> None:
    """Undoes a row's filter in place; ``step`` is the distance of the pixel to the left."""
    size = len(row)
    if kind == 1:
        for i in range(step, size):
            row[i] = row[i] + row[i - step] & 255
    elif kind == 2:
        row[:] = [a + b & 255 for a, b in zip(row, up, strict=True)]
    elif kind == 3:
        for i in range(min(step, size)):
            row[i] = row[i] + (up[i] >> 1) & 255
        for i in range(step, size):
            row[i] = row[i] + (row[i - step] + up[i] >> 1) & 255
    elif kind == 4:
        for i in range(min(step, size)):
            row[i] = row[i] + up[i] & 255
        for i in range(step, size):
            left, above, corner = row[i - step], up[i], up[i - step]
            a = above - corner
            b = left - corner
            c = a + b
            if a < 0:
                a = -a
            if b < 0:
                b = -b
            if c < 0:
                c = -c
            if a <= b and a <= c:
                row[i] = row[i] + left & 255
            elif b <= c:
                row[i] = row[i] + above & 255
            else:
                row[i] = row[i] + corner & 255
    elif kind:
        raise PNGError("invalid filter type")


def _samples(h: _Header, row: bytearray, count: int) -> bytearray | array[int]:
    """The numbers in an unfiltered row."""
    if h.depth == 8:
        return row
    if h.depth == 16:
        wide = array("H", bytes(row))
        if sys.byteorder == "little":
            wide.byteswap()
        return wide
    per_byte, mask = 8 // h.depth, (1 << h.depth) - 1
    numbers = bytearray(len(row) * per_byte)
    for i in range(per_byte):
        shift = 8 - h.depth * (i + 1)
        numbers[i::per_byte] = bytes(byte >> shift & mask for byte in row)
    return numbers[:count]


def _expand(h: _Header, numbers: bytearray | array[int]) -> list[bytearray | array[int]]:
    """The channels of a row of pixels."""
    if h.colour == _INDEXED:
        if max(numbers) >= len(h.palette):
            raise PNGError("palette index out of range")
        channels = [bytearray(h.palette[n][i] for n in numbers) for i in range(3)]
        if h.alphas is not None:
            alphas = h.alphas + b"\xff" * (len(h.palette) - len(h.alphas))
            channels.append(bytearray(alphas[n] for n in numbers))
        return list(channels)
    split = [numbers[i :: h.samples] for i in range(h.samples)]
    alpha = None
    if h.key is not None:
        opaque = 255 if h.depth < 16 else 65535
        alpha = numbers[:0]
        alpha.extend(0 if pixel == h.key else opaque for pixel in zip(*split, strict=True))
    if h.depth < 8:
        scale = 255 // ((1 << h.depth) - 1)
        split = [bytearray(n * scale for n in channel) for channel in split]
    return split if alpha is None else [*split, alpha]


def decode(data: Buffer) -> Image:
    """Decodes a file. Raises PNGError."""
    h = _Header(bytes(data))
    passes = []
    size = 0
    for left, top, across, down in _ADAM7 if h.interlaced else ((0, 0, 1, 1),):
        width, height = len(range(left, h.width, across)), len(range(top, h.height, down))
        if width and height:
            row_size = (width * h.samples * h.depth + 7) // 8
            passes.append((left, top, across, down, width, height, row_size))
            size += height * (1 + row_size)
    channels = (3 if h.colour == _INDEXED else h.samples) + h.transparent
    if max(size, h.width * h.height * channels * (1 + (h.depth == 16))) > 1 << 30:
        raise PNGError("the image is too large")
    if size // 1032 > len(h.data):  # two bits give at most 258 bytes
        raise PNGError("too little image data")
    raw = decompress(h.data, size)
    pixels: bytearray | array[int]
    if h.depth == 16:
        pixels = array("H", bytes(2 * h.width * h.height * channels))
    else:
        pixels = bytearray(h.width * h.height * channels)
    at = 0
    step = (h.samples * h.depth + 7) // 8
    for left, top, across, down, width, height, row_size in passes:
        up = bytearray(row_size)
        for y in range(top, top + height * down, down):
            row = raw[at + 1 : at + 1 + row_size]
            _unfilter(raw[at], row, up, step)
            at += 1 + row_size
            up = row
            numbers = _samples(h, row, width)
            start = (y * h.width + left) * channels
            stop = (y + 1) * h.width * channels
            if across == 1 and h.depth == 8 and channels == h.samples and h.colour != _INDEXED:
                pixels[start:stop] = numbers
                continue
            for i, channel in enumerate(_expand(h, numbers)):
                pixels[start + i : stop : across * channels] = channel
    view = memoryview(pixels).cast("B").cast("H" if h.depth == 16 else "B", (h.height, h.width, channels))
    return Image(h.width, h.height, channels, 16 if h.depth == 16 else 8, view)
