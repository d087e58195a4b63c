"""The import statement, from a file beside the Python code to a native call, on every CPython."""

from __future__ import annotations

ADD = """
(module
  (func (export "add") (param $a i32) (param $b i32) (result i32)
    (i32.add (local.get $a) (local.get $b))))
"""
ADD_ONE = '(module (func (export "add one") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))'


def test_first_example(run):
    files = {"my_module/__init__.py": "import wasmpy\nfrom .wasm_math import add\n", "my_module/wasm_math.wat": ADD}
    assert run(files, "import my_module; print(my_module.add(45, 960))") == "1005\n"


def test_any_name_by_key(run):
    code = """
        import wasmpy, wasm_math
        print(wasm_math["add one"](11), "add one" in wasm_math, list(wasm_math), hasattr(wasm_math, "add one"))
        for key in ("missing", 1):
            try:
                wasm_math[key]
            except (KeyError, TypeError) as error:
                print(type(error).__name__)
    """
    assert run({"wasm_math.wat": ADD_ONE}, code) == "12 True ['add one'] False\nKeyError\nTypeError\n"


def test_functions_are_builtins(run):
    code = """
        import wasmpy, inspect, pickle
        import wasm_math as m
        f = m.add
        print(type(f).__name__, f.__name__, f.__module__, inspect.signature(f), f.__self__ is m)
        print(pickle.loads(pickle.dumps(f)) is f)
    """
    expected = "builtin_function_or_method add wasm_math (a, b, /) True\nTrue\n"
    assert run({"wasm_math.wat": ADD}, code) == expected


def test_integers_are_checked_at_the_border(run):
    code = """
        import wasmpy
        from m import add
        print(add(2**31 - 1, 1), add(2**32 - 1, 0), add(-2**31, 0), add(True, 1))
        for a in (2**32, -2**31 - 1, 10**30, 1.5, "1", None):
            try:
                print(add(a, 0))
            except Exception as error:
                print(type(error).__name__)
        for arguments in ((), (1,), (1, 2, 3)):
            try:
                add(*arguments)
            except TypeError as error:
                print(error)
    """
    expected = "-2147483648 -1 -2147483648 2\n" + "OverflowError\n" * 3 + "TypeError\n" * 3
    lines = run({"m.wat": ADD}, code)
    assert lines.startswith(expected)
    assert lines.count("add()") == 3


def test_errors_point_into_the_text(run):
    code = """
        import wasmpy
        try:
            import broken
        except SyntaxError as error:
            print(type(error).__name__, error.filename.endswith("broken.wat"), error.lineno, error.text.strip())
    """
    files = {"broken.wat": '(module\n  (func (export "f") (result i32)\n    (i64.const 1)))\n'}
    assert run(files, code).startswith("CompileError True")
