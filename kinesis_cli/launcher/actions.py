"""What the tags of a launch file do: they set variables and environment, and in the end name processes to start."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinesis_cli.launcher.entities import Entity, LaunchFileError, load_entity
from kinesis_cli.launcher.packages import PACKAGE, executable_command, python_path
from kinesis_cli.launcher.parameters import Parameters, read_parameters
from kinesis_cli.launcher.substitutions import Context, parse, perform, truth
from kinesis_control.errors import KinesisError

_CONDITIONS = ("if", "unless")
PREFIX, PREFIX_FILTER = "launch-prefix", "launch-prefix-filter"  # variables too; they need no `arg`
_PROCESS = ("cwd", "env", PREFIX, "on_exit", "output", "respawn", "respawn_delay")


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An `arg` of a launch file; `default` is None where a value is required."""

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """One process to start.

    Attributes:
        label: what its lines are prefixed with, before the number that is added at the start.
        command: program and its own arguments.
        is_node: ROS arguments are appended to the command.
        node_name: `__node` remap, or None to keep the node's own.
        namespace: absolute namespace, or None to keep the node's own.
        ros_arguments: further ROS arguments, after the name and the namespace.
        parameters: files and sets, later ones win.
        remappings: (from, to) pairs.
        environment: the whole environment of the process.
        cwd: working directory, or None for the launcher's.
        shows_stdout: also stdout goes to the screen, not only stderr.
        ends_launch: an exit with code 0 ends the launch too (`on_exit: shutdown`).
        respawn: started again whenever it ends.
        respawn_delay: pause before that [s].
    """

    label: str
    command: tuple[str, ...]
    is_node: bool
    node_name: str | None = None
    namespace: str | None = None
    ros_arguments: tuple[str, ...] = ()
    parameters: tuple[Path | Parameters, ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()
    environment: dict[str, str]
    cwd: str | None = None
    shows_stdout: bool = False
    ends_launch: bool = False
    respawn: bool = False
    respawn_delay: float = 0.0


@dataclass(kw_only=True)
class LaunchReader:
    """Walks through the entities of a launch file in order and yields the processes they name.

    Attributes:
        context: variables and environment at this point of the walk.
        arguments: every argument declared so far, by name.
        given: names of the arguments that came from outside.
        report: where `log` messages go.
    """

    context: Context
    report: Callable[[str], None]
    arguments: dict[str, Argument] = field(default_factory=dict)
    _including: tuple[Path, ...] = ()

    def read(self, path: Path) -> Iterator[ProcessSpec]:
        """Processes of a launch file.

        Raises:
            LaunchFileError: with file and line.
        """
        path = path.absolute()
        if path in self._including:
            raise LaunchFileError(f"{path} includes itself: {' -> '.join(str(p) for p in (*self._including, path))}")
        outer_file, outer_including = self.context.file, self._including
        self.context.file, self._including = path, (*outer_including, path)
        yield from self._visit_all(load_entity(path).children)
        self.context.file, self._including = outer_file, outer_including

    def _visit_all(self, entities: list[Entity]) -> Iterator[ProcessSpec]:
        for entity in entities:
            if entity.kind not in _VISITORS:
                raise entity.error(f"unknown tag '{entity.kind}'; known: {', '.join(sorted(_VISITORS))}")
            try:
                if self._is_wanted(entity):
                    yield from _VISITORS[entity.kind](self, entity)
            except LaunchFileError:
                raise
            except KinesisError as error:
                raise entity.error(str(error)) from error

    def _is_wanted(self, entity: Entity) -> bool:
        if not isinstance(entity.data, dict):
            return True
        wanted, unwanted = entity.text("if"), entity.text("unless")
        if wanted is not None and unwanted is not None:
            raise entity.error("'if' and 'unless' do not go together")
        if wanted is not None:
            return truth(self.context.perform(wanted))
        return unwanted is None or not truth(self.context.perform(unwanted))

    def _arg(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "name", "default", "description", "choice"))
        argument = _read_argument(entity)
        name, values = argument.name, self.context.configurations
        self.arguments[name] = argument
        if name not in values:
            if argument.default is None:
                raise entity.error(f"argument '{name}' ({argument.description or 'no description'}) needs a value: give {name}:=VALUE")
            values[name] = self.context.perform(argument.default)
        if argument.choices and values[name] not in argument.choices:
            raise entity.error(f"argument '{name}' is '{values[name]}'; expected one of: {', '.join(argument.choices)}")
        yield from ()

    def _let(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "name", "value"))
        name, value = (self.context.perform(entity.required_text(a)) for a in ("name", "value"))
        self.context.configurations[name] = value
        yield from ()

    def _group(self, entity: Entity) -> Iterator[ProcessSpec]:
        scoped = True
        if isinstance(entity.data, dict):
            entity.require_known((*_CONDITIONS, "scoped", "children"))
            scoped = entity.flag("scoped", True)
        values, environment = dict(self.context.configurations), dict(self.context.environment)
        yield from self._visit_all(entity.children)
        if scoped:
            self.context.configurations, self.context.environment = values, environment

    def _include(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "file", "arg"))
        path = Path(self.context.perform(entity.required_text("file")))
        for name, value in self._pairs(entity, "arg", "name", "value"):
            self.context.configurations[name] = value
        # As in ros2 launch an include is no scope: what it sets stays set, unless a group is around it.
        if not path.is_file():
            raise entity.error(f"there is no launch file {path}")
        yield from self.read(path)

    def _push_ros_namespace(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "namespace"))
        values = self.context.configurations
        pushed = self.context.perform(entity.required_text("namespace"))
        values["ros_namespace"] = absolute_namespace(values.get("ros_namespace"), pushed) or "/"
        yield from ()

    def _set_env(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "name", "value"))
        name, value = (self.context.perform(entity.required_text(a)) for a in ("name", "value"))
        self.context.environment[name] = value
        yield from ()

    def _unset_env(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "name"))
        self.context.environment.pop(self.context.perform(entity.required_text("name")), None)
        yield from ()

    def _log(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, "message"))
        self.report(self.context.perform(entity.required_text("message")))
        yield from ()

    def _executable(self, entity: Entity) -> Iterator[ProcessSpec]:
        entity.require_known((*_CONDITIONS, *_PROCESS, "cmd", "name"))
        command = self._words(entity.required_text("cmd"))
        if not command:
            raise entity.error("attribute 'cmd' is empty")
        program = Path(command[0]).name
        prefix = self._prefix(entity, program)
        yield ProcessSpec(label=self._optional(entity, "name") or program, command=(*prefix, *command), is_node=False, **self._process_fields(entity))

    def _node(self, entity: Entity) -> Iterator[ProcessSpec]:
        known = ("pkg", "exec", "name", "namespace", "args", "ros_args", "param", "remap", "exec_name")
        entity.require_known((*_CONDITIONS, *_PROCESS, *known))
        package, executable = self._optional(entity, "pkg"), self.context.perform(entity.required_text("exec"))
        command = executable_command(package, executable) if package else [executable]
        prefix = self._prefix(entity, Path(executable).name)
        fields = self._process_fields(entity)
        if package == PACKAGE and (path := python_path(fields["environment"].get("PYTHONPATH"))):
            fields["environment"]["PYTHONPATH"] = path
        yield ProcessSpec(
            label=self._optional(entity, "exec_name") or Path(executable).name,
            command=(*prefix, *command, *self._words(entity.text("args") or "")),
            is_node=True,
            node_name=self._optional(entity, "name"),
            namespace=absolute_namespace(self.context.configurations.get("ros_namespace"), self._optional(entity, "namespace")),
            ros_arguments=tuple(self._words(entity.text("ros_args") or "")),
            parameters=tuple(read_parameters(entity.entities("param"), self.context)),
            remappings=tuple(self._pairs(entity, "remap", "from", "to")),
            **fields,
        )

    def _prefix(self, entity: Entity, program: str) -> list[str]:
        """Words before a command: the attribute, or else the variable `launch-prefix` where the program matches `launch-prefix-filter`."""
        prefix, values = self._optional(entity, PREFIX), self.context.configurations
        try:
            if prefix is None and re.match(values.get(PREFIX_FILTER, ""), program):
                prefix = values.get(PREFIX)
            return shlex.split(prefix or "")
        except (re.error, ValueError) as error:
            raise entity.error(f"{PREFIX} or {PREFIX_FILTER}: {error}") from error

    def _process_fields(self, entity: Entity) -> dict[str, Any]:
        output = self._optional(entity, "output") or "log"
        if output not in ("screen", "log", "both"):
            raise entity.error(f"output '{output}' is not supported; known: screen, log, both")
        if entity.text("on_exit") not in (None, "shutdown"):
            raise entity.error(f"on_exit '{entity.text('on_exit')}' is not supported; known: shutdown")
        return {
            "environment": {**self.context.environment, **dict(self._pairs(entity, "env", "name", "value"))},
            "cwd": self._optional(entity, "cwd"),
            "shows_stdout": output != "log",
            "ends_launch": entity.text("on_exit") == "shutdown",
            "respawn": truth(self._optional(entity, "respawn") or "false"),
            "respawn_delay": entity.number("respawn_delay", 0.0),
        }

    def _optional(self, entity: Entity, name: str) -> str | None:
        text = entity.text(name)
        return None if text is None else self.context.perform(text)

    def _pairs(self, entity: Entity, attribute: str, first: str, second: str) -> list[tuple[str, str]]:
        pairs = []
        for item in entity.entities(attribute):
            item.require_known((first, second))
            pairs.append((self.context.perform(item.required_text(first)), self.context.perform(item.required_text(second))))
        return pairs

    def _words(self, text: str) -> list[str]:
        """Command-line words: plain text is split as a shell does, what a substitution gives is never split."""
        words: list[str] = []
        starts_new = True
        for part in parse(text) if text else ():
            if not isinstance(part, str):
                pieces, opens, closes = [perform((part,), self.context)], False, False
            else:
                pieces, opens, closes = shlex.split(part), part[0].isspace(), part[-1].isspace()
            for index, piece in enumerate(pieces):
                if starts_new or opens or index > 0:
                    words.append(piece)
                else:
                    words[-1] += piece
                starts_new = False
            starts_new = starts_new or closes
        return words


def absolute_namespace(base: str | None, namespace: str | None) -> str | None:
    """Join a pushed namespace and a node's own, which wins when it is absolute; None when there is neither."""
    if namespace is None:
        if base is None:
            return None
        joined = base
    elif not base or namespace.startswith("/"):
        joined = namespace
    else:
        joined = f"{base.rstrip('/')}/{namespace}"
    return "/" + joined.strip("/")


def _read_argument(entity: Entity) -> Argument:
    choices = tuple(choice.required_text("value") for choice in entity.entities("choice"))
    return Argument(name=entity.required_text("name"), default=entity.text("default"), description=entity.text("description") or "", choices=choices)


def declared_arguments(path: Path) -> list[Argument]:
    """The arguments that stand at the top level of a launch file, without running it."""
    return [_read_argument(e) for e in load_entity(path).children if e.kind == "arg"]


_VISITORS: dict[str, Callable[[LaunchReader, Entity], Iterator[ProcessSpec]]] = {
    "arg": LaunchReader._arg,
    "executable": LaunchReader._executable,
    "group": LaunchReader._group,
    "include": LaunchReader._include,
    "let": LaunchReader._let,
    "log": LaunchReader._log,
    "node": LaunchReader._node,
    "push-ros-namespace": LaunchReader._push_ros_namespace,
    "push_ros_namespace": LaunchReader._push_ros_namespace,
    "set_env": LaunchReader._set_env,
    "unset_env": LaunchReader._unset_env,
}
