"""Kernels: the same C as native code and as WebAssembly. Every engine must give the same checksum."""

from __future__ import annotations

from typing import Any

import measure

from groups import taking_part

# Kernel → its n: 10 to 50 ms of native code.
KERNELS = {
    "matmul": 400,
    "nbody": 500_000,
    "mandelbrot": 600,
    "fannkuch": 9,
    "spectral_norm": 1000,
    "sha256": 8000,
    "crc32": 200,
    "quicksort": 500_000,
    "json_scan": 30_000,
    "lz77": 1_000_000,
    "sieve": 8_000_000,
    "vm_switch": 25_000,
    "vm_indirect": 20_000,
    "memcpy": 800,
    "int64": 5000,
    "binary_trees": 15,
}
WARM_SECONDS = 0.3  # V8 has replaced its baseline code by then


def run(report: Any, engines: Any, quick: bool) -> None:
    times = {}
    for kernel, n in KERNELS.items():
        times[kernel] = _measure(kernel, n, engines, 3 if quick else 15)
    names = [name for name in (e.NAME for e in engines) if any(name in t for t in times.values())]
    head = ["", "ms", *names]
    rows = [
        [kernel, min(t["wasmpy"]) * 1e3, *[measure.ratio(t["wasmpy"], t[n]) if n in t else None for n in names]]
        for kernel, t in times.items()
        if "wasmpy" in t
    ]
    means = [measure.geomean(r[2 + i] for r in rows if r[2 + i] is not None) for i in range(len(names))]
    report.table(
        "Kernels: CPU time of wasmpy, and its ratio to each engine (below 1: wasmpy is faster)",
        head,
        [*rows, ["geometric mean", None, *means]],
    )


def _measure(kernel: str, n: int, engines: Any, rounds: int) -> dict[str, list[float]]:
    loaded = taking_part(engines, "kernel", kernel)
    checksums = {}
    for name, run in loaded.items():
        spent = 0.0
        while spent < WARM_SECONDS:
            checksums[name], seconds = run(n)
            spent += max(seconds, 1e-3)
    assert len(set(checksums.values())) <= 1, f"{kernel}: checksums differ: {checksums}"
    return measure.interleaved(rounds, {name: lambda run=run: run(n)[1] for name, run in loaded.items()})
