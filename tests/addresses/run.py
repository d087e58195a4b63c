"""Accesses to memories, at all edges, against a model that computes addresses with numbers that do not wrap.

    python tests/addresses/run.py [--checked] [--level N] [--seed N] [--random N] [--compiler DIRECTORY]
        [GROUP…]

Every memory lies between fences, 64 GiB on either side in which nothing is mapped that could be read or written. An
address that is wrong cannot meet foreign data: it misses the value that the model expects, traps where the model does
not, or faults outside of the reservation and so ends the process. With --checked there is a fence right behind the
memory's maximum. The compiler verifies its own stages on the way. Exit status 1, or a signal, if anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cases import run_cases
from sequences import run_bulk, run_growth, run_loops, run_partners
from session import Session
from wasmpy import _target

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import oracle

# Group → the function, and what it is run with: where the memory comes from, type of its addresses, pages.
GROUPS: dict[str, tuple[Callable[..., None], list[tuple[Any, ...]]]] = {
    "widths": (partial(run_cases, "widths"), [
        ("own", "i32", 65536), ("imported", "i32", 1), ("second, imported", "i32", 32769), ("own", "i64", 65536),
        ("second", "i64", 1),
    ]),
    "indices": (partial(run_cases, "indices"), [
        ("own", "i32", 65536), ("exported", "i32", 2), ("imported", "i32", 32768), ("second", "i32", 65536),
        ("own", "i64", 65536),
    ]),
    "combined": (partial(run_cases, "combined"), [
        ("own", "i32", 65536), ("exported", "i32", 2), ("imported", "i32", 32768), ("second", "i32", 65536),
        ("own", "i64", 65536),
    ]),
    "loops": (run_loops, [("own", "i32", 65536), ("own", "i32", 1), ("second", "i32", 65536), ("own", "i64", 65536)]),
    "growth": (run_growth, [("", "i32"), ("", "i64"), ("imported", "i32"), ("imported", "i64")]),
    "bulk": (run_bulk, [("i32", 65536), ("i32", 1), ("i64", 65536), ("i64", 3)]),
    "partners": (run_partners, [()]),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checked", action="store_true", help="images with bounds checks")
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, default=40, help="how many indices at random")
    parser.add_argument("--calls", type=int, default=24, help="of each function")
    parser.add_argument("--settings", type=int, help="how many of each group's, of all")
    parser.add_argument("--compiler", type=Path, help="sources of another compiler")
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS])
    options = parser.parse_args()
    if options.compiler is not None:
        oracle.use(options.compiler)
    compile_options = _target.options
    _target.options = lambda: {**compile_options(), "verified": options.compiler is None, "level": options.level}
    s = Session(options)
    for name in options.groups or GROUPS:
        run, settings = GROUPS[name]
        for setting in settings[: options.settings]:
            before = s.calls, s.traps
            run(s, *setting)
            what = " ".join(map(str, (name, *setting)))
            print(f"{what}: {s.calls - before[0]} calls, {s.traps - before[1]} traps")
    print(f"{s.calls} calls, {s.traps} traps, {len(s.failures)} failures")
    return 1 if s.failures else 0


if __name__ == "__main__":
    sys.exit(main())
