"""From body and state to what is drawn: bones, poses, muscle paths, and their packing."""

import json

import numpy as np
import pytest

pytest.importorskip("mujoco")
import mujoco

from kinesis_control.body_state import BodyState
from kinesis_sim.bodies import load_body
from kinesis_sim.viewer.bones import TOTAL_TRIANGLES, bones_of, simplified, vertex_normals
from kinesis_sim.viewer.colours import ANCHORS, activation_colours
from kinesis_sim.viewer.packing import POINT_UNIT_M, ReferencePose, frame_message, scene_message
from kinesis_sim.viewer.pose import BodyPoser
from kinesis_sim.world import World


@pytest.fixture(scope="module")
def body():
    return load_body("legs80")


@pytest.fixture(scope="module")
def bones(body):
    return bones_of(body)


@pytest.fixture(scope="module")
def moved(body):
    """A world that was pushed for a while, and its state."""
    world = World(body, control_dt=0.025, physics_dt=0.005, seed=3, excitation_noise=0.0)
    state = world.reset(seed=3, perturbation=1.0)
    for _ in range(12):
        state = world.step(np.full(80, 0.3))
    return world, state


def test_bones_are_light_and_keep_their_shape(body, bones):
    assert 0.5 * TOTAL_TRIANGLES < len(bones.triangles) < 1.3 * TOTAL_TRIANGLES
    assert bones.triangles.max() < len(bones.vertices) and bones.slots.max() == len(bones.body_ids) - 1
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    mujoco.mj_kinematics(body.model, data)
    ids = bones.body_ids[bones.slots]
    world = np.einsum("nij,nj->ni", data.xmat.reshape(-1, 3, 3)[ids], bones.vertices) + data.xpos[ids]
    assert abs(world[:, 2].min()) < 0.02 and 1.5 < world[:, 2].max() < 1.9  # soles on the floor, head where a head is
    used = np.unique(bones.triangles)
    assert (np.abs(np.linalg.norm(bones.normals[used], axis=1) - 1.0) < 1e-3).mean() > 0.99


def test_simplifying_keeps_a_sphere_round():
    u, v = np.meshgrid(np.linspace(0.05, np.pi - 0.05, 60), np.linspace(0, 2 * np.pi, 60, endpoint=False), indexing="ij")
    points = 0.05 * np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], axis=-1).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(59), np.arange(60), indexing="ij")
    a, b, c, d = (60 * p + q % 60 for p, q in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)))
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]).astype(np.uint32)
    less, corners = simplified(points, faces, 800)
    assert 100 < len(corners) <= 800
    assert np.allclose(np.linalg.norm(less, axis=1), 0.05, atol=0.004)
    used = np.unique(corners)
    assert (np.einsum("ij,ij->i", vertex_normals(less, corners)[used], less[used]) > 0.0).mean() > 0.95  # they point outward
    same, faces_again = simplified(points, faces, len(faces))
    assert same is points and faces_again is faces


def test_pose_and_paths_are_those_of_the_simulator(body, bones, moved):
    world, state = moved
    poser = BodyPoser(body)
    poser.pose(state.root_position, state.root_quaternion, state.joint_position)
    model, truth = body.model, mujoco.MjData(body.model)
    truth.qpos[:] = world.data.qpos
    body.coupling.fill(truth.qpos)  # the simulator's own couplings give a little
    mujoco.mj_forward(model, truth)
    transforms = poser.transforms(bones.body_ids)
    assert np.allclose(transforms[:, :3], truth.xpos[bones.body_ids], atol=1e-6)
    assert np.allclose(np.abs(np.einsum("ij,ij->i", transforms[:, 3:], truth.xquat[bones.body_ids])), 1.0, atol=1e-6)
    paths = poser.muscle_paths()
    assert paths.counts.shape == (80,) and paths.counts.min() >= 2 and len(paths.points) == paths.counts.sum()
    starts = np.cumsum(paths.counts) - paths.counts
    chords = [np.linalg.norm(np.diff(paths.points[s : s + n], axis=0), axis=1).sum() for s, n in zip(starts, paths.counts, strict=True)]
    lengths = truth.ten_length[model.actuator_trnid[:, 0]]
    assert (np.array(chords) <= lengths + 1e-6).all()  # a chord over a wrapped surface is shorter than the arc
    assert np.allclose(chords, lengths, rtol=0.08)


def test_contact_points_are_under_the_feet(body):
    poser, qpos = BodyPoser(body), body.standing_qpos
    poser.pose(qpos[:3], np.array([1.0, 0.0, 0.0, 0.0]), qpos[body.joint_qpos_adr])
    points = dict(zip(body.description.contact_names, poser.contact_points(), strict=True))
    assert all(p[2] == 0.0 for p in points.values())
    assert points["right_toes"][0] > points["right_heel"][0] + 0.08  # ahead of the heel
    assert points["left_heel"][1] > points["right_heel"][1] + 0.05  # on the left


def test_a_frame_holds_what_went_in(body, bones, moved):
    _, state = moved
    poser = BodyPoser(body)
    poser.pose(state.root_position, state.root_quaternion, state.joint_position)
    transforms, contacts, paths = poser.transforms(bones.body_ids), poser.contact_points(), poser.muscle_paths()
    reference = ReferencePose(joint_position=state.joint_position + 0.1, transforms=transforms + 1.0, phase=0.25)
    data = frame_message(state, transforms, contacts, paths, reference)
    time_s, seq = np.frombuffer(data, "<f8", 2)
    assert (time_s, seq) == (1e-9 * state.stamp_ns, state.seq)
    j, c, b, m = 14, 4, len(bones.body_ids), 80
    numbers = np.frombuffer(data, "<f4", 10 + 2 * j + 4 * c + 14 * b + 2 * m, 16)
    parts = np.split(numbers, np.cumsum([4, 3, 3, j, j, c, 3 * c, 7 * b, 7 * b, m]))
    for got, expected in zip(
        parts,
        (
            [0.25, state.fallen, 1.0, 0.0], state.root_position, state.root_linear_velocity, state.joint_position, reference.joint_position,
            state.contact_force, contacts.ravel(), transforms.ravel(), reference.transforms.ravel(), state.muscle_activation, state.muscle_tension,
        ),
        strict=True,
    ):  # fmt: skip
        assert np.allclose(got, expected, rtol=1e-5, atol=1e-6)
    rest = data[16 + 4 * len(numbers) :]
    points = np.frombuffer(rest, "<i2", 3 * len(paths.points)).reshape(-1, 3) * POINT_UNIT_M + state.root_position
    assert np.allclose(points, paths.points, atol=0.51 * POINT_UNIT_M)
    assert np.array_equal(np.frombuffer(rest, np.uint8, 80, 6 * len(paths.points)), paths.counts)
    assert len(rest) == 6 * len(paths.points) + 80


def test_the_scene_names_everything(body, bones):
    data = scene_message(body, bones, {"policy": {}})
    size = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + size])
    assert size % 4 == 0 and header["muscles"] == list(body.description.muscles.names) and header["policy"] == {}
    assert len(data) == 4 + size + header["vertices"] * (12 + 4 + 1) + header["triangles"] * 12


def test_a_body_without_a_reference_has_no_ghost(body, bones):
    state = BodyState.zeros(body.description)
    poser = BodyPoser(body)
    poser.pose(state.root_position, state.root_quaternion, state.joint_position)
    data = frame_message(state, poser.transforms(bones.body_ids), poser.contact_points(), poser.muscle_paths(), None)
    assert np.frombuffer(data, "<f4", 4, 16).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_colours_rise_in_lightness_so_that_anyone_can_order_them():
    colours = activation_colours(np.linspace(-0.2, 1.2, 50))
    assert np.allclose(colours[0], ANCHORS[0]) and np.allclose(colours[-1], ANCHORS[-1])
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) >= -1e-9).all() and luminance[-1] > 8 * luminance[0]
    # As seen without the red (Vienot et al. 1999, deuteranopia): the two ends and the middle stay apart.
    seen = linear @ np.array([[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]]).T
    assert np.linalg.norm(seen[-1] - seen[0]) > 0.5 and np.linalg.norm(seen[25] - seen[0]) > 0.15
