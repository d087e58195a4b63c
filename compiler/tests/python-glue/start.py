"""A start function that fails, by a trap or an exception: what escaped stays usable and is collected later."""

import gc
import sys
import weakref

import load

kept = []


class Instance(load.Instance):
    def _attach(self, module, kernel, meta):
        kernels.append(kernel)
        super()._attach(module, kernel, meta)


def start(error):
    def void():
        kept.append(kernels.pop()["function"](1))
        if error:
            raise error

    try:
        Instance(sys.argv[1], "start", {"void": void})
    except BaseException as caught:
        return type(caught)


kernels = []
for error, wanted in [(None, RuntimeError), (KeyError, KeyError), (KeyboardInterrupt, KeyboardInterrupt)]:
    got = start(error)
    assert got is wanted, got
assert [f() for f in kept] == [0, 0, 0]
gone = [weakref.ref(f) for f in kept]
kept.clear()
gc.collect()
assert [r() for r in gone] == [None] * 3
print("ok")
