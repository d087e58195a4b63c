"""The first example of the README, then a library written in C against the same in pure Python.

``python3 dev.py demo`` runs this; so does any Python that has wasmpy: ``python examples/demo.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from time import perf_counter
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "png", "mandelbrot.png")


def main() -> None:
    sys.path[:0] = [HERE, os.path.join(HERE, "first")]
    first_example()
    decoder()


def first_example() -> None:
    print("\nFunctions in WebAssembly text\n")
    names: dict[str, object] = {}
    session(names, "import my_module, wasm_math")
    check(session(names, "my_module.add(45, 960)") == 1005, "the sum")
    check(session(names, 'wasm_math["add one"](11)') == 12, "the successor")


def decoder() -> None:
    with open(os.path.join(HERE, "png", "png.c"), encoding="utf-8") as file:
        lines = len(file.readlines())
    size = os.path.getsize(os.path.join(HERE, "png", "png.wasm"))
    print(f"\nA library: a PNG decoder, {lines} lines of C, {size / 1000:.0f} kB of WebAssembly\n")
    with open(FILE, "rb") as file:
        data = file.read()
    names: dict[str, object] = {"data": data}
    session(names, "import png")
    image = session(names, "png.decode(data)")

    from png import decode, decompress, pure

    if sys.stdout.isatty() and "truecolor" in os.environ.get("COLORTERM", ""):
        preview(image)
    expected = pure.decode(data)
    check(image == expected, "the image decoded by pure Python")
    stream = b"".join(contents for name, contents in pure.chunks(data) if name == b"IDAT")
    rows = zlib.decompress(stream)
    check(decompress(stream, len(rows)) == rows, "the data decompressed by zlib")
    print("\n  The pixels are those of pure Python, the decompressed data is that of zlib.\n")

    print(f"  {'':24}{'wasmpy':>10}{'pure Python':>15}{'ratio':>8}")
    for what, ours, theirs in (
        ("decode the image", lambda: decode(data), lambda: pure.decode(data)),
        ("only decompress", lambda: decompress(stream, len(rows)), lambda: pure.decompress(stream, len(rows))),
    ):
        fast, slow = best(ours), best(theirs)
        print(f"  {what:24}{milliseconds(fast)}{milliseconds(slow, 15)}{slow / fast:7.0f}x")
    print(f"  {'only decompress, zlib':24}{milliseconds(best(lambda: zlib.decompress(stream)))}")
    once, again = import_times()
    print(f"  {'first import (compiles)':24}{milliseconds(once)}")
    print(f"  {'every other import':24}{milliseconds(again)}\n")


def session(names: dict[str, object], line: str) -> Any:
    """Runs a line as the interactive interpreter does, and shows it."""
    print(f"  >>> {line}")
    if line.startswith("import "):
        exec(line, names)
        return None
    value = eval(line, names)
    print(f"  {value!r}")
    return value


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"wrong result: {what} differs")


def best(function: Callable[[], object]) -> float:
    """The shortest of the runs, in seconds, that fit into half a second; of five at least."""
    times: list[float] = []
    while len(times) < 5 or sum(times) < 0.5:
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def milliseconds(seconds: float, width: int = 10) -> str:
    text = f"{seconds * 1000:.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"
    return f"{text + ' ms':>{width}}"


def import_times() -> tuple[float, float]:
    """Seconds that ``import png`` takes in a fresh interpreter: with no cache at all, then with one."""
    code = "from time import perf_counter as now; start = now(); import png; print(now() - start)"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(os.path.join(HERE, "png"), os.path.join(folder, "png"), ignore=_no_cache)
        environment = {**os.environ, "WASMPY_CACHE_DIR": os.path.join(folder, "cache"), "WASMPY_QUIET": "1"}
        command = [sys.executable, "-c", code]
        times = [float(subprocess.check_output(command, cwd=folder, env=environment)) for _ in range(6)]
    return times[0], min(times[1:])


def _no_cache(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def preview(image: Any) -> None:
    """Draws the image with coloured half blocks, each half the average of the pixels it stands for."""
    columns = 60
    rows = columns * image.height // image.width // 2 * 2

    def colour(x: int, y: int) -> str:
        across = range(x * image.width // columns, (x + 1) * image.width // columns)
        down = range(y * image.height // rows, (y + 1) * image.height // rows)
        sums = [sum(image.pixels[v, u, channel] for v in down for u in across) for channel in range(3)]
        return ";".join(str(total // (len(across) * len(down))) for total in sums)

    print()
    for y in range(0, rows, 2):
        blocks = (f"\x1b[38;2;{colour(x, y)};48;2;{colour(x, y + 1)}m\u2580" for x in range(columns))
        print(f"  {''.join(blocks)}\x1b[0m")


if __name__ == "__main__":
    main()
