"""Modules as bytes: what ``Module.serialize`` gives.

A line that says what it is, a digest of the rest, the lengths of a JSON header and of the source, these, the image.
The digest finds damage; nothing here keeps out who wants to make an image of his own.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from . import _cache, _identity, _target

_MAGIC = b"\0wasmpy module 1\n"
_DIGEST = 16


def pack(source: bytes, filename: str, options: dict[str, object], built: dict[str, object], image: bytes) -> bytes:
    """``options`` are the module's, ``built`` those that its image was compiled with."""
    about = {
        "compiler": _identity.identity(),
        "filename": filename,
        "options": options,
        "machine": {"target": built["target"], "cpu": built["cpu"]},
    }
    header = json.dumps(about).encode()
    content = struct.pack("<II", len(header), len(source)) + header + source + image
    return _MAGIC + bytes.fromhex(_cache.digest(content).hexdigest()) + content


def unpack(data: bytes) -> tuple[bytes, str, dict[str, object], dict[str, object], bytes]:
    """Source, file name, options, options for the machine, image; no image where it does not fit this compiler and
    machine. Raises ValueError.
    """
    begin = len(_MAGIC) + _DIGEST
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("these bytes do not come from Module.serialize")
    content = data[begin:]
    if bytes.fromhex(_cache.digest(content).hexdigest()) != data[len(_MAGIC) : begin]:
        raise ValueError("the serialized module is damaged")
    size, source_size = struct.unpack_from("<II", content)
    about: dict[str, Any] = json.loads(content[8 : 8 + size])
    source = content[8 + size : 8 + size + source_size]
    machine: dict[str, object] = about["machine"]
    cpu = str(machine["cpu"]).split(",") if machine["cpu"] else []
    fits = (
        about["compiler"] == _identity.identity()
        and machine["target"] == _target.triple()
        and set(cpu) <= set(_target.host_features())
    )
    image = content[8 + size + source_size :] if fits else b""
    return source, about["filename"], about["options"], machine, image
