"""Tables on the terminal, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from environment import ROOT
from tabulate import tabulate


class Report:
    """Collects tables and prints them as they come."""

    def __init__(self) -> None:
        self.tables: list[dict[str, Any]] = []

    def table(self, title: str, head: list[str], rows: list[list[Any]], digits: str = ".2f") -> None:
        print(f"\n### {title}\n")
        print(tabulate(rows, headers=head, tablefmt="github", floatfmt=digits, missingval="-"), flush=True)
        self.tables.append({"title": title, "head": head, "rows": rows})

    def save(self, path: str, versions: Mapping[str, str]) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), "versions": versions, "tables": self.tables}, file, indent=1)


def machine() -> dict[str, str]:
    """What the numbers depend on besides the versions."""
    cpu = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    commit = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "CPU": f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "Python": platform.python_version(),
        "commit": commit,
    }
