"""Measuring: CPU time, competitors interleaved round by round, ratios per round."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from typing import Any

UNROLLED = 20


def interleaved(rounds: int, competitors: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Calls every competitor once per round; each returns what it measured. Odd rounds run backwards."""
    results: dict[str, list[float]] = {name: [] for name in competitors}
    names = list(competitors)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(competitors[name]())
    return results


def ratio(of: list[float], to: list[float]) -> float:
    """The median of the ratios of every round."""
    return statistics.median(a / b for a, b in zip(of, to, strict=True))


def geomean(values: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(v) for v in values))


def cpu_seconds(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> float:
    """The CPU time of one call, of this thread."""
    start = time.thread_time()
    function(*arguments, **keywords)
    return time.thread_time() - start


def timed(function: Callable[[int], int]) -> Callable[[int], tuple[int, float]]:
    """``function`` with its CPU time."""

    def run(n: int) -> tuple[int, float]:
        start = time.thread_time()
        result = function(n)
        return result, time.thread_time() - start

    return run


def _loop(expression: str, names: Iterable[str]) -> Any:
    body = f"\n  {expression}" * UNROLLED if expression else " pass"
    namespace: dict[str, Any] = {}
    exec(f"def run(_times, {', '.join(names)}):\n for _ in _times:{body}\n", namespace)
    return namespace["run"]


def nanoseconds(expression: str, slice_seconds: float = 1e-3, **values: Any) -> Callable[[], float]:
    """A competitor: CPU nanoseconds of ``expression``, its names being local variables; the loop subtracted.

    Each has its own code object, as the interpreter specialises call sites by what they have seen.
    """
    run, empty = _loop(expression, values), _loop("", values)
    times = 1
    while (spent := cpu_seconds(run, repeat(None, times), **values)) < slice_seconds / 4:
        times *= 2
    times = max(1, int(times * slice_seconds / spent))

    def once() -> float:
        base = cpu_seconds(empty, repeat(None, times), **values)
        return (cpu_seconds(run, repeat(None, times), **values) - base) / times / UNROLLED * 1e9

    return once
