"""What draws without a screen. Imports no MuJoCo, which decides at its import."""

import os
import subprocess
import sys

from kinesis_control.errors import UnavailableError

BACKENDS = ("egl", "osmesa")
"""Ways to draw without a screen, the faster one first."""


def choose_backend() -> str:
    """Set MUJOCO_GL, unless it is set already, to the first of BACKENDS that can draw here.

    Each is tried in a process of its own, because a failed try cannot be taken back.

    Raises:
        UnavailableError: none can.
    """
    if given := os.environ.get("MUJOCO_GL"):
        return given
    for name in BACKENDS:
        code = f"import os; os.environ['MUJOCO_GL'] = '{name}'; import mujoco; mujoco.GLContext(16, 16).make_current()"
        if subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0:
            os.environ["MUJOCO_GL"] = name
            return name
    raise UnavailableError(
        f"nothing to draw with: neither {' nor '.join(BACKENDS)} works here; on Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri libosmesa6"
    )
