"""What colcon needs to install this tree as the ROS 2 package kinesis_ros. Everything else is in pyproject.toml.

Name and version are repeated here because setuptools before 61, which ROS 2 Humble has, does not read them from there.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "kinesis_ros"
VERSION = re.search("<version>(.*)</version>", Path(__file__).with_name("package.xml").read_text(encoding="utf-8"))[1]

def files(folder: str, pattern: str) -> list[str]:
    """Paths relative to the tree, as data_files wants them."""
    return sorted(str(path) for path in Path(folder).glob(pattern))


setup(
    name="kinesis-ros",
    version=VERSION,
    python_requires=">=3.10",
    packages=find_packages(include=["kinesis_*"]),
    package_data={"kinesis_control": ["py.typed", "motion/tables/*.npz", "drivers/data/*"], "kinesis_sim": ["viewer/page/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", [*files("launch", "*.launch.yaml"), *files("launch", "kinesis.*")]),
        (f"share/{PACKAGE}/models", files("models", "[!.]*.*")),
    ],
    include_package_data=False,
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "kinesis = kinesis_cli.main:main",
            "sim_node = kinesis_sim.nodes.sim_node:main",
            "driver_node = kinesis_control.nodes.driver_node:main",
            "viewer_node = kinesis_sim.nodes.viewer_node:main",
            "policy_node = kinesis_control.nodes.policy_node:main",
            "motion_node = kinesis_control.nodes.motion_node:main",
            "supervisor_node = kinesis_control.nodes.supervisor_node:main",
            "recorder_node = kinesis_control.nodes.recorder_node:main",
        ],
    },
)
