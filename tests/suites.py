"""Where the specification's test suites are, which are no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

SPEC = Path(os.environ.get("WASMPY_SPEC") or Path(__file__).resolve().parents[2] / "shared" / "spec")
