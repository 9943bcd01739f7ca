"""A launch file with its arguments filled in: the processes to start and how to start them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from kinesis_cli.launcher.actions import PREFIX, PREFIX_FILTER, Argument, LaunchReader, ProcessSpec, declared_arguments
from kinesis_cli.launcher.entities import LaunchFileError
from kinesis_cli.launcher.packages import share_directory
from kinesis_cli.launcher.parameters import Parameters
from kinesis_cli.launcher.substitutions import Context
from kinesis_control.errors import UnknownNameError

__all__ = ["Argument", "LaunchDescription", "LaunchFileError", "ProcessSpec", "find_launch_file", "ros_command"]


@dataclass(frozen=True, kw_only=True)
class LaunchDescription:
    """What a launch file asks for, with every substitution performed.

    Attributes:
        path: the launch file.
        arguments: every argument that it and its includes declared.
        processes: in the order of the file.
    """

    path: Path
    arguments: tuple[Argument, ...]
    processes: tuple[ProcessSpec, ...]

    @classmethod
    def load(cls, path: Path, given: Mapping[str, str], report: Callable[[str], None] = lambda _: None) -> "LaunchDescription":
        """Read a launch file.

        Args:
            path: the file.
            given: values for its arguments.
            report: gets the messages of `log` tags.

        Raises:
            LaunchFileError: the file cannot be run; file and line are named.
            UnknownNameError: a given argument that no part of the file declares.
        """
        reader = LaunchReader(context=Context(configurations=dict(given)), report=report)
        processes = tuple(reader.read(path))
        unknown = [name for name in given if name not in (*reader.arguments, PREFIX, PREFIX_FILTER)]
        if unknown:
            raise UnknownNameError(f"argument of {path.name}", unknown[0], reader.arguments)
        if not processes:
            raise LaunchFileError(f"{path} starts nothing with these arguments")
        return cls(path=path, arguments=tuple(reader.arguments.values()), processes=processes)

    @staticmethod
    def declared(path: Path) -> list[Argument]:
        """The arguments of a launch file, without running it."""
        return declared_arguments(path)


def find_launch_file(words: list[str]) -> tuple[Path, list[str]]:
    """Launch file and remaining words of `FILE [arg:=value ...]` or, as for ros2 launch, `PACKAGE FILE [arg:=value ...]`.

    Raises:
        LaunchFileError: there is no such file.
    """
    first, *rest = words
    if Path(first).is_file():
        return Path(first), rest
    if rest and ":=" not in rest[0]:
        folder = share_directory(first)
        found = [p for p in (folder / "launch" / rest[0], folder / rest[0]) if p.is_file()]
        if not found:
            known = sorted(p.name for p in (folder / "launch").glob("*.launch.*"))
            raise UnknownNameError(f"launch file of package {first}", rest[0], known)
        return found[0], rest[1:]
    raise LaunchFileError(f"there is no launch file {first}")


def ros_command(spec: ProcessSpec, folder: Path, number: int) -> list[str]:
    """The whole command of a process; parameter sets are written to files in `folder`."""
    command = list(spec.command)
    if not spec.is_node:
        return command
    if spec.ros_arguments:
        command += ["--ros-args", *spec.ros_arguments]
    command.append("--ros-args")
    if spec.node_name is not None:
        command += ["-r", f"__node:={spec.node_name}"]
    if spec.namespace is not None:
        command += ["-r", f"__ns:={spec.namespace}"]
    for index, item in enumerate(spec.parameters):
        path = item if isinstance(item, Path) else _write_parameters(spec, item, folder / f"{number}_{index}.yaml")
        command += ["--params-file", str(path)]
    for source, target in spec.remappings:
        command += ["-r", f"{source}:={target}"]
    return command


def _write_parameters(spec: ProcessSpec, parameters: Parameters, path: Path) -> Path:
    # A fully named node is addressed by its name, so that these values stand above the wildcards of parameter files.
    is_named = spec.node_name is not None and spec.namespace is not None
    target = f"{(spec.namespace or '').rstrip('/')}/{spec.node_name}" if is_named else "/**"
    path.write_text(yaml.safe_dump({target: {"ros__parameters": parameters}}), encoding="utf-8")
    return path
