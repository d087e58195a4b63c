"""Programs that others made, from the packages of npm that tests/real pins: what a user waits for, and how much
memory it takes. Compiled by new processes, with as many threads as they like."""

from __future__ import annotations

import os
import sys
from typing import Any

import measure
from environment import ROOT

from groups.compile import code_bytes

MODULES = {
    "sqlite": "sql.js/dist/sql-wasm.wasm",
    "resvg": "@resvg/resvg-wasm/index_bg.wasm",
    "esbuild": "esbuild-wasm/esbuild.wasm",
    "lightningcss": "lightningcss-wasm/lightningcss_node.wasm",
}


def run(report: Any, engines: Any, quick: bool) -> None:
    sys.path.insert(0, os.path.join(ROOT, "tests", "real"))
    import packages

    try:
        folder = packages.npm()
    except packages.AbsentError as error:
        print(f"ABSENT from large: {error}", flush=True)
        return
    for name, file in MODULES.items():
        path = str(folder / file)
        megabytes = os.path.getsize(path) / 1e6
        if quick and megabytes > 1:
            continue
        starters = {}
        for engine in engines:
            if hasattr(engine, "compiler") and hasattr(engine, "cold"):
                starters[engine.NAME] = lambda engine=engine, path=path: engine.cold(path)
        rounds = 3 if megabytes < 5 else 1
        rows = [
            [engine, min(c.wall for c in costs), min(c.cpu for c in costs), min(c.peak for c in costs) / 1e6]
            for engine, costs in measure.interleaved(rounds, starters).items()
        ]
        title = f"Cold, {name}: {megabytes:.1f} MB, code {code_bytes(path) / 1e6:.1f} MB"
        report.table(title, ["", "wall, s", "CPU, s", "peak of the largest process, MB"], rows, ".1f")
