"""Which drivers there are: those of this package, and those that other packages add under the entry point `kinesis.drivers`."""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from kinesis_control.drivers.base import MuscleDriver
from kinesis_control.drivers.errors import LinkError
from kinesis_control.errors import ConfigurationError, UnknownNameError

GROUP = "kinesis.drivers"

_HERE = "kinesis_control.drivers."
BUILT_IN = {
    "dummy": _HERE + "dummy:DummyDriver",
    "golem": _HERE + "golem:GolemDriver",
    "ethercat": _HERE + "ethercat:EthercatDriver",
    "udp": _HERE + "udp_bank:UdpBankDriver",
    "can_fd": _HERE + "can_fd:CanFdDriver",
    "pamy2": _HERE + "pamy2:Pamy2Driver",
}
EXTRAS = {"golem": "golem", "ethercat": "ethercat", "can_fd": "can"}
"""Driver -> extra of the package that holds what it needs."""


def driver_names() -> tuple[str, ...]:
    """Every known driver, the built-in ones first."""
    return (*BUILT_IN, *sorted({point.name for point in entry_points(group=GROUP)} - set(BUILT_IN)))


def load_driver(name: str) -> type[MuscleDriver]:
    """The class of a driver; nothing of it is imported before.

    Raises:
        UnknownNameError: no such driver; the message lists those there are.
        LinkError: what it needs is not installed.
        ConfigurationError: a plug-in is broken, or two of them use one name.
    """
    target = BUILT_IN.get(name)
    if target is None:
        target = _plug_in(name).value
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(name)
        hint = f"; install it with: pip install 'kinesis-ros[{extra}]'" if extra else ""
        raise LinkError(f"driver '{name}' needs the package '{error.name}', which is not installed{hint}") from error
    except AttributeError as error:
        raise ConfigurationError(f"driver '{name}': {error}") from error
    if not (isinstance(found, type) and issubclass(found, MuscleDriver)):
        raise ConfigurationError(f"driver '{name}': got {target}, expected a subclass of MuscleDriver")
    return found


def _plug_in(name: str) -> EntryPoint:
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        raise UnknownNameError("driver", name, driver_names())
    if len({point.value for point in points}) > 1:
        raise ConfigurationError(f"driver '{name}' is offered by {', '.join(point.value for point in points)}; remove all but one of these packages")
    return points[0]
