"""Runs declarative YAML launch files where no `ros2 launch` is installed; the same files run under `ros2 launch` unchanged."""

from kinesis_cli.launcher.description import Argument, LaunchDescription, LaunchFileError, ProcessSpec
from kinesis_cli.launcher.launch import Launch, run_launch

__all__ = ["Argument", "Launch", "LaunchDescription", "LaunchFileError", "ProcessSpec", "run_launch"]
