"""Draws the pictures of the guide: ``python3 docs/pictures/draw.py`` writes the SVG files beside this script.

A picture is a list of boxes, labels and arrows on a white card, so that it reads on dark pages too.
"""

from __future__ import annotations

import os
from html import escape

HERE = os.path.dirname(os.path.abspath(__file__))
INK, FAINT = "#1f2328", "#6e7781"
PLAIN, PYTHON, WASM, NATIVE = "#ffffff", "#fff1c4", "#e2dbff", "#d3f0dc"
LINE = 17


class Picture:
    """A drawing that grows by what is put on it."""

    def __init__(self, name: str, title: str, width: int, height: int) -> None:
        self.name = name
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12.5" role="img">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="{FAINT}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, text: str, fill: str = PLAIN) -> None:  # noqa: PLR0917
        """A box with lines of text in its middle; the first is bold."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="{fill}" stroke="{INK}"/>'
        )
        lines = text.split("\n") if text else []
        top = y + height / 2 - LINE * (len(lines) - 1) / 2 + 4.5
        for i, line in enumerate(lines):
            self._write(x + width / 2, top + LINE * i, line, "middle", INK, bold=i == 0)

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Faint lines of text beside something."""
        for i, line in enumerate(text.split("\n")):
            self._write(x, y + LINE * i, line, anchor, FAINT)

    def code(self, x: float, y: float, text: str) -> None:
        """Lines of a program."""
        for i, line in enumerate(text.split("\n")):
            self._write(x, y + LINE * i, line, "start", INK, family="monospace")

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line through the points that ends in a tip."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{FAINT}" stroke-width="1.5"{dash} '
            'marker-end="url(#tip)"/>'
        )

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """A dashed border around other things."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="none" stroke="{FAINT}" '
            'stroke-dasharray="6 4"/>'
        )

    def _write(
        self, x: float, y: float, text: str, anchor: str, fill: str, *, bold: bool = False, family: str = ""
    ) -> None:
        more = (' font-weight="600"' if bold else "") + (f' font-family="{family}"' if family else "")
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}"{more} xml:space="preserve">'
            f"{escape(text)}</text>"
        )

    def save(self) -> None:
        """Writes the file."""
        with open(os.path.join(HERE, f"{self.name}.svg"), "w", encoding="utf-8") as file:
            file.write("\n".join([*self.parts, "</svg>", ""]))


def load_path() -> None:
    p = Picture("load-path", "How a module comes to be loaded", 760, 232)
    p.box(20, 40, 130, 54, "import name\nname.wasm or .wat", PYTHON)
    p.box(205, 40, 160, 54, "Is there an image?\nin one of the caches")
    p.box(590, 40, 150, 54, "Native module\nname.add(1, 2)", NATIVE)
    p.box(215, 150, 150, 54, "Compiler\na Node process", WASM)
    p.box(430, 150, 150, 54, "Image\none .so file", NATIVE)
    p.arrow((150, 67), (205, 67))
    p.arrow((365, 67), (590, 67))
    p.text(378, 58, "yes: opened, some milliseconds")
    p.arrow((290, 94), (290, 150))
    p.text(298, 138, "no: compiled once")
    p.arrow((365, 177), (430, 177))
    p.arrow((580, 177), (665, 177), (665, 94))
    p.arrow((505, 150), (505, 108), (350, 108), (350, 94), dashed=True)
    p.text(512, 130, "kept for next time")
    p.text(
        20,
        126,
        "The image's name holds a hash\nof the source, the compiler and\nthe CPU: a changed file is\ncompiled anew.",
    )
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
    p.box(40, 136, 300, 40, "its compiled image in __pycache__", NATIVE)
    p.text(40, 204, "What it declares to import it gets:\nimport only what you would run.")
    p.frame(394, 30, 352, 224)
    p.text(410, 22, "wasmpy.load(file, imports): a sandbox")
    p.box(420, 56, 130, 48, "plugin.wasm", WASM)
    p.box(590, 56, 130, 48, "what you pass\nin imports", PYTHON)
    p.arrow((550, 80), (590, 80))
    p.box(420, 136, 300, 40, "its compiled image in your cache only", NATIVE)
    p.text(
        420,
        204,
        "No file, no network, no other module. It can\ncompute without end, until Ctrl-C, and fill\nits own memory.",
    )
    p.save()


if __name__ == "__main__":
    for draw in (load_path, memory, imports, trust):
        draw()
