"""Where PyInstaller finds its hook for this package."""

from __future__ import annotations

import os


def hook_directories() -> list[str]:
    """The directories of hooks, for the entry point ``pyinstaller40``."""
    return [os.path.dirname(__file__)]
