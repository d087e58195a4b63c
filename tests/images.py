"""Digests of many images, to prove that a change of the compiler changes no code that it makes.

    python3 tests/images.py record FILE [--quick]     before the change
    python3 tests/images.py compare FILE [--quick]    after it: prints what differs, and fails if anything does

They are the images, in every setting (quick, checked, without newer CPU features, without the lock), of all golden
files, of 2,000 seeds of the fuzzer, of the specification's suites (``../shared/spec``, or where ``WASMPY_SPEC``
points), and of the modules from npm that ``tests/real`` has installed. ``--quick``: of the golden files and 60 seeds;
it can also be compared with a whole recording. Node runs the compiler's sources (``compiler/tools/digests.ts``), one
process for each CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import oracle
from suites import SPEC

ROOT = Path(__file__).resolve().parent.parent
COMPILER = ROOT / "compiler"
GOLDEN = COMPILER / "tests" / "golden"
REAL = ROOT / "tests" / "real" / ".work"
SEEDS, QUICK_SEEDS, AT_A_TIME = 2000, 60, 60
# Lines of differences.
SHOWN = 30


class Images(NamedTuple):
    """A module's digest, and by setting those of its images; of one that does not compile, the diagnostic."""

    source: str
    results: dict[str, str]


def _work(quick: bool) -> tuple[list[list[str]], list[str]]:
    """What there is to compile, in pieces that take seconds to minutes, and what is not there."""
    count = QUICK_SEEDS if quick else SEEDS
    seeds = [[f"seeds:{k}-{min(k + AT_A_TIME, count)}"] for k in range(0, count, AT_A_TIME)]
    golden = [str(GOLDEN)]
    if quick:
        return [golden, *seeds], []
    absent = []
    suites = [[str(folder)] for folder in sorted(SPEC.iterdir()) if folder.is_dir()] if SPEC.is_dir() else []
    if not suites:
        absent.append(f"no suites at {SPEC}")
    real = sorted(REAL.rglob("*.wasm"), key=lambda path: -path.stat().st_size)
    if not real:
        absent.append(f"no modules from npm in {REAL}: python3 tests/real/run.py installs them")
    return [*([str(path)] for path in real), *suites, golden, *seeds], absent


def _digests(what: list[str]) -> dict[str, Images]:
    command = [oracle.find_node(), "--max-old-space-size=4096", "tools/digests.ts", *what]
    done = subprocess.run(command, cwd=COMPILER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(what)}: {done.stderr}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {_short(name): Images(source, results) for name, source, results in rows}


def _short(name: str) -> str:
    """Without what depends on where the project lies."""
    for root in (COMPILER, REAL.resolve(), REAL, SPEC):
        name = name.replace(f"{root}{os.sep}", "")
    return name


def make(quick: bool) -> dict[str, Images]:
    """The digests by name of a module; says what is left out."""
    pieces, absent = _work(quick)
    for line in absent:
        print(f"left out: {line}")
    made: dict[str, Images] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(_digests, pieces):
            made.update(part)
    return made


def count(images: dict[str, Images]) -> str:
    results = [result for one in images.values() for result in one.results.values()]
    refused = sum(result.startswith("[") for result in results)
    return f"{len(images)} modules, {len(results) - refused} images, {refused} diagnostics"


def differences(old: dict[str, Images], new: dict[str, Images]) -> tuple[list[str], list[str]]:
    """What differs of modules that are the same in both; and which modules are not."""
    changed, others = [], []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            others.append(f"{name}: only in the recording")
        elif name not in old:
            others.append(f"{name}: not in the recording")
        elif old[name].source != new[name].source:
            others.append(f"{name}: another module")
        else:
            before, after = old[name].results, new[name].results
            for setting in sorted(before.keys() | after.keys()):
                was, now = before.get(setting, "nothing"), after.get(setting, "nothing")
                if was != now:
                    changed.append(f"{name}, {setting}: was {was}, is {now}")
    return changed, others


def _in_quick(name: str) -> bool:
    first, _, rest = name.partition(" ")
    return (first == "seed" and int(rest.split(".")[0]) < QUICK_SEEDS) or name.startswith("tests/golden/")


def _shown(title: str, lines: list[str]) -> None:
    if lines:
        print(f"{title}: {len(lines)}", *lines[:SHOWN], *["…"] * (len(lines) > SHOWN), sep="\n  ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true", help="golden files and 60 seeds only")
    arguments = parser.parse_args()
    begun = time.monotonic()
    old = {}
    if arguments.what == "compare":
        recorded = json.loads(arguments.file.read_text())
        old = {n: Images(*one) for n, one in recorded.items() if not arguments.quick or _in_quick(n)}
    new = make(arguments.quick)
    seconds = time.monotonic() - begun
    if arguments.what == "record":
        arguments.file.write_text(json.dumps(new))
        print(f"recorded: {count(new)}; {seconds:.0f} s")
        return 0
    changed, others = differences(old, new)
    _shown("changed", changed)
    _shown("not compared", others)
    same = sum(len(one.results) for n, one in new.items() if n in old and old[n].source == one.source) - len(changed)
    print(f"{same} of {same + len(changed)} results are the same ({count(new)}); {seconds:.0f} s")
    return 1 if changed or others else 0


if __name__ == "__main__":
    sys.exit(main())
