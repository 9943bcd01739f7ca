"""Node parameters of a launch file: which type a value gets, by the rules of launch_ros.

A YAML number or boolean keeps its type; a plain string stays a string; text made by a substitution is read by YAML rules,
unless `type` says otherwise. A node that declares a double refuses an integer, so `type: float` belongs beside
`value: $(var ...)` wherever the user may write `60`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from kinesis_cli.launcher.entities import Entity
from kinesis_cli.launcher.substitutions import Context, parse, perform
from kinesis_control.errors import ConfigurationError

Parameters = dict[str, Any]

_SCALARS: dict[str, type] = {"str": str, "bool": bool, "float": float, "int": int}
_TYPES = ("yaml", *_SCALARS, *(f"list_of_{name}" for name in _SCALARS))


def read_parameters(entities: list[Entity], context: Context) -> list["Path | Parameters"]:
    """Parameter files and parameter sets of a node, in the order of the launch file.

    Raises:
        LaunchFileError: an unknown attribute or type, or a value that does not become that type.
    """
    result: list[Path | Parameters] = []
    for entity in entities:
        if "from" in entity.data:
            result.append(_file(entity, context))
        elif result and isinstance(result[-1], dict):
            result[-1].update(_flat(entity, context, ""))
        else:
            result.append(_flat(entity, context, ""))
    return result


def _file(entity: Entity, context: Context) -> Path:
    entity.require_known(("from",))
    path = Path(context.perform(entity.required_text("from")))
    if not path.is_file():
        raise entity.error(f"there is no parameter file {path}")
    return path.absolute()


def _flat(entity: Entity, context: Context, prefix: str) -> Parameters:
    """One `param`, nested ones joined by dots."""
    entity.require_known(("name", "value", "type", "param"))
    name = prefix + context.perform(entity.required_text("name"))
    nested = entity.entities("param")
    if nested and ("value" in entity.data or "type" in entity.data):
        raise entity.error(f"parameter '{name}' has nested parameters; value and type do not go with them")
    if nested:
        return {k: v for child in nested for k, v in _flat(child, context, f"{name}.").items()}
    if "value" not in entity.data:
        raise entity.error(f"parameter '{name}' needs a value or nested parameters")
    kind = entity.text("type") or "yaml"
    if kind not in _TYPES:
        raise entity.error(f"parameter '{name}': unknown type '{kind}'; known: {', '.join(_TYPES)}")
    try:
        return {name: _value(entity.data["value"], kind, context)}
    except ValueError as error:
        raise entity.error(f"parameter '{name}': {error}") from error
    except ConfigurationError as error:
        raise entity.error(f"parameter '{name}': {error}") from error


def _value(value: Any, kind: str, context: Context) -> Any:
    if not isinstance(value, list):
        return _scalar(value, kind, context)
    if kind in _SCALARS:
        raise ValueError(f"got a list, expected a {kind}")
    items = [_scalar(item, kind.removeprefix("list_of_"), context) for item in value]
    return _require_uniform(items)


def _scalar(value: Any, kind: str, context: Context) -> Any:
    if isinstance(value, str):
        template = parse(value)
        if any(not isinstance(part, str) for part in template):
            return _coerce(perform(template, context), kind)
        value = "".join(str(part) for part in template)
    expected = _SCALARS.get(kind, type(value))
    if type(value) is not expected or expected not in _SCALARS.values():
        raise ValueError(f"got {type(value).__name__} {value!r}, expected {kind if kind in _SCALARS else 'a scalar'}")
    return value


def _coerce(text: str, kind: str) -> Any:
    """Text made by a substitution, as the type asked for."""
    if kind in ("int", "float"):
        convert: Callable[[str], int | float] = int if kind == "int" else float
        return convert(text)
    if kind == "str" or (kind == "yaml" and not text):
        return text
    if kind == "bool":
        text = {"1": "true", "0": "false"}.get(text, text)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"'{text}' is not valid YAML; say `type: str` if it is a string") from error
    return _require_type(value, kind, text)


def _require_type(value: Any, kind: str, text: str) -> Any:
    if kind.startswith("list_of_"):
        item = _SCALARS[kind.removeprefix("list_of_")]
        if not isinstance(value, list) or any(type(v) is not item for v in value):
            raise ValueError(f"'{text}' is not a list of {item.__name__}")
        return value
    if isinstance(value, list) and kind == "yaml":
        return _require_uniform(value)
    if type(value) is not _SCALARS.get(kind, type(value)) or type(value) not in _SCALARS.values():
        raise ValueError(f"'{text}' is {type(value).__name__}, expected {kind}; say `type: str` if it is a string")
    return value


def _require_uniform(items: list[Any]) -> list[Any]:
    kinds = {type(i) for i in items}
    if len(kinds) > 1 or not kinds <= set(_SCALARS.values()):
        raise ValueError(f"the items of a list must be of one scalar type, got {sorted(k.__name__ for k in kinds)}")
    return items
