"""Settings: attributes of ``wasmpy.config``, each overridden by an environment variable."""

from __future__ import annotations

import os

# Every setting with its default.
_DEFAULTS = {
    "node": "",
    "cache_dir": "",
    "no_cache": "",
    "cpu": "host",
    "quiet": "",
    "log": "",
}


class Config:
    """node: path of the Node to run the compiler in. cache_dir: where the user cache lives. no_cache: compile
    afresh into a private directory every time. cpu: ``host`` or ``baseline`` (x86-64-v2). quiet: no notice
    while compiling. log: a level name for the logger "wasmpy"."""

    def __init__(self) -> None:
        self.__dict__.update(_DEFAULTS)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _DEFAULTS:
            raise AttributeError(f"wasmpy.config has no setting {name!r}")
        self.__dict__[name] = value

    def get(self, name: str) -> str:
        """The value in force: the environment's WASMPY_<NAME>, else the attribute's."""
        return os.environ.get(f"WASMPY_{name.upper()}") or str(self.__dict__[name] or "")

    def __repr__(self) -> str:
        return f"wasmpy.config({', '.join(f'{name}={self.get(name)!r}' for name in _DEFAULTS)})"


config = Config()
