import wasmpy  # noqa: F401, I001  (installs the finder that the next line needs)
from .wasm_math import add

__all__ = ["add"]
