"""`kinesis doctor`: what is installed, which ROS 2, which bodies, which policies, what is wrong and what to do."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

LAST_SAFE_DOMAIN = 101
"""Above it the ports of DDS fall into the range that Linux hands out to other programs."""

SHARED_MEMORY_BYTES = 64_000_000
"""Fast DDS keeps segments of about 0.5 MB for each participant in /dev/shm."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report.

    Attributes:
        what: subject, a word or two.
        text: what was found.
        remedy: what to do; empty where all is well.
    """

    what: str
    text: str
    remedy: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `doctor`."""
    parser = subparsers.add_parser("doctor", help="what is installed, what is wrong and what to do about it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the report; 0 only where nothing needs a remedy."""
    wrong = 0
    for title, findings in (("environment", environment()), ("ROS 2", ros()), ("bodies", bodies()), ("policies", policies(ROOT / "models"))):
        print(f"{title}:")
        for finding in findings:
            wrong += bool(finding.remedy)
            print(f"  {'!!' if finding.remedy else 'ok'}  {finding.what:<14} {finding.text}", flush=True)
            if finding.remedy:
                print(f"      {'':<14} -> {finding.remedy}")
    print(f"{wrong} thing{'s' if wrong != 1 else ''} to put right" if wrong else "all is well")
    return 1 if wrong else 0


def environment() -> Iterator[Finding]:
    """Python, the environment, and every pinned package."""
    yield Finding(what="Python", text=f"{platform.python_version()} on {platform.system()} {platform.machine()} ({sys.executable})")
    venv = os.environ.get("KINESIS_VENV", "")
    yield Finding(what="made by", text=venv or "not ./kinesis", remedy="" if venv else "start it as ./kinesis doctor")
    sourced = os.environ.get("KINESIS_ROS") == "sourced"
    for name in ("core",) if sourced else ("core", "ros"):
        yield from pins(name, ignore=("numpy",) if sourced else ())
    for name, module, use in (("test", "pytest", "./kinesis test"), ("train", "torch", "./kinesis train")):
        yield Finding(what=f"extra {name}", text=installed(module) or f"not installed; {use} installs it")


def pins(name: str, *, ignore: tuple[str, ...]) -> Iterator[Finding]:
    """Compares what is installed with requirements/NAME.lock."""
    wanted = {package: version for package, version in locked(ROOT / "requirements" / f"{name}.lock").items() if package not in ignore}
    differing = [f"{package} {installed(package) or 'missing'} (pinned {version})" for package, version in wanted.items() if installed(package) != version]
    text = f"{len(wanted) - len(differing)} of {len(wanted)} packages as pinned" + "".join(f"; {line}" for line in differing[:5])
    yield Finding(what=f"{name}.lock", text=text, remedy="remove the environment (rm -r .venv*) and run ./kinesis again" if differing else "")


def locked(path: Path) -> dict[str, str]:
    """Package -> version of a lock file, for this Python."""
    here = sys.version_info[:2]
    result = {}
    for match in re.finditer(r"^([\w.-]+)==([^ ;]+) ?(?:; ([^\\]*))?", path.read_text(encoding="utf-8"), re.MULTILINE):
        bounds = re.findall(r'python_version (<=|>=) "(\d+)\.(\d+)"', match.group(3) or "")
        if all(here <= (int(a), int(b)) if sign == "<=" else here >= (int(a), int(b)) for sign, a, b in bounds):
            result[match.group(1)] = match.group(2)
    return result


def installed(package: str) -> str:
    """Version of an installed distribution, or ""."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def ros() -> Iterator[Finding]:
    """Which ROS 2 it is, its interfaces, and where it will talk."""
    home = os.environ.get("KINESIS_ROS", "")
    which = f"sourced, {os.environ.get('ROS_DISTRO', 'no ROS_DISTRO')}" if home == "sourced" else "Jazzy, from wheels"
    remedy = "run it through ./kinesis, or rosdep install --from-paths . msgs"
    try:
        import rclpy  # noqa: F401
        from rclpy.utilities import get_rmw_implementation_identifier

        yield Finding(what="rclpy", text=f"{which}, {get_rmw_implementation_identifier()}")
    except ImportError as error:
        yield Finding(what="rclpy", text=str(error), remedy=remedy)
    try:
        import kinesis_msgs.msg
        import kinesis_msgs.srv

        yield Finding(what="kinesis_msgs", text=str(Path(kinesis_msgs.msg.__file__).parent.parent))
    except ImportError as error:
        yield Finding(what="kinesis_msgs", text=str(error), remedy="run it through ./kinesis, or build msgs/ in ros2_ws with colcon")
    yield domain(os.environ.get("ROS_DOMAIN_ID", "0"))
    yield Finding(what="discovery", text=os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET (the default)"))
    yield shared_memory()


def domain(text: str) -> Finding:
    """The ROS_DOMAIN_ID that nodes will use."""
    good = text.isdecimal() and int(text) <= LAST_SAFE_DOMAIN
    return Finding(what="domain", text=f"ROS_DOMAIN_ID {text}", remedy="" if good else f"set ROS_DOMAIN_ID to 0..{LAST_SAFE_DOMAIN}")


def shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    """Where Fast DDS passes messages within a machine."""
    if not os.access(folder, os.W_OK):
        return Finding(what="shared memory", text=f"{folder} is not writable", remedy="mount it writable (containers: --ipc=host or --shm-size)")
    free = shutil.disk_usage(folder).free
    few = free < SHARED_MEMORY_BYTES
    remedy = f"make room in {folder}: files fastrtps_* that no process uses may go (containers: --shm-size=512m)" if few else ""
    return Finding(what="shared memory", text=f"{free / 1e6:.0f} MB free in {folder}", remedy=remedy)


def bodies() -> Iterator[Finding]:
    """Builds every body once."""
    try:
        from kinesis_sim.bodies import body_names, load_body
    except ImportError as error:
        yield Finding(what="bodies", text=str(error), remedy="run it through ./kinesis")
        return
    for name in body_names():
        start = time.monotonic()
        try:
            description = load_body(name).description
        except Exception as error:  # whatever is wrong with one body, the others are still worth a line
            yield Finding(what=name, text=f"{type(error).__name__}: {error}", remedy="compare the versions of mujoco and myo-sim with the pins above")
            continue
        sizes = f"{len(description.muscles)} muscles, {len(description.joint_names)} joints, layout {description.muscles.hash}"
        yield Finding(what=name, text=f"{sizes}, built in {time.monotonic() - start:.1f} s")


def policies(folder: Path) -> Iterator[Finding]:
    """Loads every shipped policy on the body that it was made for, golden sample included."""
    files = sorted(folder.glob("*.onnx"))
    if not files:
        yield Finding(what="models", text=f"no policy in {folder}", remedy="check the tree out again: git checkout models")
    for file in files:
        yield policy(file)


def policy(file: Path) -> Finding:
    """One policy file."""
    try:
        from kinesis_control.contract import read_contract
        from kinesis_control.policy import Policy
        from kinesis_sim.bodies import load_body

        contract = read_contract(file)
        Policy.load(file, load_body(contract.body).description)
    except Exception as error:  # the report must reach its end whatever a file holds
        return Finding(what=file.stem, text=f"{type(error).__name__}: {error}", remedy=f"see ./kinesis policy inspect {file}")
    return Finding(what=file.stem, text=f"for {contract.body} at {contract.control_rate_hz:g} Hz, matches it")
