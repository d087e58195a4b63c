"""Modules that nobody here wrote, the quick ones: made from packages of npm, checked against oracles. The others:
``python tests/real/run.py``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import wasmpy

sys.path.insert(0, str(Path(__file__).parent / "real"))
import modules
import packages

pytestmark = pytest.mark.real


@pytest.mark.parametrize("real", modules.QUICK, ids=lambda real: real.name)
def test_real(real: modules.Real) -> None:
    try:
        path = real.build()
    except packages.AbsentError as error:
        if os.environ.get("WASMPY_REQUIRE_REAL"):
            raise
        pytest.skip(f"{real.name} cannot be had: {error}")
    if real.unsupported:
        with pytest.raises(wasmpy.UnsupportedError, match=real.unsupported):
            wasmpy.compile(path)
    else:
        real.check(path.read_bytes())
