"""Files of a made-up walker: a skeleton in BVH or ASF/AMC whose answers are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

THIGH, SHANK, HIP_HEIGHT, HALF_WIDTH = 40.0, 42.0, 88.0, 9.0  # cm; y up, facing +z, so that left is +x
NAMES = {
    "LeftUpLeg": "LeftUpLeg", "LeftLeg": "LeftLeg", "LeftFoot": "LeftFoot", "LeftToeBase": "LeftToeBase",
    "RightUpLeg": "RightUpLeg", "RightLeg": "RightLeg", "RightFoot": "RightFoot", "RightToeBase": "RightToeBase",
    "Hips": "Hips", "Spine": "Spine", "Head": "Head",
}  # fmt: skip
ROTATION = "CHANNELS 3 Zrotation Xrotation Yrotation"


def leg(side: str, x: float, names: dict[str, str], scale: float) -> str:
    up, low, foot, toe = (names[f"{side}{part}"] for part in ("UpLeg", "Leg", "Foot", "ToeBase"))
    return f"""
  JOINT {up}
  {{
    OFFSET {x * scale} 0 0
    {ROTATION}
    JOINT {low}
    {{
      OFFSET 0 {-THIGH * scale} 0
      {ROTATION}
      JOINT {foot}
      {{
        OFFSET 0 {-SHANK * scale} 0
        {ROTATION}
        JOINT {toe}
        {{
          OFFSET 0 {-5.0 * scale} {13.0 * scale}
          {ROTATION}
          End Site
          {{
            OFFSET 0 0 {6.0 * scale}
          }}
        }}
      }}
    }}
  }}"""


def hierarchy(names: dict[str, str] = NAMES, scale: float = 1.0, mirrored: bool = False) -> str:
    side = -1.0 if mirrored else 1.0
    return f"""HIERARCHY
ROOT {names["Hips"]}
{{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT {names["Spine"]}
  {{
    OFFSET 0 {15.0 * scale} 0
    {ROTATION}
    JOINT {names["Head"]}
    {{
      OFFSET 0 {45.0 * scale} 0
      {ROTATION}
      End Site
      {{
        OFFSET 0 {15.0 * scale} 0
      }}
    }}
  }}{leg("Left", side * HALF_WIDTH, names, scale)}{leg("Right", -side * HALF_WIDTH, names, scale)}
}}
"""


def walk(frames: int = 60, rate: float = 30.0, speed: float = 120.0, scale: float = 1.0) -> np.ndarray:
    """Channel values, shape (frames, 36): hips forward along +z, legs swinging."""
    t = np.arange(frames) / rate
    values = np.zeros((frames, 6 + 3 * 10))
    values[:, 1], values[:, 2] = HIP_HEIGHT * scale, speed * t * scale
    swing = 25.0 * np.sin(2.0 * np.pi * 0.9 * t)
    values[:, 6 + 3 * 2 + 1], values[:, 6 + 3 * 6 + 1] = swing, -swing  # Xrotation of both hips
    values[:, 6 + 3 * 3 + 1] = 20.0 + 15.0 * np.cos(2.0 * np.pi * 0.9 * t)  # Xrotation of the left knee
    values[:, 6 + 3 * 7 + 1] = 20.0 - 15.0 * np.cos(2.0 * np.pi * 0.9 * t)
    return values


def bvh(values: np.ndarray, rate: float = 30.0, head: str | None = None, frames: int | None = None) -> str:
    lines = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in values)
    return f"{head or hierarchy()}MOTION\nFrames: {len(values) if frames is None else frames}\nFrame Time: {1.0 / rate:.7f}\n{lines}\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(text: str | bytes, name: str = "walker.bvh") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


@pytest.fixture
def made_up():
    """The functions of this file, for tests that build files of their own."""

    class MadeUp:
        pass

    for function in (hierarchy, walk, bvh):
        setattr(MadeUp, function.__name__, staticmethod(function))
    MadeUp.names = NAMES
    return MadeUp


ASF = """:version 1.10
:name made-up
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
{bones}
:hierarchy
  begin
    root lhipjoint rhipjoint lowerback
    lhipjoint lfemur
    lfemur ltibia
    ltibia lfoot
    rhipjoint rfemur
    rfemur rtibia
    rtibia rfoot
    lowerback head
  end
"""


def bone(name: str, direction: str, length: float, axis: str = "0 0 0 XYZ", dof: str = "") -> str:
    return f"  begin\n    name {name}\n    direction {direction}\n    length {length}\n    axis {axis}\n{f'    dof {dof}' if dof else ''}\n  end"


@pytest.fixture
def asf() -> str:
    """Thigh and shank of 7 units each at length 0.45: 0.395 m; the left femur's own axes are turned by 90 degrees about z."""
    bones = [bone("lowerback", "0 1 0", 5, dof="rx ry rz"), bone("head", "0 1 0", 5, dof="rx")]
    for side, x in (("l", "1 0 0"), ("r", "-1 0 0")):
        bones += [
            bone(f"{side}hipjoint", x, 1.6),
            bone(f"{side}femur", "0 -1 0", 7, "0 0 90 XYZ" if side == "l" else "0 0 0 XYZ", "rx ry rz"),
            bone(f"{side}tibia", "0 -1 0", 7, dof="rx"),
            bone(f"{side}foot", "0 0 1", 2, dof="rx"),
        ]
    return ASF.format(bones="\n".join(bones))


def amc_frame(number: int, root: str, lfemur: str = "0 0 0", ltibia: str = "0") -> str:
    rest = "lowerback 0 0 0\nhead 0\nrfemur 0 0 0\nrtibia 0\nrfoot 0\nlfoot 0"
    return f"{number}\nroot {root}\nlfemur {lfemur}\nltibia {ltibia}\n{rest}\n"


@pytest.fixture
def amc() -> Callable[..., str]:
    def make(frames: int = 60, mode: str = ":DEGREES", **values: str) -> str:
        body = "".join(
            amc_frame(i + 1, values.get("root", f"0 15 {0.02 * i:.4f} 0 0 0"), **{k: v for k, v in values.items() if k != "root"}) for i in range(frames)
        )
        return f"#!OML:ASF made-up\n:FULLY-SPECIFIED\n{mode}\n{body}"

    return make
