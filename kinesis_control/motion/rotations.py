"""Quaternions (wxyz, unit norm) in bulk: every function takes arrays of shape (..., 4) and works without a Python loop over frames.

transforms3d, which the rest of the stack uses, converts one rotation a call; motion files hold hundreds of thousands.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product a b: first b, then a; shapes broadcast to (..., 4)."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    return np.stack([
        aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw,
    ], axis=-1)  # fmt: skip


def conjugate(q: Array) -> Array:
    """The inverse rotation; shape (..., 4)."""
    return np.asarray(q * np.array([1.0, -1.0, -1.0, -1.0]))


def rotate(q: Array, v: Array) -> Array:
    """Vectors v, shape (..., 3), turned by q: v + 2 w (u x v) + 2 u x (u x v), with u the vector part of q."""
    u = q[..., 1:]
    cross = 2.0 * np.cross(u, v)
    return v + q[..., :1] * cross + np.cross(u, cross)


def about_axis(axis: int, angle: Array) -> Array:
    """Rotation about coordinate axis 0, 1 or 2 by an angle of shape (...) [rad]; shape (..., 4)."""
    result = np.zeros((*np.shape(angle), 4))
    result[..., 0] = np.cos(0.5 * angle)
    result[..., 1 + axis] = np.sin(0.5 * angle)
    return result


def from_axes(x: Array, y: Array, z: Array) -> Array:
    """Rotation that turns the coordinate axes into these orthonormal ones, each of shape (..., 3); shape (..., 4)."""
    m = [[axis[..., row] for axis in (x, y, z)] for row in range(3)]
    w, i, j, k = (1.0 + s * m[0][0] + t * m[1][1] + u * m[2][2] for s, t, u in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)))
    wi, wj, wk = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    ij, ik, jk = m[1][0] + m[0][1], m[0][2] + m[2][0], m[2][1] + m[1][2]
    # Each row is the quaternion times four of its own parts; the row of the largest part loses no digits.
    rows = np.stack([np.stack(r, axis=-1) for r in ((w, wi, wj, wk), (wi, i, ij, ik), (wj, ij, j, jk), (wk, ik, jk, k))], axis=-2)
    best = np.argmax(np.stack([w, i, j, k], axis=-1), axis=-1)
    return normalised(np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :])


def continuous(q: Array) -> Array:
    """The same rotations with signs chosen so that neighbours along axis 0 lie in one hemisphere; shape (F, ..., 4)."""
    dots = np.einsum("f...i,f...i->f...", q[1:], q[:-1])
    signs = np.cumprod(np.where(dots < 0.0, -1.0, 1.0), axis=0)
    return np.concatenate([q[:1], q[1:] * signs[..., None]])


def normalised(q: Array) -> Array:
    """Scaled to unit norm; shape (..., 4)."""
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def slerp(a: Array, b: Array, share: Array) -> Array:
    """Rotation at `share` (0..1, shape (...)) of the shorter way from a to b; shape (..., 4)."""
    dot = np.einsum("...i,...i->...", a, b)
    b, dot = np.where(dot[..., None] < 0.0, -b, b), np.minimum(np.abs(dot), 1.0)
    angle = np.arccos(dot)
    sine = np.sin(angle)
    close = sine < 1e-6  # the chord is as good as the arc there, and the arc would divide by zero
    safe = np.where(close, 1.0, sine)
    first = np.where(close, 1.0 - share, np.sin((1.0 - share) * angle) / safe)
    second = np.where(close, share, np.sin(share * angle) / safe)
    return normalised(first[..., None] * a + second[..., None] * b)


def angle_between(a: Array, b: Array) -> Array:
    """Angle of the rotation from a to b, 0..pi, shape (...) [rad]."""
    relative = multiply(conjugate(a), b)
    return np.asarray(2.0 * np.arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0])))


def forward_kinematics(parents: NDArray[np.int64], local_position: Array, local_rotation: Array) -> tuple[Array, Array]:
    """World position (F, J, 3) and rotation (F, J, 4) from those in each parent's frame; parents come before their children."""
    position, rotation = np.empty_like(local_position), np.empty_like(local_rotation)
    for joint, parent in enumerate(parents):
        if parent < 0:
            position[:, joint], rotation[:, joint] = local_position[:, joint], local_rotation[:, joint]
        else:
            rotation[:, joint] = multiply(rotation[:, parent], local_rotation[:, joint])
            position[:, joint] = position[:, parent] + rotate(rotation[:, parent], local_position[:, joint])
    return position, rotation


def to_local(parents: NDArray[np.int64], position: Array, rotation: Array) -> tuple[Array, Array]:
    """The inverse of `forward_kinematics`."""
    has = parents >= 0
    local_position, local_rotation = position.copy(), rotation.copy()
    inverse = conjugate(rotation[:, parents[has]])
    local_position[:, has] = rotate(inverse, position[:, has] - position[:, parents[has]])
    local_rotation[:, has] = multiply(inverse, rotation[:, has])
    return local_position, local_rotation
