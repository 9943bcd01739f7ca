"""A launch file as a tree of entities: YAML with line numbers, and attributes that are refused by name when unknown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kinesis_control.errors import ConfigurationError


class LaunchFileError(ConfigurationError):
    """A launch file that cannot be run; the message starts with file and line."""


class _Mapping(dict[str, Any]):
    """A YAML mapping that knows its line."""

    line: int = 0


class _Loader(yaml.SafeLoader):
    """SafeLoader whose mappings carry their line and refuse a key that is given twice."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> _Mapping:
    mapping = _Mapping()
    mapping.line = node.start_mark.line + 1
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            raise yaml.constructor.ConstructorError(None, None, f"key '{key}' is given twice", key_node.start_mark)
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One tag of a launch file.

    Attributes:
        kind: the tag, for example "node".
        data: what stands under it: a mapping of attributes, or a list of child entities.
        file: the launch file.
        line: line of the entity, counted from 1.
    """

    kind: str
    data: Any
    file: Path
    line: int

    def error(self, message: str) -> LaunchFileError:
        """An error that names file, line and tag."""
        return LaunchFileError(f"{self.file}:{self.line}: {self.kind}: {message}")

    def require_known(self, known: Iterable[str]) -> None:
        """Refuse attributes that are not in `known`."""
        if not isinstance(self.data, dict):
            raise self.error(f"expected attributes, got {_describe(self.data)}")
        unknown = [k for k in self.data if k not in set(known)]
        if unknown:
            raise self.error(f"unknown attribute {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known))}")

    def text(self, name: str) -> str | None:
        """A string attribute, or None. As in `ros2 launch`, a bare number or boolean must be quoted."""
        return self._typed(name, str, "a string (quote it)")

    def required_text(self, name: str) -> str:
        """A string attribute that must be there."""
        value = self.text(name)
        if value is None:
            raise self.error(f"attribute '{name}' is missing")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A boolean attribute: a bare YAML boolean."""
        value = self._typed(name, bool, "true or false, unquoted")
        return default if value is None else value

    def number(self, name: str, default: float) -> float:
        """A float attribute [its unit]; never negative. As in `ros2 launch`, `2.0` is one and `2` is not."""
        value = self._typed(name, float, "a number with a decimal point")
        if value is not None and value < 0.0:
            raise self.error(f"attribute '{name}' must not be negative, got {value}")
        return default if value is None else value

    def entities(self, name: str) -> list["Entity"]:
        """A list attribute whose items are mappings (param, remap, env, ...); empty when absent."""
        items = self.data.get(name, [])
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            raise self.error(f"attribute '{name}' must be a list of mappings, got {_describe(items)}")
        return [Entity(kind=name, data=i, file=self.file, line=getattr(i, "line", self.line)) for i in items]

    @property
    def children(self) -> list["Entity"]:
        """Child entities: the list under the tag, or the list in its attribute `children`."""
        if isinstance(self.data, dict) and "children" not in self.data:
            raise self.error("has no children: give a list, or a mapping with a list named 'children'")
        items = self.data["children"] if isinstance(self.data, dict) else self.data
        if not isinstance(items, list):
            raise self.error(f"expected a list of tags, got {_describe(items)}")
        return [self._child(item) for item in items]

    def _child(self, item: Any) -> "Entity":
        line = getattr(item, "line", self.line)
        if not isinstance(item, dict) or len(item) != 1:
            raise LaunchFileError(f"{self.file}:{line}: {self.kind}: every item must be one tag, got {_describe(item)}")
        ((kind, data),) = item.items()
        return Entity(kind=str(kind), data=data, file=self.file, line=line)

    def _typed(self, name: str, kind: type, expected: str) -> Any:
        if name not in self.data:
            return None
        value = self.data[name]
        if type(value) is not kind:
            raise self.error(f"attribute '{name}' must be {expected}, got {_describe(value)}")
        return value


def load_entity(path: Path) -> Entity:
    """Read a launch file; the result is its root, of kind "launch".

    Raises:
        LaunchFileError: there is no such file, or it is not YAML, or its only root is not `launch`.
    """
    return _load(path, path.read_text)


def _load(path: Path, read: Callable[[], str]) -> Entity:
    try:
        tree = yaml.load(read(), Loader=_Loader)
    except OSError as error:
        raise LaunchFileError(f"cannot read launch file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LaunchFileError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict) or list(tree) != ["launch"]:
        got = list(tree) if isinstance(tree, dict) else _describe(tree)
        raise LaunchFileError(f"{path}: expected the single root 'launch', got {got}")
    return Entity(kind="launch", data=tree["launch"], file=path, line=tree.line if isinstance(tree, _Mapping) else 1)


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
