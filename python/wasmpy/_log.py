"""The logger "wasmpy" and the line of statistics at exit. Loaded only where there is something to say."""

from __future__ import annotations

import atexit
import logging
import sys

from ._cache import Build
from ._config import config

_found = 0
_compiled = 0
_bytes = 0
_seconds = 0.0


def logger() -> logging.Logger:
    """The logger, at the level that settings give. Where the program has set up no logging it writes to stderr."""
    result = logging.getLogger("wasmpy")
    level = config.get("log")
    if level:
        result.setLevel(level.upper())
        if not result.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("wasmpy: %(message)s"))
            result.addHandler(handler)
    return result


def looked_up(build: Build) -> None:
    """An image was looked for in the caches."""
    global _found
    if build.image is None:
        logger().debug("%s: in no cache as %s", build.filename, build.name)
    else:
        _found += 1
        logger().debug("%s: found %s", build.filename, build.image)


def compiled(build: Build, size: int, seconds: float) -> None:
    """An image was compiled."""
    global _compiled, _bytes, _seconds
    _compiled += 1
    _bytes += len(build.source)
    _seconds += seconds
    text = "%s: compiled %d bytes to %d in %.2f s%s"
    checked = ", with bounds checks" if build.is_checked else ""
    logger().info(text, build.filename, len(build.source), size, seconds, checked)


@atexit.register
def _report() -> None:
    if config.get("stats") and sys.stderr is not None:
        line = f"wasmpy: {_found} images found, {_compiled} compiled ({_bytes} bytes in {_seconds:.2f} s)"
        print(line, file=sys.stderr)
