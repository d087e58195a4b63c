"""Names of Rust functions: the two schemes, names that are not of them, and what hostile ones cost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import traceback

import pytest
import wasmpy
from conftest import environment
from wasmpy._demangle import demangled

pytestmark = pytest.mark.usefixtures("own_cache")

HASH = "17h0123456789abcdefE"

# What rustc-demangle says of the same names, without hashes.
NAMES = {
    f"_ZN4core3fmt9Formatter3pad{HASH}": "core::fmt::Formatter::pad",
    f"_ZN4test1a2bc{HASH}.llvm.9D1C9369": "test::a::bc",
    f"_ZN3foo3bar{HASH}.cold": "foo::bar.cold",
    f"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar{HASH}": (
        "<Test + 'static as foo::Bar<Test>>::bar"
    ),
    f"_ZN13_$LT$test$GT$4foob{HASH}": "<test>::foob",
    f"_ZN9$RF$testf{HASH}": "&testf",
    f"_ZN28_$u7b$$u7b$closure$u7d$$u7d${HASH}": "{{closure}}",
    f"_ZN12test$BP$test4foob{HASH}": "test*test::foob",
    f"_ZN7$x$u7$y{HASH}": "$x$u7$y",
    "_RNvC6_123foo3bar": "123foo::bar",
    "_RNvNtCsebHcaeoSrxy_3std9panicking15panic_with_hook": "std::panicking::panic_with_hook",
    "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y": "utf8_idents::საჭმელად_გემრიელი_სადილი",
    "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_": "cc::spawn::{closure#0}::{closure#0}",
    "_RINvNtNtC3std3sys9backtrace26___rust_end_short_backtraceNCNvNtB6_9panicking13panic_handler0zEB6_": (
        "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::panic_handler::{closure#0}, !>"
    ),
    "_RNvXs_NtC4core5sliceINtB4_4IterhENtNtB6_4iter8Iterator4next": (
        "<core::slice::Iter<u8> as core::iter::Iterator>::next"
    ),
    "_RNvNvNCNvC1a1b010___CALLSITE4META": "a::b::{closure#0}::__CALLSITE::META",
    "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std": (
        "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>"
    ),
    "_RINtC8arrayvec8ArrayVechKj7b_E": "arrayvec::ArrayVec::<u8, 123>",
    "_RINtC8arrayvec8ArrayVechKan7b_E": "arrayvec::ArrayVec::<u8, -123>",
    "_RMINtC0_8VecDequehE": None,
    "_RNvMs0_NtC4core3fmtNtB5_9Formatter3pad": "<core::fmt::Formatter>::pad",
    "_RINvC1a1fFUKCRL0_hEuE": None,
    "_RINvC1a1fFUKCRhEuE": 'a::f::<unsafe extern "C" fn(&u8)>',
    "_RINvC1a1fFG_RL0_hEL0_hE": None,
    "_RINvC1a1fFG_RL0_hERL0_hE": "a::f::<for<'a> fn(&'a u8) -> &'a u8>",
    "_RINvC1a1fATlmEKj4_Pz_E": None,
    "_RINvC1a1fATlmEj4_PzSxOcQeE": "a::f::<[(i32, u32); 4], *const !, [i64], *mut char, &mut str>",
    "_RINvC1a1fTlEKb1_Kc61_E": "a::f::<(i32,), true, 'a'>",
    "_RINvC1a1fKRe616263_KAh1_h2_EKTpEKVNtB2_1STh1_EE": 'a::f::<"abc", {[1, 2]}, {(_,)}, {a::S(1)}>',
}
NOT_RUST = [
    "", "f", "_R", "_Rust", "_ZN", "_ZNE", "_ZN3foo3barE", "_ZN3fooEv", "_ZNSt6vectorIiE9push_backEi",
    "_ZN3foo17h0123456789abcdeE", "_ZN3foo17h0123456789abcdeXE", f"_ZN99foo{HASH}", f"_ZN3foo{HASH}x", "_RNv",
    "_RC3ab",     "_RNvC1aB0_", "_RNvC1a1b!", "_R0C1a", "_RC1a.\x1b[31m", f"_ZN5\x1b[31m{HASH}",
    "_RC1aé", "_RINvC1a1fKb2_E",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert demangled(name) == (NAMES[name] or name)


@pytest.mark.parametrize("name", NOT_RUST)
def test_other_names_stay(name):
    assert demangled(name) == name


def _base62(n: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = ""
    n -= 1
    while n >= 0:
        text = digits[n % 62] + text
        n = n // 62 if n >= 62 else -1
    return f"{text}_"


def _doubling(levels: int) -> str:
    """Each tuple holds two of the one before."""
    name, last = "_RINvC1a1fTllE", 8
    for _ in range(levels):
        here = len(name) - 2
        reference = f"B{_base62(last)}"
        name += f"T{reference}{reference}E"
        last = here
    return f"{name}E"


HOSTILE = [
    "_R" + "NC" * 1000 + "C1a",
    "_R" + "I" * 3000 + "C1a",
    "_RINvC1a1f" + "R" * 3000 + "hE",
    "_RINvC1a1fK" + "R" * 3000 + "hE",
    "_RINvC1a1fF" + "G" + "z" * 12 + "_EuE",
    "_RINvC1a1fT" + "B7_" * 1300 + "EE",
    "_RINvC1a1fT" + "l" * 4000 + "EE",
    _doubling(40),
    _doubling(300),
    "_ZN" + "1a" * 2000 + HASH,
    "_ZN4000" + "$" * 4000 + HASH,
    "_ZN4000" + "." * 4000 + HASH,
    "_RNvC1au4000" + "a" * 4000,
    "_RNvC1a" + "9" * 4000,
    "_RINvC1a1fKj" + "f" * 4000 + "_E",
    "_RINvC1a1fKj" + "f" * 1_000_000 + "_E",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(name):
    before = time.process_time()
    text = demangled(name)
    assert time.process_time() - before < 1
    assert text == name or len(text) <= 1001


def test_spoiled_names():
    """Whatever is done to a name, it ends in a text, and soon."""
    r = random.Random(2)
    names = [*NAMES, *HOSTILE[:6]]
    letters = sorted(set("".join(NAMES)))
    before = time.process_time()
    for _ in range(3000):
        letter = list(r.choice(names))
        for _ in range(r.randint(1, 4)):
            at = r.randrange(2, len(letter) + 1)
            other = r.choice(names)
            cut = r.randrange(len(other))
            letter[at : at + r.randint(0, 3)] = r.choice([[], [r.choice(letters)], [*other[cut : cut + 30]]])
        name = "".join(letter)
        text = demangled(name)
        assert text == name or (text.isprintable() and len(text) <= 1001)
    assert time.process_time() - before < 30


RUST = "_RNvNtC4demo5inner4deep"
TEXT = f"""(module
  (func $"{RUST}" (unreachable))
  (func $"_ZN4demo4call{HASH}" (call 0) (nop))
  (func $"\\1b[31mred" (call 1) (nop))
  (func (export "{RUST}") (call 2) (nop))
)"""


def _traceback(source: bytes) -> tuple[str, wasmpy.Trap]:
    with pytest.raises(wasmpy.Trap) as caught:
        wasmpy.load(source)[RUST]()
    return "".join(traceback.format_tb(caught.value.__traceback__)), caught.value


def test_tracebacks():
    text, _ = _traceback(TEXT.encode())
    assert "line 2, in demo::inner::deep\n" in text
    assert "line 3, in demo::call\n" in text
    assert "line 4, in \\x1b[31mred\n" in text
    text, error = _traceback(wasmpy.wat2wasm(TEXT))
    place = error.frames[0][2]
    assert f"line {place}, in demo::inner::deep (wasm-function[0]:{place:#x})\n" in text
    assert "line 0," not in text
    # keys are as the module has them
    assert [name for _, name, _ in error.frames[:3]] == [RUST, f"_ZN4demo4call{HASH}", "\x1b[31mred"]


def test_errors_and_listings(tmp_path, cache):
    binary = wasmpy.wat2wasm(f'(func $"{RUST}" (i32.const 1) (drop))')
    wrong = binary.replace(b"\x41\x01\x1a", b"\x42\x01\x45")
    with pytest.raises(wasmpy.CompileError, match="in function demo::inner::deep at byte") as caught:
        wasmpy.compile(wrong)
    assert caught.value.function == RUST
    (tmp_path / "m.wasm").write_bytes(binary)
    for options, shown in ((["--ir", "--function", "deep"], "demo::inner::deep"), (["--wat"], RUST)):
        done = subprocess.run(
            [sys.executable, "-m", "wasmpy", "inspect", *options, "m.wasm"],
            env=environment(cache),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown in done.stdout


def test_lines_where_a_site_is_not_known(monkeypatch):
    """The first place of the function stands for it."""
    from wasmpy import _traps

    monkeypatch.setattr(_traps.Image, "location", lambda image, offset: -1)
    monkeypatch.setattr(_traps.Image, "begin", lambda image, index: 60)
    text, error = _traceback(wasmpy.wat2wasm(TEXT))
    assert "line 60, in demo::inner::deep\n" in text
    assert error.frames[0][2] == -1
    monkeypatch.setattr(_traps.Image, "begin", lambda image, index: -1)
    text, _ = _traceback(wasmpy.wat2wasm(TEXT))
    assert "line 1, in demo::inner::deep\n" in text


def test_the_first_place_of_a_function():
    from wasmpy import _traps

    _, error = _traceback(TEXT.encode())
    image = list(_traps._images)[-1]
    assert image.begin(0) == error.frames[0][2]
    assert image.begin(1) == error.frames[1][2]
    assert image.begin(99) == -1
