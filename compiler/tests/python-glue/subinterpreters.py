"""The same image in several interpreters at once, each with its own GIL: usage subinterpreters.py IMAGE."""

import os
import sys
import threading

try:
    import _interpreters as interpreters  # from 3.13
except ImportError:
    try:
        if sys.version_info < (3, 12):
            raise ImportError
        import _xxsubinterpreters as interpreters
    except ImportError:
        print("no subinterpreters")
        raise SystemExit from None

CODE = f"""
import sys
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
sys.argv = ["check.py", {os.path.abspath(sys.argv[1])!r}]
from load import Instance
imports = dict.fromkeys(["i", "multi", "ref", "fref", "void", "f32"], lambda *a: 5)
for _ in range(20):
    m = Instance(sys.argv[1], "m", dict(imports, gi=1))
    assert m["calli"](1, 2, 3, 4) == 5
    for _ in range(100):
        assert m["add"](2, 3) == 5
        try:
            m["rec"](0)
        except RuntimeError:
            pass
        else:
            raise SystemExit("no trap")
        try:
            m["load"](-4)
        except RuntimeError:
            pass
        else:
            raise SystemExit("no trap")
"""

failures = []


def run(interpreter):
    failure = interpreters.run_string(interpreter, CODE)
    if failure is not None:
        failures.append(failure)


ids = [interpreters.create() for _ in range(3)]
threads = [threading.Thread(target=run, args=(i,)) for i in ids]
for thread in threads:
    thread.start()
exec(CODE)
for thread in threads:
    thread.join()
for i in ids:
    interpreters.destroy(i)
print(failures or "ok")
