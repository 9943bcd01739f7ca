"""What colcon, rosdep and pip read agrees with the code."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROS_MODULE = re.compile(r"^\s*(?:from|import)\s+(\w+_msgs|\w+_srvs|\w+_interfaces|rclpy|ament_index_python)\b", re.MULTILINE)


def depends(package_xml: Path) -> set[str]:
    """Everything that a package.xml names as needed to build or to run."""
    tags = ("depend", "exec_depend", "build_depend")
    return {element.text or "" for tag in tags for element in ElementTree.parse(package_xml).getroot().iter(tag)}


def test_every_ros_package_that_is_imported_is_declared() -> None:
    imported = {name for room in ROOT.glob("kinesis_*") for file in room.rglob("*.py") for name in ROS_MODULE.findall(file.read_text())}
    assert "rclpy" in imported
    assert imported - depends(ROOT / "package.xml") == set()


def test_every_package_of_an_interface_is_declared() -> None:
    used = {name for file in (ROOT / "msgs").glob("*/*.*") for name in re.findall(r"^(\w+)/\w+", file.read_text(), re.MULTILINE)}
    # An action is made of messages of action_msgs without naming them.
    assert used | {"action_msgs"} == depends(ROOT / "msgs/package.xml") - {"rosidl_default_runtime"}
    assert used == set(re.search(r"DEPENDENCIES ([\w ]+)\)", (ROOT / "msgs/CMakeLists.txt").read_text())[1].split())  # type: ignore[index]


def test_both_packages_have_one_version() -> None:
    versions = {ElementTree.parse(ROOT / file).getroot().findtext("version") for file in ("package.xml", "msgs/package.xml")}
    assert len(versions) == 1


def test_the_workspace_names_folders_that_exist() -> None:
    defaults = yaml.safe_load((ROOT / "ros2_ws/colcon_defaults.yaml").read_text())
    for verb in ("build", "list", "test"):
        assert all((ROOT / "ros2_ws" / path).is_dir() for path in defaults[verb]["base-paths"])


@pytest.fixture(scope="module")
def setup_data() -> dict[str, str]:
    """What setup.py says, asked for as colcon asks."""
    code = "from distutils.core import run_setup; d = run_setup('setup.py', stop_after='config')\n"
    code += "import json; print(json.dumps({'name': d.metadata.name, 'data': d.data_files, 'requires': repr(d.python_requires), 'packages': d.packages}))"
    done = subprocess.run([sys.executable, "-c", "import setuptools; " + code], cwd=ROOT, capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout.splitlines()[-1])


def test_setup_can_be_read_back_as_a_literal(setup_data: dict[str, str]) -> None:
    """colcon reads it with ast.literal_eval; requires-python in pyproject.toml would make that fail."""
    assert setup_data["requires"] in ("'>=3.10'", "None")
    assert not re.search(r"^requires-python", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_share_holds_what_launch_looks_for(setup_data: dict[str, str]) -> None:
    share = dict(setup_data["data"])  # type: ignore[arg-type]
    assert "launch/sim.launch.yaml" in share["share/kinesis_ros/launch"]
    assert share["share/ament_index/resource_index/packages"] == ["resource/kinesis_ros"]
    assert any(name.endswith(".onnx") for name in share["share/kinesis_ros/models"])


def test_every_room_is_packaged(setup_data: dict[str, str]) -> None:
    rooms = {str(file.parent.relative_to(ROOT)).replace("/", ".") for room in ROOT.glob("kinesis_*") for file in room.rglob("__init__.py")}
    assert set(setup_data["packages"]) == rooms
    assert not [file for file in ROOT.glob("kinesis_*/**/*.py") if not (file.parent / "__init__.py").exists()]
