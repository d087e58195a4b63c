"""Draws the pictures of README and guide: ``python3 docs/pictures/draw.py`` writes SVG files beside this script.

A picture is a list of boxes, labels and arrows on a card of its own, so that it reads on any page: a white card, or
a dark one where the reader prefers dark colours. Programs that know no such preference show the light one.
"""

from __future__ import annotations

import itertools
import os
import sys
from html import escape

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", "bench", "README.md")
# Name of a colour → on light pages, on dark ones.
COLOURS = {
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9da7b1"),
    "card": ("#ffffff", "#161b22"),
    "plain": ("#ffffff", "#21262d"),
    "python": ("#fff1c4", "#5a4713"),
    "wasm": ("#e2dbff", "#443878"),
    "native": ("#d3f0dc", "#1b4d2e"),
    "bar": ("#c9d1d9", "#48515c"),
    "ours": ("#6f42c1", "#a387f0"),
}
PLAIN, PYTHON, WASM, NATIVE = "plain", "python", "wasm", "native"
LINE = 17


def paint(**colours: str) -> str:
    """Attributes that give an element its colours, ``fill`` and ``stroke``, and the classes that make them dark."""
    attributes = "".join(f' {what}="{COLOURS[name][0]}"' for what, name in colours.items())
    classes = " ".join(f"{what}-{name}" for what, name in colours.items())
    return f'{attributes} class="{classes}"'


def dark() -> str:
    """The style sheet that gives all classes their dark colours."""
    rules = "".join(
        f".{what}-{name}{{{what}:{colours[1]}}}" for name, colours in COLOURS.items() for what in ("fill", "stroke")
    )
    return f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>"


class Picture:
    """A drawing that grows by what is put on it."""

    def __init__(self, name: str, title: str, width: int, height: int) -> None:
        self.name = name
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12.5" role="img">',
            f"<title>{escape(title)}</title>",
            dark(),
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z"{paint(fill="faint")}/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="8"{paint(fill="card")}/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, text: str, fill: str = PLAIN) -> None:  # noqa: PLR0917
        """A box with lines of text in its middle; the first is bold."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5"{paint(fill=fill, stroke="ink")}/>'
        )
        lines = text.split("\n") if text else []
        top = y + height / 2 - LINE * (len(lines) - 1) / 2 + 4.5
        for i, line in enumerate(lines):
            self._write(x + width / 2, top + LINE * i, line, "middle", "ink", bold=i == 0)

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Faint lines of text beside something."""
        for i, line in enumerate(text.split("\n")):
            self._write(x, y + LINE * i, line, anchor, "faint")

    def code(self, x: float, y: float, text: str) -> None:
        """Lines of a program."""
        for i, line in enumerate(text.split("\n")):
            self._write(x, y + LINE * i, line, "start", "ink", family="monospace")

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line through the points that ends in a tip."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none"{paint(stroke="faint")} stroke-width="1.5"{dash} '
            'marker-end="url(#tip)"/>'
        )

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """A dashed border around other things."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="none"{paint(stroke="faint")} '
            'stroke-dasharray="6 4"/>'
        )

    def bar(self, x: float, y: float, width: float, fill: str, *, cut: bool = False) -> None:
        """A horizontal bar; one that is cut is longer than it can be shown."""
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="20" rx="3"{paint(fill=fill)}/>')
        if cut:
            middle = x + width - 34
            self.parts.append(
                f'<path d="M{middle} {y - 3} l8 7 -8 7 8 7 -8 8"{paint(stroke="card")} stroke-width="7" fill="none"/>'
            )

    def heading(self, x: float, y: float, text: str) -> None:
        """A line of bold text."""
        self._write(x, y, text, "start", "ink", bold=True)

    def _write(
        self, x: float, y: float, text: str, anchor: str, fill: str, *, bold: bool = False, family: str = ""
    ) -> None:
        more = (' font-weight="600"' if bold else "") + (f' font-family="{family}"' if family else "")
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}"{paint(fill=fill)}{more} xml:space="preserve">'
            f"{escape(text)}</text>"
        )

    def save(self) -> None:
        """Writes the file, into the folder that the command line names or beside this script."""
        folder = sys.argv[1] if len(sys.argv) > 1 else HERE
        with open(os.path.join(folder, f"{self.name}.svg"), "w", encoding="utf-8") as file:
            file.write("\n".join([*self.parts, "</svg>", ""]))


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the bench's result."""
    with open(BENCH, encoding="utf-8") as file:
        lines = iter(file)
        next(line for line in lines if line.startswith(heading))
        rows = [
            line for line in itertools.takewhile(lambda line: line == "\n" or line[0] == "|", lines) if line != "\n"
        ]
    return [[cell.strip() for cell in row.strip("|\n").split("|")] for row in rows]


def measured() -> tuple[dict[str, float], dict[str, float]]:
    """Nanoseconds of a call, and the time of the kernels in terms of native code: what the bench measured."""
    calls = {row[0]: float(row[1]) for row in table("### Calls from Python, ns")[2:]}
    kernels = table("### Kernels")
    # Of each engine, wasmpy's time in terms of its time: ms, wasmpy, …
    means = {
        engine: float(mean) for engine, mean in zip(kernels[0], kernels[-1], strict=True) if engine not in ("", "ms")
    }
    return calls, {engine: means["clang -O3"] / mean for engine, mean in means.items()}


def bars() -> None:
    calls, programs = measured()
    p = Picture("bars", "What a call costs, and how fast programs run", 760, 236)
    p.heading(20, 30, "Calling add(1, 2) from Python, nanoseconds")
    rows = (("wasmpy", "wasmpy"), ("C extension", "C extension"), ("Python function", "Python def"))
    for i, (label, key) in enumerate(rows):
        p.text(122, 62 + 34 * i, label, "end")
        p.bar(130, 48 + 34 * i, 3.4 * calls[key], "ours" if key == "wasmpy" else "bar")
        p.text(138 + 3.4 * calls[key], 62 + 34 * i, f"{calls[key]:.0f}")
    p.text(122, 62 + 34 * 3, "wasmtime-py", "end")
    p.bar(130, 48 + 34 * 3, 170, "bar", cut=True)
    p.text(308, 62 + 34 * 3, f"{round(calls['wasmtime'], -2):,.0f}")
    p.heading(400, 30, "Running sixteen programs, relative time")
    for i, (label, key) in enumerate(
        (("wasmpy", "wasmpy"), ("native, Clang -O3", "clang -O3"), ("V8 in Node", "V8"), ("wasmtime", "wasmtime"))
    ):
        p.text(522, 62 + 34 * i, label, "end")
        p.bar(530, 48 + 34 * i, 150 * programs[key], "ours" if key == "wasmpy" else "bar")
        p.text(538 + 150 * programs[key], 62 + 34 * i, f"{programs[key]:.2f}")
    longer = round(calls["wasmtime"] / calls["wasmpy"], -2)
    p.text(20, 206, "Shorter is better. The bar of wasmtime-py is cut: at this")
    p.text(20, 223, f"scale it would be {longer:,.0f} times as long as the first.")
    p.text(400, 206, "Geometric means; native code is 1. How it was")
    p.text(400, 223, "measured, and each program: bench/README.md")
    p.save()


def load_path() -> None:
    p = Picture("load-path", "How a module comes to be loaded", 760, 232)
    p.box(20, 40, 130, 54, "import name\nname.wasm or .wat", PYTHON)
    p.box(205, 40, 160, 54, "Is it compiled?\na look into the caches")
    p.box(590, 40, 150, 54, "Native module\nname.add(1, 2)", NATIVE)
    p.box(215, 150, 150, 54, "Compiler\nan image, too", WASM)
    p.box(430, 150, 150, 54, "Compiled file\none .so", NATIVE)
    p.arrow((150, 67), (205, 67))
    p.arrow((365, 67), (590, 67))
    p.text(378, 58, "yes: opened, some milliseconds")
    p.arrow((290, 94), (290, 150))
    p.text(298, 138, "no: compiled once")
    p.arrow((365, 177), (430, 177))
    p.arrow((580, 177), (665, 177), (665, 94))
    p.arrow((505, 150), (505, 108), (350, 108), (350, 94), dashed=True)
    p.text(512, 130, "kept for next time")
    p.text(20, 126, "The compiled file is named\nafter a hash of the source,\nthe compiler and the CPU:")
    p.text(20, 126 + 3 * LINE, "a changed file is compiled\nanew.")
    p.save()


def memory() -> None:
    p = Picture("memory", "Linear memory, addresses and views", 760, 300)
    p.text(20, 30, "Python")
    p.code(20, 54, 'data = b"\\x89PNG…"')
    p.code(20, 84, "address = malloc(len(data))")
    p.code(20, 114, "memory.write(address, data)")
    p.code(20, 144, "decode(address, len(data), result)")
    p.text(330, 30, "linear memory: bytes 0 to len(memory) - 1")
    p.box(330, 90, 100, 60, "the stack", WASM)
    p.box(430, 90, 100, 60, "variables", WASM)
    p.box(530, 90, 190, 60, "", WASM)
    p.box(560, 96, 90, 48, "\\x89PNG…", PYTHON)
    p.text(330, 168, "0")
    p.text(560, 168, "address")
    p.text(650, 168, "address + size")
    p.arrow((240, 110), (300, 110), (300, 66), (600, 66), (600, 96))
    p.text(380, 60, "copies the bytes")
    p.frame(20, 196, 720, 84)
    p.code(36, 224, 'image = memory.view(pixels, (height, width, 3), "B")')
    p.text(36, 246, "A view is the same bytes, not a copy: what either side writes, the other sees. When the memory")
    p.text(
        36, 263, "grows, views stay valid and as long as they were. Only numbers cross a call: here three of them."
    )
    p.save()


def imports() -> None:
    p = Picture("imports", "How the import statement satisfies an import", 760, 330)
    p.code(20, 34, '(import "codec" "crc" (func …))   in mypkg/fast.wasm')
    rows = (
        ("1  given before", 'wasmpy.bind("mypkg.fast", {"codec": …}), or __wasm_imports__ in mypkg/__init__.py'),
        ("2  beside it", "mypkg/codec.py, mypkg/codec.wasm …; a name with a leading dot: only there"),
        ("3  anywhere", "import codec: any Python or WebAssembly module. Not for env, wbg, go, a"),
        ("4  LinkError", "lists all imports that are missing, with their types and what to do"),
    )
    for i, (title, text) in enumerate(rows):
        y = 56 + 62 * i
        p.box(20, y, 140, 40, title, (PYTHON, PYTHON, PYTHON, PLAIN)[i])
        p.text(176, y + 24, text)
        if i < 3:
            p.arrow((90, y + 40), (90, y + 62))
            p.text(98, y + 55, "not there")
    p.text(20, 314, "wasmpy.load and Module.instantiate do step 1 alone, with the mapping that they are passed.")
    p.save()


def trust() -> None:
    p = Picture("trust", "What import trusts and what load does not", 760, 270)
    p.frame(14, 30, 352, 224)
    p.text(30, 22, "import name: trusted like name.py")
    p.box(40, 56, 130, 48, "name.wasm", WASM)
    p.box(210, 56, 130, 48, "os, any module\nof Python", PYTHON)
    p.arrow((170, 80), (210, 80))
    p.box(40, 136, 300, 40, "its compiled file in __pycache__", NATIVE)
    p.text(40, 204, "What it declares to import it gets:\nimport only what you would run.")
    p.frame(394, 30, 352, 224)
    p.text(410, 22, "wasmpy.load(file, imports): a sandbox")
    p.box(420, 56, 130, 48, "plugin.wasm", WASM)
    p.box(590, 56, 130, 48, "what you pass\nin imports", PYTHON)
    p.arrow((550, 80), (590, 80))
    p.box(420, 136, 300, 40, "its compiled file in your cache only", NATIVE)
    p.text(
        420,
        204,
        "No file, no network, no other module. It can\ncompute without end, until Ctrl-C, and fill\nits own memory.",
    )
    p.save()


if __name__ == "__main__":
    for draw in (bars, load_path, memory, imports, trust):
        draw()
