"""What each real module must do, against an oracle: Python's own modules, Node, published test vectors."""

from __future__ import annotations

import hashlib
import math
import random
import re
import sqlite3
import struct
import subprocess
import zlib as python_zlib
from collections.abc import Callable
from typing import Any

import packages
import wasmpy

# Errors of WASI.
EBADF, ENOSYS = 8, 52


class Refusing(dict[str, Callable[..., Any]]):
    """Imports of a system that implements nothing but what it is made with."""

    def __missing__(self, name: str) -> Callable[..., int]:
        return lambda *arguments: ENOSYS


class Guest:
    """An instance with its memory, and C's ways to pass data."""

    def __init__(self, binary: bytes, imports: dict[str, Any] | None = None, **wasi: Callable[..., Any]) -> None:
        system = Refusing(wasi, proc_exit=_exit, fd_prestat_get=lambda *_: EBADF)  # no directories
        self.instance: Any = wasmpy.load(
            binary, {"wasi_snapshot_preview1": system, "env": Refusing(), **(imports or {})}
        )
        self.memory = self.instance["memory"]

    def __getattr__(self, name: str) -> Any:
        return self.instance[name]

    def place(self, data: bytes) -> int:
        """The address of a copy, followed by a zero."""
        address: int = self.malloc(len(data) + 1)
        self.memory.write(address, data + b"\0")
        return address

    def words(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", self.memory.read(address, 4 * count))


def _exit(status: int) -> None:
    raise AssertionError(f"exit status {status}")


def same(actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"{_short(actual)} instead of {_short(expected)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def _samples() -> list[bytes]:
    chance = random.Random(1)
    text = " ".join(chance.choice(["wasm", "python", "native", "module", "of", "a"]) for _ in range(40_000)).encode()
    return [b"", b"a", bytes(100_000), text, chance.randbytes(70_000)]


def _node(script: str, data: bytes = b"") -> bytes:
    return subprocess.run([packages.node(), "-e", script], input=data, capture_output=True, check=True).stdout


# --- C -------------------------------------------------------------------------------------------------------


def zlib(binary: bytes) -> None:
    guest = Guest(binary)
    for data in _samples():
        source, most = guest.place(data), guest.compressBound(len(data))
        target, size = guest.malloc(most), guest.malloc(4)
        same(guest.crc32(0, source, len(data)) & 0xFFFFFFFF, python_zlib.crc32(data))
        same(guest.adler32(1, source, len(data)) & 0xFFFFFFFF, python_zlib.adler32(data))
        for level in (0, 1, 6, 9):
            guest.memory.write(size, struct.pack("<i", most))
            same(guest.compress2(target, size, source, len(data), level), 0)
            same(python_zlib.decompress(guest.memory.read(target, *guest.words(size, 1))), data)
        packed = python_zlib.compress(data)
        guest.memory.write(size, struct.pack("<i", len(data)))
        back = guest.malloc(len(data) + 1)
        same(guest.uncompress(back, size, guest.place(packed), len(packed)), 0)
        same(guest.memory.read(back, *guest.words(size, 1)), data)


def zstd(binary: bytes) -> None:
    guest = Guest(binary)
    for data in _samples():
        source, most = guest.place(data), guest.ZSTD_compressBound(len(data))
        target, back = guest.malloc(most), guest.malloc(len(data) + 1)
        for level in (1, 3, 19):
            size = guest.ZSTD_compress(target, most, source, len(data), level)
            same(guest.ZSTD_isError(size), 0)
            same(guest.ZSTD_decompress(back, len(data), target, size), len(data))
            same(guest.memory.read(back, len(data)), data)
    packed = guest.memory.read(target, size)
    same(_node("process.stdout.write(zlib.zstdDecompressSync(fs.readFileSync(0)))", packed), data)
    text = _samples()[3]
    theirs = _node("process.stdout.write(zlib.zstdCompressSync(fs.readFileSync(0)))", text)
    address, back = guest.place(theirs), guest.malloc(len(text))
    same(guest.ZSTD_decompress(back, len(text), address, len(theirs)), len(text))
    same(guest.memory.read(back, len(text)), text)


QUERIES = [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT sum(i), avg(i * i) FROM n",
    "SELECT name, count(*), round(total(price), 6), group_concat(id) FROM item GROUP BY name ORDER BY 2 DESC, 1",
    "SELECT a.id, b.id FROM item a JOIN item b ON a.id < b.id AND a.name = b.name ORDER BY 1, 2 LIMIT 500",
    "SELECT id, rank() OVER (PARTITION BY name ORDER BY price DESC, id) FROM item ORDER BY id",
    "SELECT printf('%08.3f|%-5s|%x', price, name, id), upper(name), substr(name, -2), hex(name) FROM item",
    "SELECT * FROM item WHERE name LIKE 'w%' AND price BETWEEN 10 AND 20 ORDER BY price, id",
    "SELECT json_extract('{\"a\": [1, {\"b\": 2.5}]}', '$.a[1].b'), json_array(1, 'x', NULL)",
    "SELECT round(2.625, 2), 9223372036854775807, -7 / 2, -7 % 3, 1e300 * 1e10, 0.1 + 0.2, CAST('12ab' AS INTEGER)",
    "SELECT date('2024-02-28', '+2 days'), julianday('2000-01-01'), strftime('%W', '2026-11-22')",
    "SELECT quote(x'00ff41'), typeof(NULL), coalesce(NULL, 'ü€𝄞'), length('ü€𝄞'), unicode('€')",
    "EXPLAIN QUERY PLAN SELECT * FROM item WHERE id = 3",
]


def sqlite(binary: bytes) -> None:
    chance = random.Random(2)
    rows = [(i, chance.choice(["wasm", "wat", "py", "c"]), round(chance.uniform(0, 99), 2)) for i in range(400)]
    script = (
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL); CREATE INDEX by_price ON item (price);"
    )
    script += "BEGIN;" + "".join(f"INSERT INTO item VALUES ({i}, '{n}', {p});" for i, n, p in rows)
    script += "DELETE FROM item WHERE id % 7 = 0; UPDATE item SET price = price + id WHERE name = 'c'; COMMIT;"
    script += (
        "CREATE TRIGGER t AFTER DELETE ON item BEGIN INSERT INTO item (name, price) VALUES ('gone', old.id); END;"
    )
    script += "DELETE FROM item WHERE id = 5;"
    expected = sqlite3.connect(":memory:")
    expected.executescript(script)
    guest = Guest(binary, clock_time_get=lambda *_: 0)
    handle = guest.malloc(4)
    same(guest.sqlite3_open(guest.place(b":memory:"), handle), 0)
    (base,) = guest.words(handle, 1)
    same(guest.sqlite3_exec(base, guest.place(script.encode()), 0, 0, 0), 0)
    for query in QUERIES:
        try:
            wanted = expected.execute(query).fetchall()
        except sqlite3.OperationalError:  # Python's SQLite may be older or built without it.
            continue
        found = _rows(guest, base, query)
        if query.startswith("EXPLAIN"):  # Numbers of nodes differ between versions.
            wanted, found = ([row[3:] for row in rows] for rows in (wanted, found))
        same(found, wanted)
    same(guest.sqlite3_exec(base, guest.place(b"SELECT no_such_column FROM item"), 0, 0, 0), 1)
    same(guest.memory.read_cstr(guest.sqlite3_errmsg(base)), "no such column: no_such_column")
    same(guest.sqlite3_close(base), 0)


def _rows(guest: Guest, base: int, query: str) -> list[tuple[Any, ...]]:
    handle = guest.malloc(4)
    same(guest.sqlite3_prepare_v2(base, guest.place(query.encode()), -1, handle, 0), 0)
    (statement,) = guest.words(handle, 1)
    rows = []
    while guest.sqlite3_step(statement) == 100:
        rows.append(tuple(_column(guest, statement, i) for i in range(guest.sqlite3_column_count(statement))))
    same(guest.sqlite3_finalize(statement), 0)
    return rows


def _column(guest: Guest, statement: int, i: int) -> object:
    kind = guest.sqlite3_column_type(statement, i)
    if kind == 1:
        return guest.sqlite3_column_int64(statement, i)
    if kind == 2:
        return guest.sqlite3_column_double(statement, i)
    if kind == 5:
        return None
    address = guest.sqlite3_column_text(statement, i)
    return guest.memory.read(address, guest.sqlite3_column_bytes(statement, i)).decode()


CHUNKS = {
    "return 1 + 1": "2",
    "local t = {} for i = 1, 2000 do t[i] = (i * 7919) % 1009 end table.sort(t) return table.concat(t, ',', 1, 9)": (
        ",".join(str(n) for n in sorted((i * 7919) % 1009 for i in range(1, 2001))[:9])
    ),
    "return ('%5.2f|%x|%q'):format(math.pi, 3735928559, 'a\\nb')": ' 3.14|deadbeef|"a\\\nb"',
    "return (('hello world'):gsub('o', '0'):rep(2, '-'))": "hell0 w0rld-hell0 w0rld",
    "local f = load('return ...') return select('#', f(1, nil, 3))": "3",
    "local c = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a * i) end end)"
    " return c(5) + c(6) + c(7)": "38",
    "local ok, e = pcall(error, {code = 7}) return tostring(ok) .. e.code": "false7",
    "local ok, e = pcall(function() local x = nil; return x.y end) return e": (
        "[string \"local ok, e = pcall(function() local x = nil;...\"]:1: attempt to index a nil value (local 'x')"
    ),
    "return select(2, pcall(pcall))": "bad argument #1 to 'pcall' (value expected)",
    "local function f(n) if n == 0 then error('deep', 0) end return pcall(f, n - 1) end"
    " return select(19, f(18))": "deep",
    "return setmetatable({}, {__index = function(t, k) return k * 2 end})[21]": "42",
    "return 7 // 2 .. ' ' .. -7 // 2 .. ' ' .. -7 % 3 .. ' ' .. 2 ^ 53 .. ' ' .. (1 << 63)": (
        f"3 -4 2 {2.0**53:.14g} {-(2**63)}".replace("9007199254740992", "9.007199254741e+15")
    ),
    "return utf8.char(8364, 119070) .. #utf8.char(8364, 119070)": "€𝄞7",
    "local s = 0 for k, v in pairs({1, 2, 3, x = 4, y = 5}) do s = s + v end return s": "15",
    "for i = 1, 200000 do local t = {i, tostring(i)} end return collectgarbage('count') < 4000": "true",
    "syntax error": "[string \"syntax error\"]:1: syntax error near 'error'",
}


class LuaError(Exception):
    """Lua's throw, on its way through its frames to the protected call."""


def lua(binary: bytes) -> None:
    def attempt(function: int, state: int, data: int) -> None:
        stack = guest.instance["__stack_pointer"]
        try:
            guest.invoke(function, state, data)
        except LuaError:
            guest.instance["__stack_pointer"] = stack

    def throw() -> None:
        raise LuaError

    guest = Guest(binary, {"host": {"attempt": attempt, "throw": throw}}, clock_time_get=lambda *_: 0)
    guest.open()
    for chunk, expected in CHUNKS.items():
        same(guest.memory.read_cstr(guest.eval(guest.place(chunk.encode()))), expected)


# --- Rust, Go ------------------------------------------------------------------------------------------------

DOCUMENT = """\
# A heading with `code` and *emphasis*

Setext **strong**
=================

> quoted
> - one
> - two
>
>   more of two

1. first
2. second with a [link](https://example.org/?a=1&b=2 "title") and <https://example.com>

```python
def f(x): return x < 3 & 4
```

    indented code

![image](a.png) \\*escaped\\* &copy; &#955; line  \nbreak

***

<div>raw <b>html</b></div>
"""


def _through(guest: Guest, function: str, data: bytes) -> bytes:
    address = guest.reserve(len(data))
    guest.memory.write(address, data)
    size = guest.instance[function]()
    result: bytes = guest.memory.read(guest.output(), size)
    return result


def rust(binary: bytes) -> None:
    guest = Guest(binary)
    # github.com/BLAKE3-team/BLAKE3, test_vectors.json: the input of n bytes is 0, 1, … 250, 0, 1, …
    for size, digest in {
        0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
        1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
        31744: "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
    }.items():
        same(_through(guest, "blake3", bytes(i % 251 for i in range(size))).hex(), digest)
    text = "Ein 12-teiliger Satz, 3.14 oder 2,72; e-mail: a.b@example.org, 0x1F and 0xABC ünïcödé λμω 2026-11-22"
    for pattern in (r"\d+", r"[a-z]+@[a-z.]+", r"0x[0-9A-F]{2,3}", r"\b\w{3,5}\b", r"(?i)E\w*", r"[λ-ω]+|\d{4}-\d\d"):
        expected = " ".join(
            f"{len(text[: m.start()].encode())}-{len(text[: m.end()].encode())}" for m in re.finditer(pattern, text)
        )
        same(_through(guest, "find_all", f"{pattern}\0{text}".encode()).decode(), expected)
    same(hashlib.sha256(_through(guest, "markdown", DOCUMENT.encode())).hexdigest(), MARKDOWN)


@wasmpy.pass_caller
def _none(instance: Any, count: int, size: int) -> int:
    instance["memory"].write(count, bytes(4))
    instance["memory"].write(size, bytes(4))
    return 0


@wasmpy.pass_caller
def _clock(instance: Any, which: int, precision: int, result: int) -> int:
    instance["memory"].write(result, struct.pack("<q", 10**18))
    return 0


@wasmpy.pass_caller
def _no_chance(instance: Any, address: int, size: int) -> int:
    instance["memory"].write(address, bytes(size))
    return 0


# As much of WASI as Go needs to start.
SYSTEM = {
    "args_sizes_get": _none, "environ_sizes_get": _none, "clock_time_get": _clock, "random_get": _no_chance,
    "args_get": lambda *_: 0, "environ_get": lambda *_: 0, "sched_yield": lambda: 0,
}  # fmt: skip


def go(binary: bytes) -> None:
    guest = Guest(binary, **SYSTEM)
    for repeats in (1, 50):
        html = _through(guest, "markdown", f"{DOCUMENT}\n".encode() * repeats)
        if repeats == 1:
            same(hashlib.sha256(html).hexdigest(), MARKDOWN)
        same(html.count(b"<h1>"), 2 * repeats)


# SHA-256 of the HTML: pulldown-cmark and goldmark, which have nothing in common, agree on it.
MARKDOWN = "9d5a85c35e37a18eff13e9e269166f13bcfd9ad10b77ff7f59c500b066d36a30"


# --- AssemblyScript ------------------------------------------------------------------------------------------


def bignum(binary: bytes) -> None:
    guest = Guest(binary)
    chance = random.Random(3)

    def words(value: int) -> tuple[int, int]:
        return value & (2**64 - 1), value >> 64

    for bits in (8, 40, 64, 100):  # Its division by some larger numbers never ends, in V8 either.
        for _ in range(50):
            a, b = chance.getrandbits(128), chance.getrandbits(bits) | 1
            for function, expected in ("mul", a * b % 2**128), ("div", a // b), ("rem", a % b):
                address = guest.instance[function](*words(a), *words(b))
                same(int.from_bytes(guest.memory.read(address, 16), "little"), expected)
            same(int.from_bytes(guest.memory.read(guest.sqrt(*words(a)), 16), "little"), math.isqrt(a))
            text = guest.toString(*words(a))
            (size,) = guest.words(text - 4, 1)
            same(guest.memory.read(text, size).decode("utf-16-le"), str(a))


# --- carried by packages of npm ------------------------------------------------------------------------------


def source_map(binary: bytes) -> None:
    """Mappings that we encode ourselves come back from the Rust that decodes them."""
    chance = random.Random(4)
    text, expected = "", []
    before = [0, 0, 0, 0]
    for line in range(300):
        column, last, segments = 0, 0, []
        for _ in range(chance.randrange(6)):
            column += chance.randrange(1, 2000)
            now = [chance.randrange(5), chance.randrange(5000), chance.randrange(200), chance.randrange(50)]
            deltas = [column - last, *(a - b for a, b in zip(now, before, strict=True))]
            segments.append("".join(_vlq(n) for n in deltas))
            expected.append((line, column, *now))
            before, last = now, column
        text += ",".join(segments) + ";"
    found: list[tuple[int, ...]] = []

    def mapping(line: int, column: int, *rest: int) -> None:
        _, _, has_original, source, original_line, original_column, has_name, name = rest
        same((has_original, has_name), (1, 1))
        found.append((line, column, source, original_line, original_column, name))

    guest = Guest(binary, {"env": {"mapping_callback": mapping}})
    address = guest.allocate_mappings(len(text))
    guest.memory.write(address, text.encode())
    mappings = guest.parse_mappings(address)
    guest.by_generated_location(mappings)
    same(found, expected)
    guest.free_mappings(mappings)
    broken = guest.allocate_mappings(4)
    guest.memory.write(broken, b"A!A;")
    same((guest.parse_mappings(broken), guest.get_last_error()), (0, 4))


def _vlq(number: int) -> str:
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    rest, text = (-number << 1 | 1) if number < 0 else number << 1, ""
    while True:
        rest, digit = rest >> 5, rest & 31
        text += digits[digit | (32 if rest else 0)]
        if not rest:
            return text


REQUEST = (
    b"POST /path?q=1 HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nAccept: a, b\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n"
)


def llhttp(binary: bytes) -> None:
    events: list[tuple[str, bytes]] = []

    def span(name: str) -> Callable[[int, int, int], int]:
        def report(parser: int, at: int, size: int) -> int:
            events.append((name, guest.memory.read(at, size)))
            return 0

        return report

    spans = {f"wasm_on_{name}": span(name) for name in ("url", "status", "header_field", "header_value", "body")}
    imports = {
        **spans,
        "wasm_on_message_begin": lambda parser: events.append(("begin", b"")) or 0,
        "wasm_on_headers_complete": lambda *arguments: 0,
        "wasm_on_message_complete": lambda parser: events.append(("end", b"")) or 0,
    }
    guest = Guest(binary, {"env": imports})
    parser = guest.llhttp_alloc(1)
    at = guest.place(REQUEST)
    same(guest.llhttp_execute(parser, at, len(REQUEST)), 0)
    same(guest.memory.read_cstr(guest.llhttp_method_name(guest.llhttp_get_method(parser))), "GET")
    fields = ["Host", "example.org", "X-Empty", "", "Accept", "a, b", "Transfer-Encoding", "chunked"]
    same([value.decode() for name, value in events if name.startswith("header")], fields)
    same(b"".join(value for name, value in events if name == "body"), b"hello world")
    same([value for name, value in events if name == "url"], [b"/path?q=1", b"/"])
    same([name for name, _ in events].count("end"), 2)
    bad = b"GET / HTTP/9\r\nx"
    guest.llhttp_reset(parser)
    code = guest.llhttp_execute(parser, guest.place(bad), len(bad))
    same(guest.memory.read_cstr(guest.llhttp_errno_name(code)), "HPE_INVALID_VERSION")


def oniguruma(binary: bytes) -> None:
    constants: dict[str, float] = {}

    def constant(name: int, kind: int, value: float) -> None:
        constants[guest.memory.read_cstr(name)] = value

    guest = Guest(binary, {"env": Refusing(_embind_register_constant=constant)})
    guest.instance["__wasm_call_ctors"]()
    settings = [int(constants[name]) for name in ("ONIG_OPTION_CAPTURE_GROUP", "ONIG_SYNTAX_DEFAULT")]
    text = "int main(void) { return 0x1f + 42; } // größe λ 𝄞 comment int"
    patterns = [r"\b(int|void)\b", r"0x(\h+)|\d+", r"//.*$", r"(?<=\+ )\d(\d)", r"[^\x00-\x7f]+"]
    theirs = [pattern.replace(r"\h", "[0-9a-f]") for pattern in patterns]
    data = text.encode()
    for pattern, python in zip(patterns, theirs, strict=True):
        scanner = _scanner(guest, [pattern], settings)
        found, at = [], 0
        string = guest.place(data)
        while (match := _next(guest, scanner, string, len(data), at)) is not None:
            found.append(match)
            at = match[0][1]
        groups = [[m.span(i) for i in range(m.re.groups + 1)] for m in re.finditer(python, text)]
        same(found, [[(_bytes(text, a), _bytes(text, b)) for a, b in spans] for spans in groups])
        guest.freeOnigScanner(scanner)


def _bytes(text: str, at: int) -> int:
    return len(text[:at].encode()) if at >= 0 else -1


def _scanner(guest: Guest, patterns: list[str], settings: list[int]) -> int:
    encoded = [pattern.encode() for pattern in patterns]
    pointers = guest.place(b"".join(struct.pack("<i", guest.place(data)) for data in encoded))
    sizes = guest.place(b"".join(struct.pack("<i", len(data)) for data in encoded))
    scanner: int = guest.createOnigScanner(pointers, sizes, len(patterns), *settings)
    same(scanner != 0, True)
    return scanner


_string_number = 0


def _next(guest: Guest, scanner: int, string: int, size: int, at: int) -> list[tuple[int, int]] | None:
    global _string_number
    _string_number += 1
    result = guest.findNextOnigScannerMatch(scanner, _string_number, string, size, at, 0)
    if result == 0:
        return None
    _, count = guest.words(result, 2)
    ends = guest.words(result + 8, 2 * count)
    return list(zip(ends[::2], ends[1::2], strict=True))


def argon2(binary: bytes) -> None:
    # Exports by the names that emscripten gave them: c memory, d constructors, e argon2_hash, f malloc.
    def copy(target: int, source: int, size: int) -> int:
        guest.c.write(target, guest.c.read(source, size))
        return target

    def resize(size: int) -> int:
        guest.c.grow((size - len(guest.c) + 65535) // 65536)
        return 1

    guest: Any = wasmpy.load(binary, {"a": {"a": copy, "b": resize}})
    guest.d()

    def place(data: bytes) -> int:
        address: int = guest.f(len(data) + 1)
        guest.c.write(address, data)
        return address

    # github.com/P-H-C/phc-winner-argon2, src/test.c
    for kind, (passes, memory), digest in [
        (1, (2, 16), "c1628832147d9720c5bd1cfd61367078729f6dfb6f8fea9ff98158e0d7816ed0"),
        (1, (2, 8), "89e9029f4637b295beb027056a7336c414fadd43f6b208645281cb214a56452f"),
        (2, (2, 16), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
    ]:
        out = place(bytes(32))
        arguments = passes, 1 << memory, 1, place(b"password"), 8, place(b"somesalt"), 8, out, 32, 0, 0, kind, 0x13
        same(guest.e(*arguments), 0)
        same(guest.c.read(out, 32).hex(), digest)


def loads(binary: bytes) -> None:
    """The module wants a host in JavaScript: it must compile, link with stubs of the right types, and start."""
    module = wasmpy.compile(binary)
    imports: dict[str, dict[str, Any]] = {}
    for namespace, name, kind, type_ in module.imports:
        imports.setdefault(namespace, {})[name] = _stub(kind, type_)
    instance = module.instantiate(imports)
    same(sorted(instance), sorted(name for name, _, _ in module.exports))


def _stub(kind: str, type_: str) -> Any:
    if kind == "function":
        return lambda *arguments: 0
    if kind == "global":
        return wasmpy.Global(type_.removeprefix("(mut ").rstrip(")"), 1024, mutable=type_.startswith("("))
    least, *most = (int(word) for word in type_.split() if word.isdigit())
    if kind == "memory":
        return wasmpy.Memory(least, *most)
    return wasmpy.Table("funcref", least + 1024, *most)  # for what is placed at a global's 1024
