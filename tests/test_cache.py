"""Where images are kept when directories are missing, closed, full or hostile, and when many want the same one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import NO_COMPILER, environment

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
SUB = ADD.replace("i32.add", "i32.sub")
USE = "import sys; sys.path.insert(0, {path!r}); import wasmpy, m; print(m.add(5, 3))"


@pytest.fixture
def tree(tmp_path):
    """A directory with m.wat, and a place for a cache that does not exist yet."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "m.wat").write_text(ADD)
    return tmp_path / "tree"


@pytest.fixture
def python(tmp_path, cache):
    """python(code, **environment): runs the code in a new process with a user cache of this test's own."""

    def run(code: str, *, check: bool = True, **env: str | None) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, **environment(tmp_path / "cache"), **env}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={k: v for k, v in variables.items() if v is not None},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    return run


def compiled(errors: str) -> int:
    """How many modules a process has compiled, by what it said with WASMPY_STATS."""
    return sum(int(count) for count in re.findall(r"(\d+) compiled \(", errors))


def images(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.glob("*")) if directory.exists() else []


def test_beside_the_source(tree, python):
    code = USE.format(path=str(tree))
    assert python(code).stdout == "8\n"
    (image,) = images(tree / "__pycache__")
    assert image.startswith("m.wasmpy-")
    (tree / "m.wat").chmod(0o644)
    assert python(NO_COMPILER + code).stdout == "8\n"
    (tree / "m.wat").write_text(SUB)
    assert python(code).stdout == "2\n"
    assert len(images(tree / "__pycache__")) == 1, "the image of the old text stays"
    assert images(tree / "__pycache__") != [image]
    assert not [name for name in images(tree.parent / "cache") if name.endswith(".so")]


def test_readers_of_the_source_may_read_the_image(tree, python):
    (tree / "m.wat").chmod(0o644)
    python(USE.format(path=str(tree)))
    (image,) = (tree / "__pycache__").glob("*.so")
    assert stat.S_IMODE(image.stat().st_mode) == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_no_directory_for_bytecode(tree, python):
    (tree / "__pycache__").write_text("a file")
    assert python(USE.format(path=str(tree))).stdout == "8\n"
    assert [name[:9] for name in images(tree.parent / "cache") if name.endswith(".so")] == ["m.wasmpy-"]


@pytest.mark.parametrize("setting", [{"PYTHONDONTWRITEBYTECODE": "1"}, {"PYTHONPYCACHEPREFIX": "prefix"}])
def test_settings_of_python(tree, python, setting):
    setting = {k: str(tree.parent / v) if v == "prefix" else v for k, v in setting.items()}
    assert python(USE.format(path=str(tree)), **setting).stdout == "8\n"
    assert images(tree) == ["m.wat"]
    user = [name for name in images(tree.parent / "cache") if name.endswith(".so")]
    if "PYTHONPYCACHEPREFIX" in setting:
        assert not user
        assert len(list((tree.parent / "prefix").rglob("m.wasmpy-*.so"))) == 1
    else:
        assert len(user) == 1


def test_site_packages(tmp_path, python):
    tree = tmp_path / "site-packages"
    tree.mkdir()
    (tree / "m.wat").write_text(ADD)
    assert python(USE.format(path=str(tree))).stdout == "8\n"
    assert images(tree) == ["m.wat"]


def test_no_cache(tree, python):
    for _ in range(2):
        done = python(USE.format(path=str(tree)), WASMPY_NO_CACHE="1", WASMPY_STATS="1")
        assert (done.stdout, compiled(done.stderr)) == ("8\n", 1)
    assert images(tree) == ["m.wat"]
    assert images(tree.parent / "cache") == []


@pytest.mark.parametrize("home", [None, "/dev/null/x"])
def test_no_home(tree, python, home):
    """Nor anything else to write to. The image lives in memory, where nothing takes it for another."""
    (tree / "__pycache__").write_text("a file")
    (tree / "n.wat").write_text(SUB)
    prelude = "import pwd\npwd.getpwuid = {}.__getitem__\n"
    code = "import sys; sys.path.insert(0, {path!r}); import wasmpy, m, n; print(m.add(5, 3), n.add(5, 3))\n"
    again = "print(wasmpy.load('{path}/n.wat').add(1, 1), wasmpy.load('{path}/n.wat').add(1, 1))"
    done = python(
        prelude + (code + again).format(path=str(tree)), HOME=home, XDG_CACHE_HOME=None, WASMPY_CACHE_DIR=None
    )
    assert done.stdout == "8 2\n0 0\n"
    assert not (tree.parent / "~").exists()


def test_full_disk(tree, python):
    code = """
        import wasmpy, errno
        from wasmpy import _store
        _store._write = lambda *arguments: OSError(errno.ENOSPC, "No space left on device")
    """
    assert python(textwrap.dedent(code) + USE.format(path=str(tree))).stdout == "8\n"
    assert not [name for name in images(tree / "__pycache__") + images(tree.parent / "cache") if "wasmpy-" in name]


def test_paths_in_memory_are_never_reused(tree, python):
    """The loader knows libraries by path: a program that closes what it does not know must not get an old one."""
    code = f"""
        import os, wasmpy
        kept = [wasmpy.load({ADD!r}.encode())]
        module = wasmpy.compile({SUB!r}.encode())
        os.closerange(3, 200)
        kept.append(module.instantiate() if os.path.exists(module._build.image) else wasmpy.load({SUB!r}.encode()))
        kept.append(wasmpy.load({ADD!r}.encode()))
        print(*[instance.add(5, 3) for instance in kept])
    """
    assert python(code, WASMPY_CACHE_DIR="/dev/null/x").stdout == "8 2 8\n"


def test_images_in_memory_hold_no_descriptor(tree, python):
    code = """
        import os, wasmpy
        descriptors = lambda: len(os.listdir("/proc/self/fd"))
        text = b'(module (func (export "f") (result i32) i32.const %d))'
        kept, counts, paths = [], [], set()
        for i in range(6):
            module = wasmpy.compile(text % i)
            kept += [module.instantiate(), module.instantiate(), wasmpy.load(text % i)]
            counts.append(descriptors())
            paths.add(module._build.image)
        print([instance.f() for instance in kept] == [i // 3 for i in range(18)], len(set(counts)), len(paths))
        print(wasmpy.Module.deserialize(module.serialize()).instantiate().f())
    """
    for setting in ({"WASMPY_CACHE_DIR": "/dev/null/x"}, {"WASMPY_NO_CACHE": "1"}):
        assert python(code, **setting).stdout == "True 1 6\n5\n"


def _can_mount() -> bool:
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o noexec none /mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("is_cache_noexec", [False, True])
def test_noexec(tree, tmp_path, is_cache_noexec):
    if not _can_mount():
        pytest.skip("needs the right to mount")
    (tmp_path / "cache").mkdir(mode=0o700)
    script = (
        f'mount -t tmpfs -o noexec none "{tree}" && echo \'{ADD}\' > "{tree}/m.wat" && '
        + (f'mount -t tmpfs -o noexec,mode=700 none "{tmp_path}/cache" && ' if is_cache_noexec else "")
        + f'for i in 1 2; do "{sys.executable}" -c "{USE.format(path=str(tree))}"; done && ls "{tree}/__pycache__"'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env={**os.environ, **environment(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("8\n8\nm.wasmpy-"), done.stderr
    if not is_cache_noexec:
        assert [name for name in images(tmp_path / "cache") if name.startswith("m.wasmpy-")]


def test_damaged_images_are_replaced(tree, python):
    code = USE.format(path=str(tree))
    python(code)
    (image,) = (tree / "__pycache__").glob("*.so")
    whole = image.read_bytes()
    for damage in (b"", whole[:100], b"no image at all"):
        image.write_bytes(damage)
        assert python(code).stdout == "8\n"
        assert image.read_bytes() == whole


@pytest.mark.parametrize("what", ["mode", "owner"])
def test_a_cache_of_others(tree, python, tmp_path, what):
    (tree / "__pycache__").write_text("a file")
    (tmp_path / "cache").mkdir(mode=0o700)
    if what == "mode":
        (tmp_path / "cache").chmod(0o777)
    elif os.geteuid() != 0:
        pytest.skip("needs root")
    else:
        os.chown(tmp_path / "cache", 12345, -1)
    done = python(USE.format(path=str(tree)), check=False)
    last = done.stderr.splitlines()[-1]
    assert "PermissionError" in last or "UnsafeDirectoryError" in last
    assert "WASMPY_CACHE_DIR" in last
    assert ("chmod" if what == "mode" else "12345") in last
    # It does not matter to who does not need it.
    (tree / "__pycache__").unlink()
    assert python(USE.format(path=str(tree))).stdout == "8\n"
    assert images(tmp_path / "cache") == []


def test_load_ignores_what_lies_beside(tree, python):
    """An image beside an untrusted file is the attacker's code."""
    python(USE.format(path=str(tree)))
    (image,) = (tree / "__pycache__").glob("*.so")
    code = f"""
        import wasmpy
        print(wasmpy.load({str(tree / "m.wat")!r}).add(5, 3), wasmpy.compile({str(tree / "m.wat")!r}))
    """
    planted = image.with_name(image.name.replace("m.wasmpy", "wasm.wasmpy"))
    planted.write_bytes(b"planted")
    before = images(tree / "__pycache__")
    assert python(code).stdout.startswith("8 <wasmpy.Module")
    assert images(tree / "__pycache__") == before
    names = [name for name in images(tree.parent / "cache") if name.endswith(".so")]
    assert [name[:12] for name in names] == ["wasm.wasmpy-"]
    (tree / "__pycache__" / names[0]).write_bytes(b"planted")
    assert python(code).stdout.startswith("8 <wasmpy.Module")


@pytest.mark.parametrize("is_valid", [True, False])
def test_one_compile_for_all(tree, python, tmp_path, is_valid):
    if not is_valid:
        (tree / "m.wat").write_text("(module (func (result i32)))")
    count = 64 if is_valid else 4
    env = {**os.environ, **environment(tmp_path / "cache"), "WASMPY_STATS": "1"}
    done = [
        subprocess.Popen([sys.executable, "-c", USE.format(path=str(tree))], env=env, stdout=-1, stderr=-1, text=True)
        for _ in range(count)
    ]
    outputs = [process.communicate() for process in done]
    if is_valid:
        assert [output for output, _ in outputs] == ["8\n"] * count, outputs
        assert sum(compiled(errors) for _, errors in outputs) == 1
    else:
        assert all("type mismatch" in errors for _, errors in outputs)
    assert [name for name in os.listdir(tree / "__pycache__") if not name.endswith(".so")] == []


def test_many_threads(tree, python):
    code = f"""
        import threading, wasmpy
        results = []
        def work():
            results.append(wasmpy.load({str(tree / "m.wat")!r}).add(5, 3))
        threads = [threading.Thread(target=work) for _ in range(16)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(results == [8] * 16)
    """
    done = python(code, WASMPY_STATS="1")
    assert (done.stdout, compiled(done.stderr)) == ("True\n", 1)


def test_compilers_that_share_a_tree(tree, python):
    """Each keeps the image of the newest content; of those that are gone a few stay."""

    def use(compiler: int) -> list[str]:
        code = f"from wasmpy import _identity; _identity._identity = 'compiler {compiler}'; "
        assert python(code + USE.format(path=str(tree))).stdout in ("8\n", "2\n")
        return images(tree / "__pycache__")

    (one,) = use(1)
    both = use(2)
    assert one in both
    assert len(both) == 2
    (tree / "m.wat").write_text(SUB)
    assert len(use(1)) == 2
    assert len(use(2)) == 2
    assert not set(use(2)) & set(both)
    for compiler in range(3, 9):
        left = use(compiler)
    assert len(left) == 5
    assert len(use(1)) == 5


def test_leftovers_do_no_harm(tree, python):
    cache = tree / "__pycache__"
    code = USE.format(path=str(tree))
    python(code)
    (image,) = cache.glob("*.so")
    image.unlink()
    old, young = (cache / f"{image.name}.{word}.tmp" for word in ("old", "young"))
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    young.write_bytes(b"x")
    (cache / f".{image.name}.lock").write_bytes(b"")
    assert python(code).stdout == "8\n"
    assert {entry.name for entry in cache.iterdir()} == {image.name, young.name}


def test_the_lock(tmp_path):
    """Whoever waited for a lock file that is gone takes the new one: never two inside."""
    import threading

    from wasmpy import _store

    inside, most, failures = 0, 0, []

    def work() -> None:
        nonlocal inside, most
        try:
            for _ in range(20):
                with _store._lock(str(tmp_path / "x.lock")) as lock:
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0005)
                    inside -= 1
                    _store._release(lock)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert most == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_forked_child_does_not_keep_the_lock(tmp_path, is_killed):
    """Not even if its parent is killed."""
    import fcntl

    from wasmpy import _store

    reads, writes = os.pipe()
    parent = os.fork()
    if parent == 0:
        with _store._lock(str(tmp_path / "x.lock")):
            child = os.fork()
            if child == 0:
                os.write(writes, b"%d\n" % os.getpid())  # What has to be done after a fork is done now.
                time.sleep(20)
                os._exit(0)
            if is_killed:
                os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    child = int(os.read(reads, 20))
    os.waitpid(parent, 0)
    try:
        with open(tmp_path / "x.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(child, signal.SIGKILL)
