"""Where packages and their executables are: this tree itself, or the ament index of a ROS 2 installation."""

import os
import sys
from pathlib import Path

from kinesis_control.errors import UnavailableError, UnknownNameError

PACKAGE = "kinesis_ros"

# The modules behind the executables of this package, so that a launch needs no installation; pyproject.toml and
# setup.py declare the same ones (tests/launcher/test_packages.py compares).
EXECUTABLES = {
    "sim_node": "kinesis_sim.nodes.sim_node",
    "driver_node": "kinesis_control.nodes.driver_node",
    "policy_node": "kinesis_control.nodes.policy_node",
    "motion_node": "kinesis_control.nodes.motion_node",
    "supervisor_node": "kinesis_control.nodes.supervisor_node",
    "recorder_node": "kinesis_control.nodes.recorder_node",
    "viewer_node": "kinesis_sim.nodes.viewer_node",
}

SOURCE_ROOT = Path(__file__).resolve().parents[2]


def runs_from_source() -> bool:
    """True when this code lies in its source tree, not in site-packages."""
    return (SOURCE_ROOT / "launch").is_dir() and (SOURCE_ROOT / "models").is_dir()


def prefix_directory(package: str) -> Path:
    """Installation prefix of a package.

    Raises:
        UnknownNameError: no package of that name is installed.
    """
    if package == PACKAGE and (Path(sys.prefix) / "share" / PACKAGE).is_dir():
        return Path(sys.prefix)
    for prefix in _ament_prefixes():
        if (prefix / "share/ament_index/resource_index/packages" / package).exists():
            return prefix
    raise UnknownNameError("package", package, _known_packages())


def share_directory(package: str) -> Path:
    """The share directory of a package; for this package run from source, the source tree itself."""
    if package == PACKAGE and runs_from_source():
        return SOURCE_ROOT
    return prefix_directory(package) / "share" / package


def executable_command(package: str, name: str) -> list[str]:
    """The command that runs an executable of a package.

    Raises:
        UnknownNameError: the package or the executable is not known.
        UnavailableError: the file is there but may not be executed.
    """
    if package == PACKAGE:
        if name not in EXECUTABLES:
            raise UnknownNameError(f"executable of package {PACKAGE}", name, EXECUTABLES)
        return [sys.executable, "-m", EXECUTABLES[name]]
    folder = prefix_directory(package) / "lib" / package
    path = folder / name
    if not path.is_file():
        known = sorted(p.name for p in folder.iterdir() if os.access(p, os.X_OK)) if folder.is_dir() else []
        raise UnknownNameError(f"executable of package {package}", name, known)
    if not os.access(path, os.X_OK):
        raise UnavailableError(f"{path} may not be executed; try: chmod +x {path}")
    return [str(path)]


def python_path(current: str | None) -> str | None:
    """PYTHONPATH for the nodes, so that they find this source tree from any working directory."""
    if not runs_from_source():
        return current
    return os.pathsep.join([str(SOURCE_ROOT), *([current] if current else [])])


def _ament_prefixes() -> list[Path]:
    listed = os.environ.get("AMENT_PREFIX_PATH", "")
    return [Path(p) for p in listed.split(os.pathsep) if p] or [Path(sys.prefix)]


def _known_packages() -> list[str]:
    folders = [prefix / "share/ament_index/resource_index/packages" for prefix in _ament_prefixes()]
    return sorted({PACKAGE, *(p.name for folder in folders if folder.is_dir() for p in folder.iterdir())})
