"""Rewrites requirements/*.lock from requirements/*.in.

    python tools/lock.py PYTHON3.10 PYTHON3.11 PYTHON3.12 PYTHON3.13 [--only NAME]

Each interpreter resolves the requirements by itself (markers are only evaluated truly by the Python that they are about),
through pip's dry run; versions that differ between Pythons get a marker. Every entry carries the hash of each wheel that one of
the supported machines would take, so that `pip install --require-hashes` works on all of them. The user's pip configuration is
ignored: a lock must describe what everybody gets.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"

PARENTS: dict[str, tuple[str, ...]] = {
    "core": (),
    "ros": ("core",),
    "test": ("core", "ros"),
    "dev": ("core", "ros", "test"),
    "train": ("core", "ros", "test"),
    "evaluate": ("core", "ros", "test"),
    "motions": ("core", "ros", "test", "train", "evaluate"),
    "robot": ("core", "ros", "test"),
    "web-test": ("core", "ros", "test"),
}
"""What is already installed where a lock is used: resolved together with it, and left out of it."""

FOREIGN_MACHINE = "aarch64"
"""Another machine whose wheels are allowed too, for a sourced ROS 2 there; the ROS 2 wheels themselves are x86_64 only."""

SOURCE_ONLY = ("empy",)
"""Packages without a wheel; their source archive is locked instead."""

PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17", "manylinux2014")


@dataclass
class Package:
    """One package of a lock: `versions` maps a version to the Pythons that take it, `hashes` to its wheels."""

    name: str
    versions: dict[str, set[str]] = field(default_factory=dict)
    hashes: dict[str, set[str]] = field(default_factory=dict)


def normalize(name: str) -> str:
    """The registry's own spelling of a package name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pip_report(python: str, *arguments: str) -> list[dict]:
    """What pip would install, as the entries of its report. Raises CalledProcessError."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_") or key in ("PIP_CERT", "PIP_PROXY")}
    environment["PIP_CONFIG_FILE"] = os.devnull
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--no-binary", ",".join(SOURCE_ONLY), "--report", "-", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["install"]


def add(packages: dict[str, Package], entries: list[dict], python: str | None) -> None:
    """Merges report entries; with `python` None only the hashes count."""
    for entry in entries:
        name, version = normalize(entry["metadata"]["name"]), entry["metadata"]["version"]
        package = packages.setdefault(name, Package(name=name))
        if python is not None:
            package.versions.setdefault(version, set()).add(python)
        package.hashes.setdefault(version, set()).add(entry["download_info"]["archive_info"]["hashes"]["sha256"])


def locked_pins(names: tuple[str, ...], python: str) -> list[str]:
    """`name==version` of every entry of the locks `names` that holds for `python` ("3.11")."""
    pins = []
    for name in names:
        for line in (REQUIREMENTS / f"{name}.lock").read_text().splitlines():
            match = re.match(r"([\w.-]+)==([^ ;]+)\s*(?:;(.*?))?\\?$", line)
            if match and marker_holds(match.group(3) or "", python):
                pins.append(f"{match.group(1)}=={match.group(2)}")
    return pins


def marker_holds(marker: str, python: str) -> bool:
    """Evaluates the only kind of marker that this file writes: comparisons of python_version joined by `and`."""
    here = tuple(map(int, python.split(".")))
    for operator, version in re.findall(r'python_version (<=|>=) "([\d.]+)"', marker):
        there = tuple(map(int, version.split(".")))
        if not (here <= there if operator == "<=" else here >= there):
            return False
    return True


def marker(pythons: set[str], everything: list[str]) -> str:
    """The marker that selects `pythons` (a run of neighbours) out of the sorted list `everything`."""
    places = sorted(everything.index(python) for python in pythons)
    if places != list(range(places[0], places[-1] + 1)):
        raise ValueError(f"versions alternate between Pythons {sorted(pythons)}: pin the package in the .in file")
    parts = []
    if places[0] > 0:
        parts.append(f'python_version >= "{everything[places[0]]}"')
    if places[-1] < len(everything) - 1:
        parts.append(f'python_version <= "{everything[places[-1]]}"')
    return " and ".join(parts)


def add_foreign(packages: dict[str, Package], pythons: dict[str, str]) -> None:
    """Adds the hashes of the wheels for FOREIGN_MACHINE; an entry that has none there is named and left as it is."""
    for version, python in pythons.items():
        pins = [f"{p.name}=={v}" for p in packages.values() for v, who in p.versions.items() if version in who]
        options = ["--no-deps", "--target", tempfile.gettempdir()]
        for platform in PLATFORMS:
            options += ["--platform", f"{platform}_{FOREIGN_MACHINE}"]
        try:
            add(packages, pip_report(python, *options, *pins), None)
        except subprocess.CalledProcessError:
            print(f"  Python {version}: not everything exists for {FOREIGN_MACHINE}", file=sys.stderr)


def write(name: str, packages: dict[str, Package], everything: list[str]) -> None:
    """Writes requirements/NAME.lock."""
    lines = [f"# Made by tools/lock.py from {name}.in for Python {everything[0]} to {everything[-1]}. Do not edit.", ""]
    for package in sorted(packages.values(), key=lambda p: p.name):
        for version, pythons in sorted(package.versions.items(), key=lambda item: min(map(everything.index, item[1]))):
            condition = marker(pythons, everything)
            lines.append(f"{package.name}=={version}" + (f" ; {condition}" if condition else "") + " \\")
            hashes = sorted(package.hashes[version])
            lines += [f"    --hash=sha256:{digest} \\" for digest in hashes[:-1]] + [f"    --hash=sha256:{hashes[-1]}"]
    (REQUIREMENTS / f"{name}.lock").write_text("\n".join(lines) + "\n")


def lock(name: str, pythons: dict[str, str]) -> None:
    """Makes requirements/NAME.lock. `pythons`: version ("3.11") -> interpreter."""
    everything = list(pythons)
    packages: dict[str, Package] = {}
    for version, python in pythons.items():
        print(f"{name}: Python {version}", file=sys.stderr)
        pins = locked_pins(PARENTS[name], version)
        entries = pip_report(python, "-r", str(REQUIREMENTS / f"{name}.in"), *pins)
        known = {normalize(pin.split("==")[0]) for pin in pins}
        add(packages, [entry for entry in entries if normalize(entry["metadata"]["name"]) not in known], version)
    if name != "ros":
        add_foreign(packages, pythons)
    write(name, packages, everything)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="one interpreter for each supported Python")
    parser.add_argument("--only", choices=list(PARENTS), help="this lock alone")
    arguments = parser.parse_args()
    version_of = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = {subprocess.check_output([p, "-c", version_of], text=True).strip(): p for p in arguments.pythons}
    pythons = dict(sorted(found.items(), key=lambda item: tuple(map(int, item[0].split(".")))))
    for name in [arguments.only] if arguments.only else list(PARENTS):
        lock(name, pythons)
    return 0


if __name__ == "__main__":
    sys.exit(main())
