"""Access to a memory of 8 MiB from Python: CPU time, the minimum of all rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import measure
import numpy

from groups import taking_part

CASES = ["view", "byte", "read 16", "slice 16", "write 16", "read 1 MiB"]
HEAD = ["", "a view", "a byte of it", "16 bytes", "16 bytes of a view", "write 16 bytes", "1 MiB"]


def run(report: Any, engines: Any, quick: bool) -> None:
    memories = taking_part(engines, "memory")
    competitors = {}
    for name, memory in memories.items():
        for case, (expression, values) in memory.expressions.items():
            competitors[name, case] = measure.nanoseconds(expression, **values)
        competitors[name, "numpy"] = _round_trip(memory.buffer)
    least = {key: min(values) for key, values in measure.interleaved(5 if quick else 40, competitors).items()}
    rows = [[name, *[least[name, case] for case in CASES], least[name, "numpy"] / 1e6] for name in memories]
    report.table(
        "Memory from Python, ns (C extension: a bytearray)", [*HEAD, "NumPy, 8 MB there and back, ms"], rows, ".1f"
    )


def _round_trip(buffer: Callable[[], Any]) -> Callable[[], float]:
    """An array into the memory, and a copy of the memory as an array."""
    data = numpy.arange(1_000_000, dtype=numpy.float64)
    back = numpy.empty_like(data)

    def once() -> None:
        inside = numpy.frombuffer(buffer(), numpy.float64, len(data))
        inside[:] = data
        back[:] = inside

    once()
    assert (back == data).all()
    return lambda: measure.cpu_seconds(once) * 1e9
