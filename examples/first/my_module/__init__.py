import wasmpy
from .wasm_math import add
