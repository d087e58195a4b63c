"""What others leave in our way cannot become code: planted files, caches, environments, compilers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import run_python
from samples import ADD

USE = "import wasmpy, m; print(m.add(5, 3))"

# --- what has been planted -------------------------------------------------------------------------------------


@pytest.fixture
def planted(tmp_path):
    """planted(path): puts an extension module there that leaves a mark when it is loaded; checks that it was not."""
    mark = tmp_path / "mark"
    source, library = tmp_path / "planted.c", tmp_path / "planted.so"
    source.write_text(
        "#include <fcntl.h>\n#include <unistd.h>\n"
        f'__attribute__((constructor)) static void run(void) {{ close(creat("{mark}", 0600)); }}\n'
        "void *PyInit_m(void) { return 0; }\nvoid *PyInit_wasm(void) { return 0; }\n"
    )
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)

    def plant(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, path)

    plant.library = library
    yield plant
    assert not mark.exists(), "planted code ran"


def image_of(source: Path, leaf: str, *, beside: bool) -> str:
    """The name under which the image of a file is looked for."""
    from wasmpy import _cache

    return _cache.Build(source.read_bytes(), leaf, str(source), beside=beside).name


def test_the_planted_library_works(tmp_path):
    """Else the tests below would be of nothing: an image where one belongs is loaded."""
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    (tmp_path / "m.wat").write_text(ADD)
    source, image = tmp_path / "p.c", tmp_path / "__pycache__" / image_of(tmp_path / "m.wat", "m", beside=True)
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void run(void) { _exit(7); }\n"
    )
    image.parent.mkdir()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", image, source], check=True)
    assert run_python(USE, tmp_path, tmp_path / "cache", check=False).returncode == 7


@pytest.mark.parametrize("leaf", ["m", "wasm"])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_images_beside_loaded_files(tmp_path, python, planted, leaf, link):
    source = tmp_path / "guest" / "m.wat"
    source.parent.mkdir()
    source.write_text(ADD)
    names = {image_of(source, leaf, beside=beside) for beside in (True, False)}
    for name in (*names, *(name.replace(".so", "-checked.so") for name in names)):
        for place in (source.parent, source.parent / "__pycache__"):
            if link is None:
                planted(place / name)
            else:
                place.mkdir(exist_ok=True)
                link(planted.library, place / name)
    before = {path: path.stat().st_mtime_ns for path in source.parent.rglob("*")}
    code = """
        import wasmpy, os
        path = os.path.abspath("guest/m.wat")
        for _ in range(2):  # From elsewhere, and from there.
            print(wasmpy.load(path).add(5, 3), wasmpy.compile(path).instantiate().add(1, 1), wasmpy.validate(path))
            os.chdir(os.path.dirname(path))
    """
    assert python(code) == "8 2 True\n" * 2
    assert {path: path.stat().st_mtime_ns for path in source.parent.rglob("*")} == before


CACHES = {
    "of others": "chown 54321 {cache}",
    "writable by others": "chmod 777 {cache}",
    "writable by the group": "chmod 770 {cache}",
    "below a directory of others": "chown 54321 {above}",
    "below a directory writable by others": "chmod 777 {above}",
    "a link to one of others": "chown 54321 {cache} && mv {cache} {cache}-there && ln -s {cache}-there {cache}",
    "a link below a directory of others": "mkdir {above}/x && mv {cache} {above}/x && ln -s {above}/x/cache {cache}"
    " && chown 54321 {above}/x",
    "no directory": "mv {cache} {cache}-there && touch {cache}",
}


@pytest.mark.parametrize("what", list(CACHES))
def test_caches_that_others_can_change(tmp_path, python, planted, what):
    """Nothing in them is loaded or written, and the user learns why."""
    (tmp_path / "m.wat").write_text(ADD)
    above = tmp_path / "above"
    cache = above / "cache"
    cache.mkdir(parents=True, mode=0o700)
    planted(cache / image_of(tmp_path / "m.wat", "wasm", beside=False))
    planted(cache / image_of(tmp_path / "m.wat", "m", beside=True))
    if "chown" in CACHES[what] and os.geteuid() != 0:
        pytest.skip("needs root")
    words = (
        CACHES[what].replace("chown 54321 {cache}", "chown 54321 {cache}").replace("{above} 54321", "54321 {above}")
    )
    subprocess.run(["sh", "-c", words.format(cache=cache, above=above)], check=True)
    before = sorted(above.rglob("*"))
    code = """
        import wasmpy
        try:
            print(wasmpy.load("m.wat").add(5, 3))
        except PermissionError as error:
            print("WASMPY_CACHE_DIR" in str(error))
        import m
        print(m.add(5, 3))
    """
    assert python(code, WASMPY_CACHE_DIR=str(cache)) == ("8\n8\n" if what == "no directory" else "True\n8\n")
    assert sorted(above.rglob("*")) == before


@pytest.mark.parametrize("is_link", [False, True])
def test_a_cache_is_used_where_nobody_else_can_change_it(tmp_path, python, is_link):
    """In /tmp, too, as long as it is sticky; by links of one's own."""
    above = tmp_path / "above"
    (above / "x").mkdir(parents=True)
    above.chmod(0o1777)
    cache = above / "cache"
    if is_link:
        (above / "x" / "cache").mkdir(mode=0o700)
        cache.symlink_to(above / "x" / "cache")
    assert (
        python(f"import wasmpy; print(wasmpy.load({ADD.encode()!r}).add(5, 3))", WASMPY_CACHE_DIR=str(cache)) == "8\n"
    )
    assert list(cache.glob("*.so"))


@pytest.mark.parametrize("what", ["link", "hard link", "directory", "dangling", "fifo", "lock link", "lock fifo"])
def test_odd_things_in_place_of_an_image(tmp_path, python, what):
    """What is broken is replaced, never written through."""
    (tmp_path / "m.wat").write_text(ADD)
    name = image_of(tmp_path / "m.wat", "m", beside=True)
    image, victim, lock = (
        tmp_path / "__pycache__" / name,
        tmp_path / "victim",
        tmp_path / "__pycache__" / f".{name}.lock",
    )
    image.parent.mkdir()
    victim.write_bytes(b"victim")
    match what:
        case "link":
            image.symlink_to(victim)
        case "hard link":
            image.hardlink_to(victim)
        case "directory":
            image.mkdir()
        case "dangling":
            image.symlink_to(tmp_path / "absent")
        case "fifo":
            os.mkfifo(image)
        case "lock link":
            lock.symlink_to(tmp_path / "absent")
        case "lock fifo":
            os.mkfifo(lock)
    for _ in range(2):
        assert python(USE) == "8\n"
    assert victim.read_bytes() == b"victim"
    assert not (tmp_path / "absent").exists()


def test_a_race_for_the_cache(tmp_path, python, planted):
    """Somebody exchanges the user's cache and a directory with planted images, for as long as the user imports."""
    (tmp_path / "m.wat").write_text(ADD)
    above = tmp_path / "above"
    for name in ("cache", "evil"):
        (above / name).mkdir(parents=True, mode=0o700)
    planted(above / "evil" / image_of(tmp_path / "m.wat", "wasm", beside=False))
    above.chmod(0o777)
    code = """
        import ctypes, threading, wasmpy
        rename = ctypes.CDLL(None).renameat2
        HERE, EXCHANGE = -100, 2
        stop = False
        def swap():
            while not stop:
                assert rename(HERE, b"above/cache", HERE, b"above/evil", EXCHANGE) == 0
        thread = threading.Thread(target=swap)
        thread.start()
        refused = 0
        try:
            for _ in range(100):
                try:
                    wasmpy.load("m.wat")
                except OSError:
                    refused += 1
        finally:
            stop = True
            thread.join()
        print(refused)
    """
    assert python(code, WASMPY_CACHE_DIR=str(above / "cache")) == "100\n"
