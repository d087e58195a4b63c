"""The guide's text: its sessions, snippets, links and recipes do what it says.

The recipes need tool chains from registries: python -m pytest -m slow tests/test_guide.py
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import wasmpy
from conftest import environment

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guide.md"


class Block(NamedTuple):
    """A block of code: under which heading it stands, its language, the file that it is, if any, and its text."""

    heading: str
    language: str
    name: str
    body: str


def blocks(text: str) -> list[Block]:
    """All blocks of code of a text in Markdown."""
    found: list[Block] = []
    heading, opened, lines = "", None, []
    for line in text.split("\n"):
        if opened is not None:
            if line == "```":
                found.append(Block(heading, *opened, "".join(lines)))
                opened, lines = None, []
            else:
                lines.append(line + "\n")
        elif line.startswith("```"):
            fence = re.fullmatch(r"```(\w+)(?: (\S+))?", line)
            assert fence is not None, line
            opened = (fence[1], fence[2] or "")
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()
    assert opened is None, f"a block that does not end, after {heading!r}"
    return found


BLOCKS = blocks(GUIDE.read_text())
# What `python` and `pip` of a recipe's commands run is shown to work in this order.
RECIPES = list(dict.fromkeys(b.heading for b in BLOCKS if b.name and not b.name.endswith("pyproject.toml")))
NEEDS = {"Rust": ("cargo", "rustup")}


def recipe(heading: str) -> list[Block]:
    """A recipe: from its first file to its last output."""
    own = [block for block in BLOCKS if block.heading == heading]
    last = max(i for i, block in enumerate(own) if block.language == "text")
    return own[: last + 1]


# --- sessions and snippets -------------------------------------------------------------------------------------


def test_snippets(tmp_path, cache):
    """Sessions run, in one interpreter; C, Python and commands that are not a recipe's stand in the example."""
    sources = {name: (EXAMPLES / "png" / name).read_text() for name in ("png.c", "__init__.py", "build.py")}
    command = " ".join(sources["build.py"].replace('"\n    "', "").split())
    recipes = [block for heading in RECIPES for block in recipe(heading)]
    session = ""
    for block in BLOCKS:
        if block.language == "pycon":
            session += block.body + "\n"
        elif block in recipes or block.name:
            continue
        elif block.language == "c":
            assert block.body in sources["png.c"]
        elif block.language == "python":
            assert block.body in sources["__init__.py"]
        elif block.language == "sh":
            assert " ".join(block.body.replace("\\\n", " ").split()) in command
        else:
            assert block.language == "text", f"a block that no test runs: {block}"
    assert len(doctest.DocTestParser().get_examples(session)) > 25
    (tmp_path / "session.txt").write_text(session.replace("wasmpy.Trap", f"{wasmpy.Trap.__module__}.Trap"))
    code = (
        "import doctest, sys; sys.path.insert(0, '');"
        f"sys.exit(doctest.testfile({str(tmp_path / 'session.txt')!r}, module_relative=False).failed)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=EXAMPLES,
        env={**os.environ, **environment(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- links -----------------------------------------------------------------------------------------------------


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a file."""
    text = re.sub(r"^```.*?^```$", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", [README, GUIDE], ids=lambda file: file.name)
def test_links_lead_somewhere(file):
    text = re.sub(r"^```.*?^```$", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_contents_name_every_section():
    text = GUIDE.read_text()
    contents = text[: text.index("\n## ")]
    for heading in re.findall(r"^## (.*)$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
        assert f"](#{anchor})" in contents, heading


def test_pictures_are_what_draw_draws(tmp_path):
    """Those of the bench's numbers too: new numbers need a new picture."""
    pictures = ROOT / "docs" / "pictures"
    subprocess.run([sys.executable, pictures / "draw.py", tmp_path], check=True)
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == sorted(path.name for path in pictures.glob("*.svg"))
    for path in drawn:
        assert path.read_text() == (pictures / path.name).read_text(), path.name


def test_the_readme_has_the_numbers_of_the_bench():
    picture = runpy.run_path(str(ROOT / "docs" / "pictures" / "draw.py"))
    calls, programs = picture["measured"]()
    text = " ".join(README.read_text().split())
    shown = f"A call takes {calls['wasmpy']:.0f} ns, in a C extension {calls['C extension']:.0f}, in wasmtime-py"
    assert f"{shown} {round(calls['wasmtime'], -2):,.0f}; programs take {programs['wasmpy']:.1f} of the time" in text
    assert f"takes {calls['wasmpy'] / calls['C extension']:.1f} of the time that it takes in a C extension" in text
    assert f"{1 / programs['wasmtime'] * programs['wasmpy']:.2f} of the time of wasmtime" in text


# --- recipes ---------------------------------------------------------------------------------------------------


def test_recipes_are_whole():
    """Each has files, commands that use them all, and ends with what its Python file prints."""
    assert RECIPES[:4] == ["C", "Rust", "Zig", "AssemblyScript"]
    assert RECIPES[-1] == "Go"
    for heading in RECIPES:
        own = recipe(heading)
        assert [block.language for block in own[-2:]] == ["sh", "text"], heading
        assert own[-2].body == f"python {own[-3].name}\n", heading
        for block in own:
            if block.language == "python":
                assert "wasmpy" in {a.name for n in ast.walk(ast.parse(block.body)) for a in imported(n)}, heading


def imported(node: ast.AST) -> list[ast.alias]:
    """The modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [ast.alias(node.module or "")]
    return node.names if isinstance(node, ast.Import) else []


@pytest.fixture(scope="module")
def activated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell in which a virtual environment with pip and the wasmpy under test is active."""
    directory = tmp_path_factory.mktemp("activated")
    made = subprocess.run([sys.executable, "-m", "venv", directory], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no virtual environment with pip can be made: {made.stderr or made.stdout}")
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    variables |= environment(directory / "cache")
    variables |= {"VIRTUAL_ENV": str(directory), "PATH": f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    variables |= {"PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return variables


@pytest.mark.slow
@pytest.mark.parametrize("heading", RECIPES)
def test_recipe(heading, activated, tmp_path):
    """Word for word: the files are written, the commands run one after the other, and the output is the text's."""
    for tool in NEEDS.get(heading, ()):
        if shutil.which(tool) is None:
            pytest.skip(f"{heading}: no {tool} in the PATH")
    for block in BLOCKS:
        if block.name == "wasi_snapshot_preview1.py" and heading == "Go":
            (tmp_path / block.name).write_text(block.body)
    printed = None
    for block in recipe(heading):
        if block.name:
            (tmp_path / block.name).parent.mkdir(exist_ok=True)
            (tmp_path / block.name).write_text(block.body)
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-ec", block.body], cwd=tmp_path, env=activated, capture_output=True, text=True, check=False
            )
            if done.returncode != 0 and re.search(
                r"No matching distribution|ENOTFOUND|could not download", done.stderr
            ):
                pytest.skip(f"{heading}: a tool chain cannot be had: {done.stderr[-500:]}")
            assert done.returncode == 0, f"{block.body}{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            printed = done.stdout
        elif block.language == "text":
            assert printed == block.body
    assert printed


@pytest.mark.slow
def test_example_of_the_readme(activated, tmp_path):
    """C in a file, the commands below it, and the session that imports what they make."""
    own = blocks(README.read_text())[:3]
    assert [block.language for block in own] == ["c", "sh", "pycon"]
    (tmp_path / own[0].name).write_text(own[0].body)
    (tmp_path / "session.txt").write_text(own[2].body)
    code = "import doctest; assert doctest.testfile('session.txt', module_relative=False) == (0, 2)"
    for command in (["bash", "-ec", own[1].body], ["python", "-c", f"import sys; sys.path.insert(0, ''); {code}"]):
        done = subprocess.run(command, cwd=tmp_path, env=activated, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# --- packages --------------------------------------------------------------------------------------------------

PROJECTS = [block for block in BLOCKS if block.name.endswith("pyproject.toml")]


@pytest.mark.parametrize("block", PROJECTS, ids=lambda block: block.name.partition("/")[0])
def test_projects_depend_on_this_wasmpy(block):
    """Not on the ancestor that has the name at PyPI."""
    assert 'dependencies = ["wasmpy>=1.0.0a1"]' in block.body


@pytest.mark.slow
@pytest.mark.parametrize("block", PROJECTS, ids=lambda block: block.name.partition("/")[0])
def test_wheels_carry_the_module(block, activated, tmp_path):
    """A wheel that these lines of pyproject.toml make has the .wasm in it."""
    (tmp_path / "pyproject.toml").write_text(block.body)
    (tmp_path / "some_package").mkdir()
    (tmp_path / "some_package" / "__init__.py").write_text("import wasmpy\n")
    (tmp_path / "some_package" / "fast.wasm").write_bytes(b"\0asm\1\0\0\0")
    command = ["pip", "wheel", "--no-deps", "--wheel-dir", "wheels", "."]
    done = subprocess.run(command, cwd=tmp_path, env=activated, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "some_package/fast.wasm" in zipfile.ZipFile(wheel).namelist()


def test_dependencies_are_written_with_their_version():
    """PyPI's wasmpy is another program still: wherever a dependency is written, it excludes that one."""
    for file in (README, GUIDE):
        for block in blocks(file.read_text()):
            for name in re.findall(r'dependencies = \["(wasmpy[^"]*)"|pip install (wasmpy\S*)', block.body):
                assert ">=1.0.0a1" in "".join(name), block
