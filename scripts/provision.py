"""Bring TimescaleDB, mosquitto and a browser into the user's cache, for tests and journeys.

Nothing is installed on the system and root is not needed. What is there already is checked and
kept. The paths end up in services.json in the cache, ${XDG_CACHE_HOME:-~/.cache}/ecoduct.
"""

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from debian_packages import (
    SUITE,
    Debian,
    ProvisionError,
    make_runnable,
    replaced,
    run,
    unpack,
    write_json,
)

_SERVERS: Final = ("postgresql-17", "postgresql-17-timescaledb", "mosquitto")
# jit is switched off, and the wrappers of Debian that need Perl are not used.
_NOT_FOR_SERVERS: Final = (
    r"perl.*|libperl.*|lib.*-perl|libllvm.*|libz3.*|locales.*|debconf.*|dpkg|tar|ssl-cert"
    r"|adduser|passwd|base-passwd|coreutils|mawk|netbase|sensible-utils|ucf|login.*|util-linux"
    r"|init-system-helpers|sysvinit-utils|libpam-modules.*|libpam-runtime|postgresql-common.*"
)
_BROWSER: Final = ("chromium", "fontconfig-config", "fonts-dejavu-core")
_NOT_FOR_BROWSER: Final = (
    r"perl.*|libperl.*|lib.*-perl|libllvm.*|libz3.*|locales.*|debconf.*|dpkg|tar|coreutils"
    r"|libgl1-mesa-dri|mesa-libgallium|adwaita-icon-theme|xdg-.*|libgtk.*-common|.*-icon-theme"
    r"|systemd.*|libsystemd-shared|dbus.*|dconf.*|x11-.*|procps|mount|libpam-.*|base-files|gtk-.*"
)
_PAGE: Final = "data:text/html,<p>6*7=</p><script>document.write(6*7)</script>"
_BROWSER_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Run the command; 0 if everything asked for is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="fetch again, even what runs")
    parser.add_argument("--without-browser", action="store_true")
    parser.add_argument("--own-browser", action="store_true", help="not the machine's")
    chosen = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecoduct"
    cache.mkdir(parents=True, exist_ok=True)
    providers = [provide_servers] if chosen.without_browser else [provide_servers, provide_browser]
    failed = False
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for provide in providers:
            try:
                keep(cache, provide(cache, chosen))
            except ProvisionError as error:
                failed = True
                print(error, file=sys.stderr)
    if failed:
        return 1
    print(f"  paths are in {cache / 'services.json'}")
    return 0


def keep(cache: Path, services: dict[str, str]) -> None:
    """Add paths to services.json."""
    file = cache / "services.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    write_json(file, {**known, **services})


def provide_servers(cache: Path, chosen: argparse.Namespace) -> dict[str, str]:
    """Provide TimescaleDB and mosquitto; gives their paths by name."""
    print("TimescaleDB and mosquitto")
    root = cache / f"servers-{SUITE}"
    if chosen.fresh or not _servers_run(root):
        with replaced(root) as half:
            _fetch(cache, half, _SERVERS, without=_NOT_FOR_SERVERS)
            binaries = half / "usr/lib/postgresql/17/bin"
            for program in [*binaries.iterdir(), half / "usr/sbin/mosquitto"]:
                if _is_program(program):
                    make_runnable(program, root=half, final=root)
        if not _servers_run(root):
            raise _does_not_run("PostgreSQL or mosquitto", root)
    if not Path("/usr/share/zoneinfo/UTC").exists():
        print("  note: install tzdata, which this PostgreSQL reads from the system")
    binaries = root / "usr/lib/postgresql/17/bin"
    return {"postgres": str(binaries), "mosquitto": str(root / "usr/sbin/mosquitto")}


def provide_browser(cache: Path, chosen: argparse.Namespace) -> dict[str, str]:
    """Provide Chromium, the machine's own if it runs; gives its path."""
    print("Chromium")
    for name in () if chosen.own_browser else _BROWSER_NAMES:
        if (found := shutil.which(name)) and _renders(Path(found)):
            return {"browser": found}
    root = cache / f"browser-{SUITE}"
    launcher = root / "chromium"
    if chosen.fresh or not _renders(launcher):
        with replaced(root) as half:
            _fetch(cache, half, _BROWSER, without=_NOT_FOR_BROWSER)
            folder = half / "usr/lib/chromium"
            for program in (folder / "chromium", folder / "chrome_crashpad_handler"):
                make_runnable(program, root=half, final=root, extra=["usr/lib/chromium"])
            _write_launcher(half / "chromium", root)
        if not _renders(launcher):
            raise _does_not_run("Chromium", root)
    return {"browser": str(launcher)}


def _fetch(cache: Path, half: Path, names: tuple[str, ...], *, without: str) -> None:
    debian = Debian(cache)
    debian.open()
    debs = debian.fetch(names, without=without)
    print(f"  unpacking {len(debs)} packages", flush=True)
    unpack(debs, half)
    (half / "packages.txt").write_text("".join(f"{deb.name}\n" for deb in debs))
    for deb in debs:
        deb.unlink()


def _is_program(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF"


def _servers_run(root: Path) -> bool:
    if not (root / "packages.txt").exists():
        return False
    try:
        postgres = run([root / "usr/lib/postgresql/17/bin/postgres", "--version"]).strip()
        # It has no --version; asked for help it says its version and fails.
        mosquitto = subprocess.run(
            [root / "usr/sbin/mosquitto", "-h"], capture_output=True, text=True, check=False
        ).stdout.splitlines()[0]
        extension = next(root.glob("usr/lib/postgresql/17/lib/timescaledb-*.so")).stem
    except (ProvisionError, OSError, IndexError, StopIteration):
        return False
    print(f"  {postgres}; {extension}; {mosquitto}")
    return True


def _write_launcher(launcher: Path, root: Path) -> None:
    fonts = launcher.with_name("fonts.conf")
    fonts.write_text(
        "<?xml version='1.0'?>\n<!DOCTYPE fontconfig SYSTEM 'fonts.dtd'>\n<fontconfig>\n"
        f"<dir>{root}/usr/share/fonts</dir>\n<dir>/usr/share/fonts</dir>\n"
        f"<cachedir>{root.parent}/fontconfig</cachedir>\n</fontconfig>\n"
    )
    # libpulse looks for its other half beside the system's libraries only.
    (pulse,) = launcher.parent.glob("usr/lib/*/pulseaudio")
    launcher.write_text(
        "#!/bin/sh\n"
        "# --no-sandbox: its helper would have to belong to root. For our own pages only.\n"
        f"FONTCONFIG_FILE='{root}/fonts.conf' \\\n"
        f"LD_LIBRARY_PATH='{root / pulse.relative_to(launcher.parent)}' \\\n"
        f"exec '{root}/usr/lib/chromium/chromium' --no-sandbox \"$@\"\n"
    )
    launcher.chmod(0o755)


def _renders(browser: Path) -> bool:
    """Whether it runs a script in a page."""
    if not browser.exists():
        return False
    command: list[str | Path] = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    try:
        page = run([*command, "--dump-dom", _PAGE], timeout_s=60)
        version = run([browser, "--version"], timeout_s=60).strip()
    except ProvisionError:
        return False
    if "42" not in page:
        return False
    print(f"  {version} ({browser})")
    return True


def _does_not_run(what: str, root: Path) -> ProvisionError:
    return ProvisionError(
        f"{what} was unpacked but does not run here.",
        where=str(root),
        remedy="Run this again with --fresh, and run the programs in that folder by hand.",
    )


if __name__ == "__main__":
    started = time.monotonic()
    try:
        code = main()
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing half is left, run this again")
    print(f"  done in {time.monotonic() - started:.0f} s")
    sys.exit(code)
