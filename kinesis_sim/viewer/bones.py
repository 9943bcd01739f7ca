"""The bones of a body as one triangle mesh, made light enough for a browser."""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body

Vertices = NDArray[np.float32]
Triangles = NDArray[np.uint32]

BONE_GROUP = 0
"""Group of the geoms that are drawn: bones are in it, wrapping surfaces and collision shapes are not."""

TOTAL_TRIANGLES = 24_000
"""Aim for the whole body: what a phone, or a browser without a graphics card, still draws 30 times a second."""

FIRST_CELL_M, CELL_GROWTH = 0.001, 1.35


@dataclass(frozen=True, kw_only=True)
class Bones:
    """Every bone of a body in one mesh.

    Attributes:
        body_ids: model bodies that have bones; shape (n_slots,).
        slots: index into `body_ids` of each vertex; shape (n,), uint8.
        vertices: in the frame of their model body; shape (n, 3) [m].
        normals: unit vectors, or 0 where no triangle is left; shape (n, 3).
        triangles: indices of vertices; shape (m, 3).
    """

    body_ids: NDArray[np.intp]
    slots: NDArray[np.uint8]
    vertices: Vertices
    normals: Vertices
    triangles: Triangles


def bones_of(body: Body) -> Bones:
    """The bones of a body, simplified to about TOTAL_TRIANGLES."""
    model = body.model
    geoms = [g for g in range(model.ngeom) if model.geom_group[g] == BONE_GROUP and int(model.geom_type[g]) == int(mujoco.mjtGeom.mjGEOM_MESH)]
    ids = np.unique(model.geom_bodyid[geoms]).astype(np.intp)
    # By the square root of its size: a rib cage of one piece needs more than a vertebra, but less than its share.
    weights = np.sqrt([float(model.mesh_facenum[model.geom_dataid[g]]) for g in geoms])
    budgets = np.maximum(TOTAL_TRIANGLES * weights / weights.sum(), 150).astype(int)
    slots, vertices, normals, triangles, count = [], [], [], [], 0
    for geom, budget in zip(geoms, budgets.tolist(), strict=True):
        points, corners = simplified(*_geom_mesh(model, geom), budget)
        vertices.append(points)
        normals.append(vertex_normals(points, corners))
        triangles.append(corners + np.uint32(count))
        slots.append(np.full(len(points), np.searchsorted(ids, model.geom_bodyid[geom]), dtype=np.uint8))
        count += len(points)
    return Bones(
        body_ids=ids, slots=np.concatenate(slots), vertices=np.concatenate(vertices), normals=np.concatenate(normals), triangles=np.concatenate(triangles)
    )  # fmt: skip


def _geom_mesh(model: mujoco.MjModel, geom: int) -> tuple[Vertices, Triangles]:
    """Vertices of a mesh geom in the frame of its body, and its triangles."""
    mesh = int(model.geom_dataid[geom])
    first, faces = int(model.mesh_vertadr[mesh]), int(model.mesh_faceadr[mesh])
    points = model.mesh_vert[first : first + int(model.mesh_vertnum[mesh])]
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
    moved = points @ rotation.reshape(3, 3).T + model.geom_pos[geom]
    return moved.astype(np.float32), model.mesh_face[faces : faces + int(model.mesh_facenum[mesh])].astype(np.uint32)


def simplified(vertices: Vertices, triangles: Triangles, most: int) -> tuple[Vertices, Triangles]:
    """A mesh of at most `most` triangles: vertices in one cell of a grid become their mean, and cells grow until it is enough."""
    points, corners, cell = vertices, triangles, FIRST_CELL_M
    while len(corners) > most:
        _, owner = np.unique(np.floor(vertices / cell).astype(np.int64), axis=0, return_inverse=True)
        owner = owner.reshape(-1)
        sums = np.stack([np.bincount(owner, vertices[:, axis]) for axis in range(3)], axis=1)
        points = (sums / np.bincount(owner)[:, None]).astype(np.float32)
        corners = owner[triangles]
        whole = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
        corners = np.unique(corners[whole], axis=0).astype(np.uint32)
        cell *= CELL_GROWTH
    return points, corners


def vertex_normals(vertices: Vertices, triangles: Triangles) -> Vertices:
    """Normal of each vertex: the mean of those of its triangles, weighted by their area; shape (n, 3)."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros((len(vertices), 3))
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(triangles[:, corner], across[:, axis], minlength=len(vertices))
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)
