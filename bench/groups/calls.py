"""Calls from Python: CPU nanoseconds, the minimum of all rounds; call instructions and freeing included."""

from __future__ import annotations

from typing import Any

import measure

from groups import taking_part

CASES = {
    "i32": ("add_i32", (1000, 2000)),
    "i64": ("add_i64", (1000, 2000)),
    "i64 big": ("add_i64", (10**15, 2**40)),
    "f64": ("add_f64", (1.5, 2.5)),
    "six": ("six", (1000, 2000, 3000, 4000, 5000, 6000)),
    "two": ("two", (1000, 2000)),
}


def run(report: Any, engines: Any, quick: bool) -> None:
    modules = taking_part(engines, "calls")
    competitors = {}
    for name, module in modules.items():
        for case, (function, arguments) in CASES.items():
            values = dict(zip("abcdeg", arguments, strict=False))
            text = ", ".join(values)
            f = getattr(module, function)
            wanted = getattr(modules["Python def"], function)(*arguments)
            assert f(*arguments) in (wanted, [*wanted] if case == "two" else wanted), (name, case)
            competitors[name, case] = measure.nanoseconds(f"f({text})", f=f, **values)
            if case == "i32":
                competitors[name, "m.add"] = measure.nanoseconds(f"m.add_i32({text})", m=module, **values)
    results = measure.interleaved(5 if quick else 60, competitors)
    cases = ["i32", "m.add", *list(CASES)[1:]]
    least = {key: min(values) for key, values in results.items()}
    rows = [[name, *[least[name, case] for case in cases]] for name in modules]
    head = [
        "",
        "add(i32, i32)",
        "m.add(i32, i32)",
        "add(i64, i64)",
        "the same, > 2³⁰",
        "add(f64, f64)",
        "six i32",
        "two results",
    ]
    report.table("Calls from Python, ns", head, rows, ".1f")
    if "C extension" in modules:
        rows = [[name, *[least[name, case] / least["C extension", case] for case in cases]] for name in modules]
        report.table("Calls, ratio of minima to the C extension", head, rows)
