"""Names of Rust functions as people write them, for tracebacks and listings; programs' keys stay as they are.

Two schemes: the legacy one (``_ZN…17h<hash>E``) and v0 (``_R…``, RFC 2603, and "v0 Symbol Format" of the rustc book).
Hashes and crates' disambiguators are left out. C++ has no scheme here: its linkers demangle names in modules.

Names come from modules of anybody: what is no such name, too long, too deep or too much is given back as it is, in
time that does not depend on what a name says, and with an end of the text where it grows too long.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_INPUT = 4096
_MOST_OUTPUT = 1000
_MOST_STEPS = 5000
_MOST_DEPTH = 60

_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize",
    "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16", "u": "()", "v": "...",
    "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
_INTEGERS = "ahijlmnostxy"


@lru_cache(256)
def demangled(name: str) -> str:
    """The name in Rust's words, or the name itself if it is not one that Rust mangled."""
    if not name.startswith(("_ZN", "_R")) or len(name) > _MOST_INPUT or not (name.isascii() and name.isprintable()):
        return name
    try:
        return _legacy(name) if name[1] == "Z" else _V0(name).text()
    except _Invalid:
        return name


class _Invalid(Exception):
    """The name is not of the scheme."""


class _Full(Exception):
    """There is text enough."""


def _suffix(rest: str) -> str:
    """What may follow a name: that of a clone which LLVM made says nothing to people."""
    if rest and rest[0] not in ".$":
        raise _Invalid
    return "" if rest.startswith(".llvm.") else rest


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_OUTPUT else text[:_MOST_OUTPUT] + "…"


# --- legacy --------------------------------------------------------------------------------------------------


def _legacy(name: str) -> str:
    parts = []
    at = 3
    while name[at : at + 1] != "E":
        start = at
        while name[at : at + 1] in _DIGITS:
            at += 1
        if at == start or at - start > 4:
            raise _Invalid
        size = int(name[start:at])
        parts.append(name[at : at + size])
        at += size
    # Without the hash it is a name of C++.
    if len(parts) < 2 or len(parts[-1]) != 17 or parts[-1][0] != "h" or not set(parts[-1][1:]) <= _HEX:
        raise _Invalid
    text = "::".join(_unescaped(part) for part in parts[:-1])
    return _cut(text + _suffix(name[at + 1 :]))


def _unescaped(part: str) -> str:
    out = []
    rest = part[1:] if part.startswith("_$") else part
    while rest:
        if rest.startswith(".."):
            out.append("::")
            rest = rest[2:]
        elif rest[0] == "$" and (end := rest.find("$", 1)) > 0:
            out.append(_escape(rest[1:end]))
            rest = rest[end + 1 :]
        else:
            end = min((at for at in (rest.find("$", 1), rest.find("..", 1)) if at > 0), default=len(rest))
            out.append(rest[:end])
            rest = rest[end:]
    return "".join(out)


def _escape(word: str) -> str:
    if word in _ESCAPES:
        return _ESCAPES[word]
    if word[:1] == "u" and 1 < len(word) <= 7 and set(word[1:]) <= _HEX:
        code = int(word[1:], 16)
        if code < 0x110000 and chr(code).isprintable():
            return chr(code)
    return f"${word}$"


_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdef")
_BASE62 = {c: i for i, c in enumerate("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")}


# --- v0 ------------------------------------------------------------------------------------------------------


class _V0:
    """Reads one name from left to right and writes what it means. Back references read from an earlier place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at = 2
        self.out: list[str] = []
        self.size = 0
        self.steps = 0
        self.depth = 0
        # Lifetimes that binders around here bind.
        self.lifetimes = 0
        self.is_silent = False

    def text(self) -> str:
        if not self.name[2:3].isupper():
            raise _Invalid
        try:
            self.path(is_value=True)
            if self.name[self.at : self.at + 1].isupper():
                # The crate that the instance was made in.
                self.is_silent = True
                self.path(is_value=False)
                self.is_silent = False
            self.write(_suffix(self.name[self.at :]))
        except _Full:
            return _cut("".join(self.out) + "…")
        return "".join(self.out)

    # --- letters and numbers

    def write(self, text: str) -> None:
        if self.is_silent:
            return
        self.out.append(text)
        self.size += len(text)
        if self.size > _MOST_OUTPUT:
            raise _Full

    def take(self, letter: str) -> bool:
        if self.name[self.at : self.at + 1] != letter:
            return False
        self.at += 1
        return True

    def next(self) -> str:
        if self.at >= len(self.name):
            raise _Invalid
        self.at += 1
        return self.name[self.at - 1]

    def decimal(self) -> int:
        if self.take("0"):
            return 0  # the digits behind it are another number's
        start = self.at
        while self.name[self.at : self.at + 1] in _DIGITS:
            self.at += 1
        if not 0 < self.at - start < 5:
            raise _Invalid
        return int(self.name[start : self.at])

    def base62(self) -> int:
        """The number up to the next "_", which alone is 0."""
        if self.take("_"):
            return 0
        value = 0
        while not self.take("_"):
            digit = _BASE62.get(self.next())
            if digit is None or value >> 64:
                raise _Invalid
            value = value * 62 + digit
        return value + 1

    def tagged(self, tag: str) -> int:
        """A number that may stand behind a tag, counting from 1; 0 without."""
        return self.base62() + 1 if self.take(tag) else 0

    def identifier(self) -> str:
        is_punycode = self.take("u")
        size = self.decimal()
        self.take("_")
        raw = self.name[self.at : self.at + size]
        if len(raw) != size:
            raise _Invalid
        self.at += size
        if not is_punycode:
            return raw
        head, _, tail = raw.rpartition("_")
        try:
            text = f"{head}-{tail}".encode().decode("punycode") if head else tail.encode().decode("punycode")
        except (UnicodeError, ValueError, OverflowError):
            raise _Invalid from None
        return text if text.isidentifier() else f"punycode{{{raw}}}"

    def nested(self, read: Callable[[], None]) -> None:
        """One level deeper: all that can contain itself passes here."""
        self.steps += 1
        self.depth += 1
        if self.steps > _MOST_STEPS or self.depth > _MOST_DEPTH:
            raise _Invalid
        read()
        self.depth -= 1

    def again(self, read: Callable[[], None]) -> None:
        """A back reference, whose "B" was read: it points to before itself."""
        start = self.at - 1
        place = self.base62() + 2
        if place >= start:
            raise _Invalid
        if self.is_silent:
            return
        back, self.at = self.at, place
        self.nested(read)
        self.at = back

    def listed(self, read: Callable[[], None], separator: str = ", ") -> int:
        """What stands before "E"; how many."""
        count = 0
        while not self.take("E"):
            if count:
                self.write(separator)
            self.nested(read)
            count += 1
        return count

    # --- paths

    def path(self, *, is_value: bool) -> None:
        self.nested(self._value_path if is_value else self._type_path)

    def _value_path(self) -> None:
        self._path(is_value=True)

    def _type_path(self) -> None:
        self._path(is_value=False)

    def _path(self, *, is_value: bool) -> None:
        kind = self.next()
        if kind == "C":
            self.tagged("s")
            self.write(self.identifier())
        elif kind == "N":
            space = self.next()
            if not space.isalpha():
                raise _Invalid
            self.path(is_value=is_value)
            self._inner(space)
        elif kind in "MX":
            # The place of the impl says less than the type.
            self.tagged("s")
            was, self.is_silent = self.is_silent, True
            self.path(is_value=False)
            self.is_silent = was
            self._qualified(has_trait=kind == "X")
        elif kind == "Y":
            self._qualified(has_trait=True)
        elif kind == "I":
            self.path(is_value=is_value)
            self.write("::<" if is_value else "<")
            self.listed(self.argument)
            self.write(">")
        elif kind == "B":
            self.again(self._value_path if is_value else self._type_path)
        else:
            raise _Invalid

    def _inner(self, space: str) -> None:
        number = self.tagged("s")
        name = self.identifier()
        if space.islower():
            if name:
                self.write(f"::{name}")
            return
        what = {"C": "closure", "S": "shim"}.get(space, space)
        self.write(f"::{{{what}{':' if name else ''}{name}#{number}}}")

    def _qualified(self, *, has_trait: bool) -> None:
        self.write("<")
        self.type()
        if has_trait:
            self.write(" as ")
            self.path(is_value=False)
        self.write(">")

    def argument(self) -> None:
        if self.take("L"):
            self.write(self.lifetime(self.base62()))
        elif self.take("K"):
            # In braces what is more than a literal or the text of a string.
            is_block = (
                self.name[self.at : self.at + 1] in tuple("ATVQeR") and self.name[self.at : self.at + 2] != "Re"
            )
            self.write("{" if is_block else "")
            self.constant()
            self.write("}" if is_block else "")
        else:
            self.type()

    # --- types

    def lifetime(self, index: int) -> str:
        if index == 0:
            return "'_"
        depth = self.lifetimes - index
        if depth < 0:
            raise _Invalid
        return f"'{chr(ord('a') + depth)}" if depth < 26 else f"'_{depth}"

    def bound(self, read: Callable[[], None]) -> None:
        """What stands behind a binder, if there is one."""
        count = self.tagged("G")
        if count > _MOST_DEPTH:
            raise _Invalid
        if count:
            self.lifetimes += count
            names = ", ".join(self.lifetime(count - i) for i in range(count))
            self.write(f"for<{names}> ")
        read()
        self.lifetimes -= count

    def type(self) -> None:
        self.nested(self._type)

    def _type(self) -> None:
        kind = self.next()
        if kind in _BASIC:
            self.write(_BASIC[kind])
        elif kind in "RQ":
            self.write("&")
            if self.take("L"):
                index = self.base62()
                if index:
                    self.write(f"{self.lifetime(index)} ")
            self.write("mut " if kind == "Q" else "")
            self.type()
        elif kind in "PO":
            self.write("*const " if kind == "P" else "*mut ")
            self.type()
        elif kind in "AS":
            self.write("[")
            self.type()
            if kind == "A":
                self.write("; ")
                self.constant()
            self.write("]")
        elif kind == "T":
            self.write("(")
            self.write(",)" if self.listed(self.type) == 1 else ")")
        elif kind == "F":
            self.bound(self._function)
        elif kind == "D":
            self.write("dyn ")
            self.bound(self._traits)
            if not self.take("L"):
                raise _Invalid
            index = self.base62()
            if index:
                self.write(f" + {self.lifetime(index)}")
        elif kind == "B":
            self.again(self._type)
        else:
            self.at -= 1
            self.path(is_value=False)

    def _function(self) -> None:
        self.write("unsafe " if self.take("U") else "")
        if self.take("K"):
            abi = "C" if self.take("C") else self.identifier().replace("_", "-")
            self.write(f'extern "{abi}" ')
        self.write("fn(")
        self.listed(self.type)
        self.write(")")
        if not self.take("u"):
            self.write(" -> ")
            self.type()

    def _traits(self) -> None:
        self.listed(self._trait, " + ")

    def _trait(self) -> None:
        """A path whose generic arguments are still open for bindings of associated types."""
        if self.take("B"):
            self.again(self._trait_path)
        else:
            self._trait_path()
        is_open = self._is_open
        self._is_open = False
        while self.take("p"):
            self.write(", " if is_open else "<")
            is_open = True
            self.write(f"{self.identifier()} = ")
            self.type()
        if is_open:
            self.write(">")

    _is_open = False

    def _trait_path(self) -> None:
        if self.take("B"):
            self.again(self._trait_path)
            return
        self._is_open = self.take("I")
        self.path(is_value=False)
        if self._is_open:
            self.write("<")
            self.listed(self.argument)
            self._is_open = True

    # --- constants

    def constant(self) -> None:
        self.nested(self._constant)

    def _constant(self) -> None:
        kind = self.next()
        if kind == "p":
            self.write("_")
        elif kind == "B":
            self.again(self._constant)
        elif kind in _INTEGERS:
            sign = "-" if self.take("n") else ""
            digits = self.hexadecimal()
            self.write(sign + (str(int(digits or "0", 16)) if len(digits) <= 32 else f"0x{digits}"))
        elif kind == "b":
            self.write({"0": "false", "1": "true"}.get(self.hexadecimal()) or self._bad())
        elif kind == "c":
            code = int(self.hexadecimal() or "0", 16)
            self.write(repr(chr(code)) if code < 0x110000 else self._bad())
        elif kind == "e":
            self.write("*")
            self.string()
        elif kind == "R" and self.take("e"):
            self.string()
        elif kind in "RQ":
            self.write("&mut " if kind == "Q" else "&")
            self.constant()
        elif kind == "A":
            self.write("[")
            self.listed(self.constant)
            self.write("]")
        elif kind == "T":
            self.write("(")
            self.write(",)" if self.listed(self.constant) == 1 else ")")
        elif kind == "V":
            self._structure()
        else:
            raise _Invalid

    def _structure(self) -> None:
        self.path(is_value=True)
        kind = self.next()
        if kind == "T":
            self.write("(")
            self.listed(self.constant)
            self.write(")")
        elif kind == "S":
            self.write(" { ")
            self.listed(self._field)
            self.write(" }")
        elif kind != "U":
            raise _Invalid

    def _field(self) -> None:
        self.tagged("s")
        self.write(f"{self.identifier()}: ")
        self.constant()

    def string(self) -> None:
        digits = self.hexadecimal()
        try:
            text = bytes.fromhex(digits).decode()
        except ValueError:
            raise _Invalid from None
        self.write(f'"{ascii(text)[1:-1]}"' if not text.isprintable() else f'"{text}"')

    def hexadecimal(self) -> str:
        """The digits up to the next "_"."""
        end = self.name.find("_", self.at)
        digits = self.name[self.at : end]
        if end < 0 or not set(digits) <= _HEX:
            raise _Invalid
        self.at = end + 1
        return digits

    def _bad(self) -> str:
        raise _Invalid
