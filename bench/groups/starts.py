"""What a cached start adds to the start of Python, by where the image lies: CPU time of fresh processes of
``python -I``, interleaved. Of a tiny module, so that all of it is the package's own."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import measure
import process
import toolchain

SOURCE = "../../examples/first/my_module/wasm_math.wat"
# What no way may add, in milliseconds.
MOST = 6.0


def run(report: Any, engines: Any, quick: bool) -> None:
    work = os.path.join(toolchain.BUILD, "starts")
    shutil.rmtree(work, ignore_errors=True)
    ways = {"python -I -c pass": _start("pass", {}), **_ways(work)}
    for start in ways.values():
        start()  # compiles
    results = measure.interleaved(5 if quick else 60, ways)
    base = results["python -I -c pass"]
    rows = [[name, *_milliseconds(values, None if values is base else base)] for name, values in results.items()]
    report.table(f"Cached starts (at most {MOST:g} ms of CPU)", ["added", "least, ms", "median, ms"], rows, ".1f")


def _ways(work: str) -> dict[str, Callable[[], float]]:
    source = os.path.join(toolchain.SOURCES, SOURCE)
    for folder in ("plain", "unwritten", "site-packages"):
        os.makedirs(os.path.join(work, folder))
        shutil.copy(source, os.path.join(work, folder, "m.wat"))
    with zipfile.ZipFile(os.path.join(work, "archive.zip"), "w") as archive:
        archive.write(source, "m.wat")
    home = os.path.join(work, "home")
    os.makedirs(home)

    def importing(place: str) -> str:
        return f"import sys; sys.path.insert(0, {os.path.join(work, place)!r}); import wasmpy, m"

    loading = f"import wasmpy; m = wasmpy.load({os.path.join(work, 'plain', 'm.wat')!r})"
    at_home: dict[str, str | None] = {"HOME": home}
    return {
        "import, image in __pycache__": _start(importing("plain"), at_home),
        "import from site-packages, image in the user's cache": _start(importing("site-packages"), at_home),
        "import with python -B (PYTHONDONTWRITEBYTECODE)": _start(importing("unwritten"), at_home, "-B"),
        "import from a zip archive": _start(importing("archive.zip"), at_home),
        "load": _start(loading, at_home),
        "load, WASMPY_CACHE_DIR set": _start(loading, {"WASMPY_CACHE_DIR": os.path.join(work, "cache")}),
        "load, XDG_CACHE_HOME set": _start(loading, {"XDG_CACHE_HOME": os.path.join(work, "xdg")}),
        "import, image in __pycache__, no HOME": _start(importing("plain"), {"HOME": None}),
        "import wasmpy alone": _start("import wasmpy", at_home),
    }


def _start(code: str, environment: dict[str, str | None], *options: str) -> Callable[[], float]:
    nothing: dict[str, str | None] = {"WASMPY_CACHE_DIR": None, "XDG_CACHE_HOME": None}
    variables = {k: v for k, v in {**os.environ, **nothing, **environment}.items() if v is not None}
    return lambda: process.costs([sys.executable, "-I", *options, "-c", code], variables).cpu


def _milliseconds(values: list[float], base: list[float] | None) -> list[float]:
    """The least and the median, over those of ``base``."""
    least, middle = min(values), statistics.median(values)
    if base is not None:
        least, middle = least - min(base), middle - statistics.median(base)
    return [least * 1e3, middle * 1e3]
