"""Names that people know from other packages, and what stands for them here: in the messages of AttributeErrors."""

from __future__ import annotations

_NO_STORE = (
    "there are no stores and engines here: wasmpy.load(file, imports) makes an instance, wasmpy.compile a module"
)
_NO_TYPES = (
    "types come from the module: imports take any callable; wasmpy.Func, Memory, Table and Global make the rest"
)
_NO_WASI = "WASI is not supported yet: functions of it can be passed as any others"

# Of a class, or "wasmpy": name → advice.
_ADVICE: dict[str, dict[str, str]] = {
    "wasmpy": {
        **dict.fromkeys(("Store", "Engine", "Config"), _NO_STORE),
        "Linker": "did you mean wasmpy.load(file, imports)? Imports are a mapping: {module: {name: value}}",
        **dict.fromkeys(
            ("FuncType", "ValType", "Limits", "MemoryType", "TableType", "GlobalType", "Type", "Function"), _NO_TYPES
        ),
        **dict.fromkeys(("WasiConfig", "WasiCtx", "WASI"), _NO_WASI),
        "WasmtimeError": "did you mean wasmpy.WasmError?",
        "ExitTrap": "did you mean wasmpy.Trap?",
        "Val": "values are Python's own: int, float, any object",
        "instantiate": "did you mean wasmpy.load?",
        "from_file": "did you mean wasmpy.load(path) or wasmpy.compile(path)?",
    },
    "Module": {
        "from_file": "did you mean wasmpy.compile(path)?",
        "from_bytes": "did you mean wasmpy.compile(bytes)?",
        "from_wat": "did you mean wasmpy.wat(text)?",
        "from_text": "did you mean wasmpy.wat(text)?",
        "validate": "did you mean wasmpy.validate?",
        "deserialize_file": "did you mean Module.deserialize(open(path, 'rb').read())?",
        "customSections": "did you mean custom_sections?",
        "customs": "did you mean custom_sections?",
        "name": "did you mean filename?",
    },
    "Memory": {
        "data_ptr": "did you mean memoryview(memory), or memory.view(address, count, format)?",
        "data_len": "did you mean len(memory)?",
        "data_size": "did you mean len(memory)?",
        "size": "did you mean memory.pages, or len(memory) for bytes?",
        "get_buffer_ptr": "did you mean memoryview(memory), or memory.view(address, count, format)?",
        "buffer": "did you mean memoryview(memory)?",
        "uint8_view": "did you mean memory.view(address, count)?",
        "int32_view": "did you mean memory.view(address, count, 'i')?",
        "type": "did you mean memory.pages and memory.maximum?",
    },
    "Table": {
        "get": "did you mean table[index]?",
        "set": "did you mean table[index] = value?",
        "size": "did you mean len(table)?",
        "type": "did you mean table.element and table.maximum?",
    },
    "Global": {
        "get": "did you mean the attribute value?",
        "set": "did you mean value, which can be assigned?",
        "set_value": "did you mean value, which can be assigned?",
    },
    "Frame": {
        "func_name": "did you mean function?",
        "func_index": "did you mean function, the name, or offset, the place in the binary?",
        "func_offset": "did you mean offset?",
        "module_name": "did you mean module?",
        "module_offset": "did you mean offset?",
    },
}


def complaint(owner: str, name: str, what: str, obj: object) -> AttributeError:
    """The error for an attribute that the module or class ``owner`` has not; it begins with ``what``."""
    advice = _ADVICE.get(owner, {}).get(name, "")
    error = AttributeError(f"{what} has no attribute {name!r}" + (f": {advice}" if advice else ""))
    error.name, error.obj = name, obj
    return error
