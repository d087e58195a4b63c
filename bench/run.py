"""Measures wasmpy against its peers: python3 bench/run.py [--quick] [--keep] [--json FILE] [group…]

Groups: calls, callbacks, memory, imports, starts, compile, large, kernels; all of them if none is named. Installs
wasmpy from this checkout, and what it is measured against, into bench/.env; needs pip and, for some others, gcc.
With --keep the wasmpy that is already installed there is measured, even if the checkout has changed.
"""

from __future__ import annotations

import os
import sys

import environment


def main() -> None:
    if {"-h", "--help"} & set(sys.argv):
        sys.exit(__doc__)
    python = environment.prepare("--keep" in sys.argv)
    if "--build-kernels" in sys.argv:
        os.execv(python, [python, os.path.join(environment.HERE, "kernels", "build.py")])
    os.execv(
        python, [python, os.path.join(environment.HERE, "suite.py"), *(a for a in sys.argv[1:] if a != "--keep")]
    )


if __name__ == "__main__":
    main()
