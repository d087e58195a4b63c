"""The examples: the demo as a user runs it, and the PNG decoder against independent expectations.

The oracles are zlib for compressed data, the samples that a file was made from for pixels, and, for damaged files,
the decoder in pure Python.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import re
import struct
import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import environment

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
MANDELBROT = EXAMPLES / "png" / "mandelbrot.png"

GREY, RGB, INDEXED, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, INDEXED: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
FORMATS = [
    *((GREY, depth) for depth in (1, 2, 4, 8, 16)),
    *((INDEXED, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (RGB, GREY_ALPHA, RGB_ALPHA) for depth in (8, 16)),
]
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@pytest.fixture(scope="module")
def png(cache):
    """The example's package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASMPY_CACHE_DIR", str(cache))
        patch.syspath_prepend(str(EXAMPLES))
        yield importlib.import_module("png")


@pytest.fixture(scope="module")
def pure(png):
    return importlib.import_module("png.pure")


# --- the demo --------------------------------------------------------------------------------------------------


def test_demo(tmp_path, cache):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py")],
        cwd=tmp_path,
        env={**os.environ, **environment(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[lines.index(">>> my_module.add(45, 960)") + 1] == "1005"
    assert lines[lines.index('>>> wasm_math["add one"](11)') + 1] == "12"
    assert "<png.Image 500 x 375, 3 channels of 8 bits>" in lines
    decoding = next(line for line in lines if line.startswith("decode the image"))
    ratio = re.search(r"(\d+)x$", decoding)
    assert ratio is not None
    assert int(ratio[1]) > 10, "native code should be faster than this"
    assert len(lines) < 40


def test_first_example_is_that_of_the_readme():
    files = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert {name for name, _ in files} >= {"my_module/__init__.py", "my_module/wasm_math.wat", "wasm_math.wat"}
    for name, content in files:
        assert (EXAMPLES / "first" / name).read_text() == content


def test_every_python_decodes_the_picture(interpreter, cache):
    code = (
        "import png, zlib\n"
        "image = png.decode(open('png/mandelbrot.png', 'rb').read())\n"
        "print(image, zlib.crc32(image.pixels))"
    )
    done = interpreter.run("-c", code, cwd=EXAMPLES, env=environment(cache))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "<png.Image 500 x 375, 3 channels of 8 bits> 464629331\n"


def test_the_picture_is_what_draw_draws(png):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES / "png"))
        draw = importlib.import_module("draw")
    pixels = bytes(png.decode(MANDELBROT.read_bytes()).pixels)
    for y in (3, 180):
        assert draw.draw_row(y) == pixels[3 * 500 * y : 3 * 500 * (y + 1)]


@pytest.mark.skipif(find_spec("ziglang") is None, reason="needs the Zig tool chain: pip install ziglang==0.17.1")
def test_the_binary_is_what_build_builds(tmp_path):
    build = EXAMPLES / "png" / "build.py"
    code = f"import runpy; runpy.run_path({str(build)!r})['build']({str(tmp_path / 'png.wasm')!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "png.wasm").read_bytes() == (EXAMPLES / "png" / "png.wasm").read_bytes()


# --- files of every kind ---------------------------------------------------------------------------------------


def chunk(name: bytes, contents: bytes = b"") -> bytes:
    return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
IEND = chunk(b"IEND")


def header(width=2, height=2, depth=8, colour=GREY, interlaced=0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def filtered(kind: int, row: bytes, up: bytes, step: int) -> bytes:
    """A row as it stands in a file (PNG specification, 9.2)."""
    out = bytearray([kind])
    for i, byte in enumerate(row):
        a, b, c = (row[i - step], up[i], up[i - step]) if i >= step else (0, up[i], 0)
        p = a + b - c
        paeth = sorted(((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c)))[0][2]
        out.append((byte - (0, a, b, (a + b) // 2, paeth)[kind]) & 255)
    return bytes(out)


def packed(row: list[tuple[int, ...]], depth: int) -> bytes:
    """A row's samples as bits, most significant first."""
    bits = "".join(f"{sample:0{depth}b}" for pixel in row for sample in pixel)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def write(rows: list[list[tuple[int, ...]]], depth: int, colour: int, interlaced: int, *before: bytes) -> bytes:
    """A PNG file of these pixels, every filter in use and the data in several chunks."""
    random_filter = random.Random(len(rows))
    step = max(1, SAMPLES[colour] * depth // 8)
    data = b""
    for left, top, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        up = None
        for row in rows[top::down]:
            if row[left::across]:
                content = packed(row[left::across], depth)
                data += filtered(random_filter.randrange(5), content, up or bytes(len(content)), step)
                up = content
    data = zlib.compress(data)
    pieces = [data[:1], b"", data[1:7], data[7:]]
    return b"".join(
        [SIGNATURE, header(len(rows[0]), len(rows), depth, colour, interlaced), *before, chunk(b"tEXt", b"a\0b")]
        + [chunk(b"IDAT", piece) for piece in pieces]
        + [IEND]
    )


def check(module, file: bytes, rows: list[list[tuple[int, ...]]], bits: int) -> None:
    """Decodes and compares with the pixels as they should come out."""
    image = module.decode(file)
    assert (image.width, image.height, image.channels, image.bits) == (len(rows[0]), len(rows), len(rows[0][0]), bits)
    assert image.pixels.shape == (image.height, image.width, image.channels)
    assert image.pixels.format == ("H" if bits == 16 else "B")
    assert [[tuple(pixel) for pixel in row] for row in image.pixels.tolist()] == rows


@pytest.mark.parametrize(
    ("size", "interlaced"), [(size, i) for size in ((1, 1), (3, 2), (5, 9), (21, 17)) for i in (0, 1)], ids=str
)
@pytest.mark.parametrize(
    ("colour", "depth", "transparent"),
    [(*f, False) for f in FORMATS] + [(*f, True) for f in FORMATS if f[0] in (GREY, RGB, INDEXED)],
)
def test_every_format(png, pure, colour, depth, transparent, size, interlaced):  # noqa: PLR0917
    rng = random.Random(f"{colour}{depth}{transparent}{interlaced}{size}")
    width, height = size
    top = (1 << depth) - 1
    before = []
    if colour == INDEXED:
        palette = [tuple(rng.randbytes(3)) for _ in range(rng.randint(1, top + 1))]
        alphas = rng.randbytes(rng.randint(1, len(palette)))
        before.append(chunk(b"PLTE", b"".join(map(bytes, palette))))
        if transparent:
            before.append(chunk(b"tRNS", alphas))
        rows = [[(rng.randrange(len(palette)),) for _ in range(width)] for _ in range(height)]
        full = [(*c, *([alphas[i] if i < len(alphas) else 255] * transparent)) for i, c in enumerate(palette)]
        expected = [[full[i] for (i,) in row] for row in rows]
    else:
        # Few values, so that the transparent colour occurs and nearly occurs.
        values = [0, top, top // 2, rng.randrange(top + 1)]
        rows = [[tuple(rng.choices(values, k=SAMPLES[colour])) for _ in range(width)] for _ in range(height)]
        scale = {1: 255, 2: 85, 4: 17}.get(depth, 1)
        opaque = 65535 if depth == 16 else 255
        key = rng.choice(rows[0])
        if transparent:
            before.append(chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)))
        alpha = {True: lambda pixel: (0 if pixel == key else opaque,), False: lambda pixel: ()}[transparent]
        expected = [[(*(s * scale for s in pixel), *alpha(pixel)) for pixel in row] for row in rows]
    file = write(rows, depth, colour, interlaced, *before)
    for module in (png, pure):
        check(module, file, expected, 16 if depth == 16 else 8)


def test_numpy_sees_the_pixels_without_a_copy(png):
    numpy = pytest.importorskip("numpy")
    image = png.decode(MANDELBROT.read_bytes())
    pixels = numpy.asarray(image.pixels)
    assert pixels.shape == (375, 500, 3)
    assert pixels.dtype == numpy.uint8
    assert numpy.shares_memory(pixels, numpy.frombuffer(png.native.memory, numpy.uint8))
    pixels[7, 5] = 1, 2, 3
    assert image.pixels[7, 5, 2] == 3


# --- inflate ---------------------------------------------------------------------------------------------------

CONTENTS = {
    "empty": b"",
    "one byte": b"x",
    "zeros": bytes(70_000),
    "noise": random.Random(1).randbytes(70_000),
    "text": b" ".join(str(i * i).encode() for i in range(20_000)),
    "runs": b"".join(bytes([i % 251]) * (i % 300) for i in range(700)),
    "skewed": bytes(min(255, int(random.Random(i).expovariate(0.25))) for i in range(40_000)),
    # Symbols with the frequencies of the Fibonacci numbers have the longest codes.
    "fibonacci": b"".join(bytes([i]) * n for i, n in enumerate([1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377,
                                                                610, 987, 1597, 2584, 4181, 6765, 10946])),
}  # fmt: skip
STRATEGIES = {
    "stored": {"level": 0},
    "fast": {"level": 1},
    "best": {"level": 9},
    "fixed": {"level": 9, "strategy": zlib.Z_FIXED},
    "huffman": {"level": 9, "strategy": zlib.Z_HUFFMAN_ONLY},
    "rle": {"level": 9, "strategy": zlib.Z_RLE},
    "small window": {"level": 9, "wbits": 9},
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("contents", CONTENTS)
def test_decompress(png, pure, contents, strategy):
    data = CONTENTS[contents]
    deflate = zlib.compressobj(**STRATEGIES[strategy])
    # Flushing in between puts empty and partial blocks into the stream.
    stream = deflate.compress(data[:1000]) + deflate.flush(zlib.Z_FULL_FLUSH)
    stream += deflate.compress(data[1000:]) + deflate.flush()
    for module in (png, pure):
        assert module.decompress(stream, len(data)) == data
        assert module.decompress(stream + b"more", len(data)) == data
        with pytest.raises(module.PNGError, match="too little"):
            module.decompress(stream, len(data) + 1)
        if data:
            with pytest.raises(module.PNGError, match="too much"):
                module.decompress(stream, len(data) - 1)


def outcome(function, *arguments):
    """What a function returns, or None where it raises PNGError."""
    try:
        return function(*arguments)
    except sys.modules["png"].PNGError:
        return None


def test_damaged_streams_as_zlib(png, pure):
    """Streams with bits flipped, checksum made right again: accepted where zlib does, with the same result."""
    rng = random.Random(2)
    accepted = 0
    for i in range(1500):
        data = rng.choice([CONTENTS["text"], CONTENTS["skewed"], CONTENTS["noise"]])[: rng.randrange(400)]
        options = rng.choice(list(STRATEGIES.values()))
        deflate = zlib.compressobj(**options)
        stream = bytearray(deflate.compress(data) + deflate.flush())[:-4]
        for _ in range(rng.randrange(3)):
            stream[rng.randrange(2, len(stream))] ^= 1 << rng.randrange(8)
        raw = zlib.decompressobj(-15)
        try:
            expected = raw.decompress(bytes(stream[2:]))
        except zlib.error:
            expected = None
        if expected is not None and not raw.eof:
            expected = None
        checksum = struct.pack(">I", zlib.adler32(expected or b""))
        stream = bytes(stream[: len(stream) - len(raw.unused_data)] if expected is not None else stream) + checksum
        size = len(data) if expected is None else len(expected)
        assert outcome(png.decompress, stream, size) == expected
        if i % 5 == 0:
            assert outcome(pure.decompress, stream, size) == expected
        accepted += expected is not None
    assert 300 < accepted < 1300


# --- damaged files ---------------------------------------------------------------------------------------------

PLAIN = SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\1cd")) + IEND
INDEXED_FILE = (
    SIGNATURE
    + header(colour=INDEXED, depth=2)
    + chunk(b"PLTE", bytes(9))
    + chunk(b"IDAT", zlib.compress(b"\0\x10\0\x20"))
    + IEND
)
IDAT = chunk(b"IDAT", zlib.compress(b"\0ab\0cd"))


@pytest.mark.parametrize("module", ["png", "png.pure"])
@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (SIGNATURE[:5], "too early"),
        (SIGNATURE, "too early"),
        (PLAIN[:-12], "too early"),
        (PLAIN[:-1], "too early"),
        (SIGNATURE + header() + IDAT[:-4] + b"abcd" + IEND, "wrong CRC"),
        (SIGNATURE + header()[:-1] + b"x" + IDAT + IEND, "wrong CRC"),
        (PLAIN[:-1] + b"x", "wrong CRC"),
        (SIGNATURE + IDAT + header() + IEND, "out of order"),
        (SIGNATURE + header() + header() + IDAT + IEND, "out of order"),
        (SIGNATURE + header() + IEND, "out of order"),
        (SIGNATURE + header() + IDAT + chunk(b"tIME") + IDAT + IEND, "out of order"),
        (SIGNATURE + header() + chunk(b"ABCD") + IDAT + IEND, "unknown critical"),
        (SIGNATURE + header() + IDAT + chunk(b"IEND", b"x"), "malformed chunk"),
        (SIGNATURE + chunk(b"IHDR", bytes(12)) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(width=0) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(height=2**31) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(depth=3) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(depth=0) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(depth=4, colour=RGB) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(colour=1) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(colour=200) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(interlaced=2) + IDAT + IEND, "invalid image header"),
        (SIGNATURE + header(colour=INDEXED) + IDAT + IEND, "palette"),
        (SIGNATURE + header(colour=INDEXED) + chunk(b"PLTE", bytes(4)) + IDAT + IEND, "palette"),
        (SIGNATURE + header(colour=INDEXED) + chunk(b"PLTE", bytes(771)) + IDAT + IEND, "palette"),
        (SIGNATURE + header() + chunk(b"PLTE", bytes(3)) + IDAT + IEND, "palette"),
        (SIGNATURE + header(colour=INDEXED) + chunk(b"PLTE", bytes(6)) + IDAT + IEND, "palette index"),
        (SIGNATURE + header(colour=INDEXED) + chunk(b"tRNS", bytes(1)) + IDAT + IEND, "out of order"),
        (SIGNATURE + header() + chunk(b"tRNS", bytes(3)) + IDAT + IEND, "malformed chunk"),
        (SIGNATURE + header(colour=GREY_ALPHA) + chunk(b"tRNS", bytes(4)) + IDAT + IEND, "malformed chunk"),
        (SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\5cd")) + IEND, "invalid filter"),
        (SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\0c")) + IEND, "too little"),
        (SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\0cde")) + IEND, "too much"),
        (SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\0cd")[:-1] + b"\xff") + IEND, "wrong Adler"),
        (SIGNATURE + header() + chunk(b"IDAT", zlib.compress(b"\0ab\0cd")[:-3]) + IEND, "too early"),
        (SIGNATURE + header() + chunk(b"IDAT", b"abcdefgh") + IEND, "zlib header"),
        (SIGNATURE + header() + chunk(b"IDAT", b"x\x9c" + b"\xff" * 20) + IEND, "deflate block"),
        (SIGNATURE + header() + chunk(b"IDAT", b"x\x9c" + b"\1\1\0\0\0" * 20) + IEND, "deflate block"),
        (SIGNATURE + header(2**30, 2**30, 16, RGB_ALPHA) + IDAT + IEND, "too large"),
        (SIGNATURE + header(2**31 - 1, 2**31 - 1, 16, RGB_ALPHA, 1) + IDAT + IEND, "too large"),
        (SIGNATURE + header(2**31 - 1, 1, 1, GREY, 1) + IDAT + IEND, "too large"),
        # Large, small enough, and impossible in so few bytes: nothing is allocated for it.
        (SIGNATURE + header(30_000, 30_000) + IDAT + IEND, "too little"),
    ],
)
def test_what_is_no_image(png, pure, module, file, message):
    with pytest.raises(png.PNGError, match=message):
        sys.modules[module].decode(file)
    assert isinstance(png.PNGError(), ValueError)
    assert len(png.native.memory) < 100 << 20


@pytest.mark.parametrize("file", [PLAIN, INDEXED_FILE], ids=["grey", "indexed"])
def test_every_prefix_and_every_flipped_bit(png, pure, file):
    for module in (png, pure):
        module.decode(file)
        for size in range(len(file)):
            with pytest.raises(png.PNGError):
                module.decode(file[:size])
        for i in range(len(file) * 8):
            damaged = bytearray(file)
            damaged[i // 8] ^= 1 << i % 8
            with pytest.raises(png.PNGError):
                module.decode(damaged)


def test_the_picture_damaged(png):
    file = MANDELBROT.read_bytes()
    rng = random.Random(3)
    for _ in range(200):
        damaged = bytearray(file)
        damaged[rng.randrange(len(file))] ^= 1 << rng.randrange(8)
        with pytest.raises(png.PNGError):
            png.decode(damaged)
        with pytest.raises(png.PNGError):
            png.decode(file[: rng.randrange(len(file))])


def test_random_bytes(png):
    rng = random.Random(4)
    for start in (b"", SIGNATURE, SIGNATURE + header(), SIGNATURE + header() + b"\0\0\0\x09IDATx\x9c"):
        for _ in range(500):
            with pytest.raises(png.PNGError):
                png.decode(start + rng.randbytes(rng.randrange(300)))


def test_damaged_files_with_right_checksums(png, pure):
    """Anything may stand in the chunks; both decoders must come to the same image, or none."""
    rng = random.Random(5)
    images = 0
    for _ in range(600):
        colour, depth = rng.choice(FORMATS)
        palette = chunk(b"PLTE", rng.randbytes(3 * rng.randrange(1, (1 << min(depth, 8)) + 1))) * (colour == INDEXED)
        rows = rng.randbytes(rng.randrange(200))
        if rng.random() < 0.7:
            rows = bytes(byte % 5 if byte < 128 else 0 for byte in rows)
        stream = bytearray(zlib.compress(rows))
        if rng.random() < 0.3:
            stream[rng.randrange(len(stream))] ^= 1 << rng.randrange(8)
        size = rng.randrange(9), rng.randrange(9)
        file = SIGNATURE + header(*size, depth, colour, rng.randrange(2)) + palette + chunk(b"IDAT", stream) + IEND
        # Pad or cut the rows to fit, so that some files are images.
        complaint = ""
        try:
            pure.decode(file)
        except png.PNGError as error:
            complaint = str(error)
        if complaint == "too little image data":
            rows += bytes(400)
        for length in range(len(rows), 0, -1) if "too" in complaint else ():
            fitted = chunk(b"IDAT", zlib.compress(rows[:length]))
            file = SIGNATURE + header(*size, depth, colour, 0) + palette + fitted + IEND
            if outcome(png.decode, file) is not None:
                break
        result, expected = outcome(png.decode, file), outcome(pure.decode, file)
        assert result == expected
        images += result is not None
    assert images > 100


# --- linear memory ---------------------------------------------------------------------------------------------


def test_pixels_live_as_long_as_their_views(png):
    file = MANDELBROT.read_bytes()
    expected = bytes(png.decode(file).pixels)
    part = png.decode(file).pixels.cast("B")[1000:2000]  # the image itself is gone
    gc.collect()
    others = [png.decode(file) for _ in range(5)]
    for other in others:
        other.pixels[0, 400, 0] ^= 255
    assert part == expected[1000:2000]
    del part, others, other
    gc.collect()
    size = len(png.native.memory)
    for _ in range(100):
        png.decode(file)
    assert len(png.native.memory) == size


def test_errors_leak_nothing(png):
    file = MANDELBROT.read_bytes()
    damaged = file[:150_000] + bytes([file[150_000] ^ 1]) + file[150_001:]
    adler = SIGNATURE + header(500, 500) + chunk(b"IDAT", zlib.compress(bytes(501 * 500))[:-1] + b"\xff") + IEND
    sizes = set()
    for _ in range(200):
        for bad in (damaged, file[:-5], adler):
            with pytest.raises(png.PNGError):
                png.decode(bad)
        sizes.add(len(png.native.memory))
    assert len(sizes) == 1


def test_no_memory(png):
    with pytest.raises(MemoryError):
        png.decompress(b"", 0xF000_0001)
    with pytest.raises(OverflowError):
        png.decompress(b"", 1 << 32)
    with pytest.raises(TypeError):
        png.decode("mandelbrot.png")


def test_malloc(png):
    native = png.native
    rng = random.Random(6)
    blocks: dict[int, int] = {}
    for _ in range(4000):
        if blocks and rng.random() < 0.5:
            address = rng.choice(list(blocks))
            size = blocks.pop(address)
            assert native.memory.read(address, size) == bytes([size & 255]) * size
            native.free(address)
        else:
            size = rng.choice([0, 1, 15, 16, 17, 100, rng.randrange(10_000)])
            address = native.malloc(size)
            assert address % 16 == 0
            native.memory.write(address, bytes([size & 255]) * size)
            blocks[address] = size
    for address in blocks:
        native.free(address)
    # Neighbours were merged: what is free now is one block, as large as all of them.
    size = len(native.memory)
    address = native.malloc(sum(blocks.values()))
    assert address
    assert len(native.memory) == size
    native.free(address)
    native.free(0)
    assert native.malloc(2**32 - 1) == 0
