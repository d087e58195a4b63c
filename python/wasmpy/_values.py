"""Numbers as WebAssembly means them: unsigned integers, the bits of floats."""

from __future__ import annotations

from _operator import index
from struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
else:
    from ._lazy import typing


def _unsigned(value: typing.SupportsIndex, bits: int) -> int:
    number = index(value)
    if not -1 << (bits - 1) <= number < 1 << bits:
        raise OverflowError(f"{number} does not fit an i{bits}, signed or unsigned")
    return number & ((1 << bits) - 1)


def u32(value: typing.SupportsIndex) -> int:
    """The i32 ``value`` as an unsigned number, 0 to 2**32 - 1: results of functions are signed.

    Takes -2**31 to 2**32 - 1; raises OverflowError for other ints.
    """
    return _unsigned(value, 32)


def u64(value: typing.SupportsIndex) -> int:
    """The i64 ``value`` as an unsigned number, 0 to 2**64 - 1. Takes -2**63 to 2**64 - 1, else OverflowError."""
    return _unsigned(value, 64)


def _float(value: typing.SupportsFloat) -> float:
    """As an argument of a call: ints that are too large are infinite."""
    try:
        return float(value)
    except OverflowError:
        if not isinstance(value, int):
            raise
        return float("inf") if value > 0 else float("-inf")


def f32_bits(value: typing.SupportsFloat) -> int:
    """The 32 bits of ``value`` as an f32, rounded to nearest. A signalling NaN may come out as a quiet one."""
    number = _float(value)
    try:
        bits: int = unpack("<I", pack("<f", number))[0]
    except OverflowError:  # beyond the largest f32: an argument of a call becomes infinite too
        bits = 0x7F800000 if number > 0 else 0xFF800000
    return bits


def f64_bits(value: typing.SupportsFloat) -> int:
    """The 64 bits of ``value`` as an f64."""
    bits: int = unpack("<Q", pack("<d", _float(value)))[0]
    return bits


def f32_from_bits(bits: typing.SupportsIndex) -> float:
    """The f32 of these 32 bits, an i32. A signalling NaN may come out as a quiet one."""
    number: float = unpack("<f", pack("<I", u32(bits)))[0]
    return number


def f64_from_bits(bits: typing.SupportsIndex) -> float:
    """The f64 of these 64 bits, an i64."""
    number: float = unpack("<d", pack("<Q", u64(bits)))[0]
    return number
