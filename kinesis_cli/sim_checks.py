"""What is checked before a simulation starts: names, files and folders. A wrong one is refused with what is known."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinesis_cli.launcher.packages import PACKAGE, share_directory
from kinesis_control.errors import UnavailableError, UnknownNameError


def models_directory() -> Path:
    """Folder of the shipped policies."""
    return share_directory(PACKAGE) / "models"


def shipped_policies() -> dict[str, Path]:
    """Short name -> file of every shipped policy."""
    return {path.stem: path for path in sorted(models_directory().glob("*.onnx"))}


def resolve_policy(asked: str | None, body: str) -> Path:
    """File of a policy asked for by short name or path; None was asked: the first shipped one that is named after the body.

    Raises:
        UnknownNameError: neither a file nor a shipped name.
        UnavailableError: nothing was asked for and no policy is shipped for this body.
    """
    shipped = shipped_policies()
    if asked is None:
        made_for = [path for name, path in shipped.items() if name.split("-")[0] == body]
        if not made_for:
            raise UnavailableError(f"no policy is shipped for body '{body}' (shipped: {', '.join(shipped) or 'none'}); give one with --policy FILE")
        return made_for[0]
    if asked in shipped:
        return shipped[asked]
    path = Path(asked).expanduser()
    if path.is_file():
        return path.resolve()
    raise UnknownNameError("policy (neither a file nor a shipped name)", asked, shipped)


def require_body(name: str) -> None:
    """Check the name of a body.

    Raises:
        UnknownNameError: no such body.
    """
    from kinesis_sim.composition import BODIES

    if name not in BODIES:
        raise UnknownNameError("body", name, BODIES)


def licence_note(name: str) -> str:
    """What is to be known of a body's licence beyond Apache-2.0; empty when nothing.

    Raises:
        UnknownNameError: no such body.
    """
    from kinesis_sim.composition import BODIES

    require_body(name)
    return BODIES[name].licence_note


def require_new_folder(path: Path) -> None:
    """Check that a bag can be written to a folder that is made for it.

    Raises:
        UnavailableError: it exists already (a bag is never overwritten), or its parent is missing.
    """
    if path.exists():
        raise UnavailableError(f"cannot record to '{path}': it exists already, and a bag is never overwritten; give a new name")
    if not path.parent.is_dir():
        raise UnavailableError(f"cannot record to '{path}': the folder '{path.parent}' does not exist")


@contextmanager
def hold_domain(namespace: str) -> Iterator[None]:
    """Keep other simulations of this user on this machine out of the ROS domain and namespace while it is open.

    Looking around on the graph is not enough for this: discovery may take longer than a second simulation needs to start.

    Raises:
        UnavailableError: another simulation holds them.
    """
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    path = Path(tempfile.gettempdir()) / f"kinesis-{os.getuid()}-{domain}-{namespace.replace('/', '.')}.lock"
    # The kernel gives the lock back however the holder ends, so a file that was left behind means nothing.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UnavailableError(
            f"another simulation runs in ROS domain {domain}, namespace '{namespace or '/'}': "
            "end it, or give this one a ROS_DOMAIN_ID or a --namespace of its own"
        ) from error
    finally:
        os.close(handle)
