"""Calls to Python from inside a loop: CPU nanoseconds per call, the minimum of all rounds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import measure

from groups import taking_part


def _add(a, b):  # type: ignore[no-untyped-def]
    return a + b


CASES = {
    "def f(i32, i32)": ("loop_i32", _add),
    "operator.add(i32, i32)": ("loop_i32", operator.add),
    "def f(f64, f64)": ("loop_f64", _add),
}


def run(report: Any, engines: Any, quick: bool) -> None:
    modules = taking_part(engines, "callbacks")
    competitors = {
        (name, case): _competitor(getattr(module, loop), callee)
        for name, module in modules.items()
        for case, (loop, callee) in CASES.items()
    }
    least = {key: min(values) for key, values in measure.interleaved(5 if quick else 60, competitors).items()}
    rows = [[name, *[least[name, case] for case in CASES]] for name in modules]
    report.table("Calls from WebAssembly or C to Python, ns", ["", *CASES], rows, ".1f")
    if "C extension" in modules:
        rows = [[name, *[least[name, case] / least["C extension", case] for case in CASES]] for name in modules]
        report.table("Callbacks, ratio of minima to the C extension", ["", *CASES], rows)


def _competitor(loop: Callable[[Any, int], Any], callee: Any) -> Callable[[], float]:
    assert loop(callee, 10) == 10045
    times = 10
    while (spent := measure.cpu_seconds(loop, callee, times)) < 5e-4:
        times *= 2
    times = int(times * 1e-3 / spent)
    return lambda: measure.cpu_seconds(loop, callee, times) / times * 1e9
