"""Builds kinesis_msgs (and tf2_msgs, which is no wheel) with the real rosidl into the environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from kinesis_cli.setup.errors import Failure, SetupError
from kinesis_cli.setup.packages import pip_environment
from kinesis_cli.setup.run import run

_BUILDER_PYTHON = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
_BUILDER_NUMPY = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_?core/include")


def rewrite_exports(venv: Path, python_include: str, numpy_include: str) -> int:
    """Points the CMake files of the ROS 2 wheels at this environment; they name folders of the machine that built them.

    Returns:
        How many files were changed.
    """
    changed = 0
    for file in venv.glob("share/*/cmake/*Export.cmake"):
        text = file.read_text(encoding="utf-8")
        new = _BUILDER_NUMPY.sub(lambda _: numpy_include, _BUILDER_PYTHON.sub(lambda _: python_include, text))
        if new != text:
            file.write_text(new, encoding="utf-8")
            changed += 1
    return changed


def include_folders(venv: Path) -> tuple[str, str]:
    """(folder of Python.h, folder of numpy's headers) of an environment."""
    code = "import sysconfig, numpy; print(sysconfig.get_path('include')); print(numpy.get_include())"
    output = subprocess.run([venv / "bin" / "python", "-c", code], env=pip_environment(), capture_output=True, text=True, check=True).stdout
    python_include, numpy_include = output.splitlines()
    return python_include, numpy_include


def build_environment(venv: Path, *, sourced: bool) -> dict[str, str]:
    """Variables under which cmake finds ament and rosidl, in `venv` alone or in the sourced ROS 2."""
    environment = pip_environment()
    environment["PATH"] = os.pathsep.join([str(venv / "bin"), environment.get("PATH", os.defpath)])
    if sourced:
        environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        return environment
    for name in ("ROS_DISTRO", "ROS_PACKAGE_PATH", "COLCON_PREFIX_PATH"):
        environment.pop(name, None)
    environment["AMENT_PREFIX_PATH"] = environment["CMAKE_PREFIX_PATH"] = str(venv)
    environment["LD_LIBRARY_PATH"] = str(venv / "lib")
    return environment


def build(source: Path, venv: Path, *, sourced: bool, log: Path) -> None:
    """Builds one interface package and installs it into `venv`, after the files of its last build are removed.

    Raises:
        SetupError: BUILD_FAILED or DISK_FULL.
    """
    folder = venv / "build" / source.name
    manifest = venv / "share" / "kinesis" / f"{source.name}.manifest"
    shutil.rmtree(folder, ignore_errors=True)
    if manifest.is_file():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            Path(line).unlink(missing_ok=True)
    python = venv / "bin" / "python"
    configure = ["cmake", "-G", "Ninja", "-S", source, "-B", folder, f"-DCMAKE_INSTALL_PREFIX={venv}", "-DCMAKE_BUILD_TYPE=Release"]
    configure += ["-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={python}", "-DPython3_FIND_VIRTUALENV=ONLY", f"-DPYTHON_EXECUTABLE={python}"]
    environment = build_environment(venv, sourced=sourced)
    for command in (configure, ["cmake", "--build", folder], ["cmake", "--install", folder]):
        status, output = run(command, log=log, environment=environment)
        if status != 0:
            raise explain_build(source.name, output, log)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "install_manifest.txt", manifest)
    shutil.rmtree(folder, ignore_errors=True)


def explain_build(name: str, output: str, log: Path) -> SetupError:
    """The set-up error that the output of a failed build means."""
    if "No space left on device" in output:
        return SetupError(Failure.DISK_FULL, f"the disk ran full while {name} was built: free some space and run ./kinesis again")
    errors = [line.strip() for line in output.splitlines() if re.search(r"\berror\b", line, re.IGNORECASE)]
    first = errors[0] if errors else "no error was printed"
    return SetupError(Failure.BUILD_FAILED, f"{name} did not build ({first}): correct the file it names, or see {log}")


def sourced_copy_is_ours(msgs: Path) -> bool:
    """Whether a sourced workspace already offers kinesis_msgs with exactly the interface files of `msgs`."""
    ours = {path.relative_to(msgs): path.read_bytes() for kind in ("msg", "srv", "action") for path in msgs.glob(f"{kind}/*.{kind}")}
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        share = Path(prefix, "share", "kinesis_msgs")
        if share.is_dir():
            return all((share / name).is_file() and (share / name).read_bytes() == text for name, text in ours.items())
    return False
