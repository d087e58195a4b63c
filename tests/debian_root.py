"""Unpacks Debian packages with their dependencies into a folder, to run programs of another suite from there.

    python3 tests/debian_root.py FOLDER SUITE ARCH PACKAGE...

Nothing is installed on the host and nothing needs to be root; apt-get and dpkg-deb do the work, and the mirror
is the one of the host's own apt sources.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_APT = """\
Dir::State "{state}/state"; Dir::State::status "{state}/state/status"; Dir::State::Lists "{state}/lists";
Dir::Cache "{state}/cache"; Dir::Etc::sourcelist "{state}/sources.list"; Dir::Etc::sourceparts "{state}/none";
Dir::Etc::preferencesparts "{state}/none"; APT::Architecture "{arch}"; APT::Architectures "{arch}";
APT::Install-Recommends "false"; Acquire::Languages "none"; APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"""


def mirror() -> str:
    """The Debian mirror among the host's apt sources. Raises RuntimeError where there is none."""
    for file in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if file.is_file():
            found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(\S+)", file.read_text(), re.MULTILINE)
            if found:
                return found[1]
    raise RuntimeError("this system has no apt sources to take Debian packages from")


class Suite:
    """A suite of Debian's packages for an architecture, whose lists are kept beside the folder to unpack into."""

    def __init__(self, folder: Path, suite: str, arch: str) -> None:
        """Fetches the lists. Raises CalledProcessError when apt-get fails, RuntimeError if there is no mirror."""
        self._state = state = folder.with_name(f".apt-{suite}-{arch}").absolute()
        for part in ("lists/partial", "cache/archives/partial", "empty/partial", "none", "state"):
            (state / part).mkdir(parents=True, exist_ok=True)
        (state / "state/status").touch()
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (state / "sources.list").write_text(f"deb [arch={arch} signed-by={keyring}] {mirror()} {suite} main\n")
        config = state / "apt.conf"
        config.write_text(_APT.format(state=state, arch=arch))
        self._environment = {**os.environ, "APT_CONFIG": str(config)}
        self._apt("apt-get", "update")

    def _apt(self, program: str, *arguments: str) -> str:
        command = [program, "-qq", *(["-y"] if program == "apt-get" else []), *arguments]
        return subprocess.run(command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def packages(self) -> set[str]:
        """The names of all packages that it has."""
        return set(self._apt("apt-cache", "pkgnames").split())

    def unpack(self, folder: Path, packages: list[str]) -> None:
        """Fills ``folder`` with packages and what they depend on. Raises CalledProcessError when apt-get fails."""
        state = self._state
        # With an archive folder that is always empty, the list is complete even if some were downloaded before.
        uris = self._apt("apt-get", "install", "-o", f"Dir::Cache::archives={state}/empty", "--print-uris", *packages)
        self._apt("apt-get", "install", "-d", *packages)
        for directory in ("bin", "sbin", "lib", "lib64"):
            (folder / "usr" / directory).mkdir(parents=True, exist_ok=True)
            if not (folder / directory).is_symlink():
                (folder / directory).symlink_to(f"usr/{directory}")
        for name in re.findall(r"^'[^']*' (\S+)", uris, re.MULTILINE):
            archive = subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", state / "cache/archives" / name], stdout=subprocess.PIPE
            )
            subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", folder], stdin=archive.stdout, check=True)
            if archive.wait() != 0:
                raise RuntimeError(f"cannot unpack {name}")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    Suite(Path(sys.argv[1]), sys.argv[2], sys.argv[3]).unpack(Path(sys.argv[1]), sys.argv[4:])
