"""Facts of every registered body: counts, standing pose, facing, symmetry, stability, hash."""

import mujoco
import numpy as np
import pytest

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_sim.bodies import body_names, load_body, physics_hash
from kinesis_sim.composition import BODIES, BodyEntry, compose

# muscles, nq, nv, couplings, mass [kg] as published
PUBLISHED = {
    "legs80": (80, 35, 34, 14, 74.98),
    "legs_abs86": (86, 38, 37, 14, 74.98),
    "legs_back290": (290, 53, 52, 29, 74.98),
    "fullbody416": (416, 129, 128, 51, 84.26),
}
EVERY = pytest.mark.parametrize("name", list(PUBLISHED))


def at_standing(body):
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    mujoco.mj_forward(body.model, data)
    return data


def test_the_registry_is_the_published_four():
    assert set(body_names()) == set(PUBLISHED)


def test_an_unknown_body_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"legs80.*Did you mean 'legs80'"):
        load_body("leg80")


def test_a_body_of_another_size_is_refused():
    wrong = BodyEntry(name="wrong", build=BODIES["legs80"].build, muscles=81)
    with pytest.raises(UnavailableError, match=r"expected 81 muscles.*gives 80"):
        compose(wrong)


@EVERY
def test_counts_and_mass(body_of, name):
    body = body_of(name)
    m, (muscles, nq, nv, couplings, mass) = body.model, PUBLISHED[name]
    assert (m.nu, m.nq, m.nv, len(body.coupling.joint)) == (muscles, nq, nv, couplings)
    assert len(body.description.muscles) == muscles
    assert len(body.description.joint_names) == nv - 6 - couplings
    assert body.description.mass == pytest.approx(mass, abs=0.01)


@EVERY
def test_the_scene_is_a_level_floor_and_nothing_else(body_of, name):
    m = body_of(name).model
    scene = [m.geom(g).name for g in range(m.ngeom) if m.geom_bodyid[g] == 0]
    assert scene == ["floor"]
    assert m.geom("floor").pos == pytest.approx([0.0, 0.0, 0.0])
    assert m.opt.integrator == int(mujoco.mjtIntegrator.mjINT_EULER)


@EVERY
def test_standing_pose_is_consistent_and_on_the_floor(body_of, name):
    body = body_of(name)
    data = at_standing(body)
    assert np.abs(data.efc_pos[: data.ne]).max() < 1e-9, "a coupled joint is off its polynomial"
    assert body.lowest_point(body.standing_qpos) == pytest.approx(0.0, abs=1e-6)
    assert np.all(data.contact.dist > -1e-3), "the body cuts into itself or into the floor"
    joints = body.standing_qpos[body.joint_qpos_adr]
    assert np.all((joints >= body.joint_range[:, 0]) & (joints <= body.joint_range[:, 1]))


@EVERY
def test_standing_body_balances_over_its_feet_and_faces_x(body_of, name):
    body = body_of(name)
    data, m = at_standing(body), body.model
    heels = np.array([data.xpos[m.body(f"calcn_{s}").id] for s in "rl"])
    toes = np.array([data.xpos[m.body(f"toes_{s}").id] for s in "rl"])
    mass_centre = data.subtree_com[0]
    assert np.all(heels[:, 0] + 0.03 < mass_centre[0]) and np.all(mass_centre[0] < toes[:, 0] - 0.03)
    assert abs(mass_centre[1]) < 0.005
    assert heels[0, 1] < -0.05 and heels[1, 1] > 0.05, "left is +y"


@EVERY
def test_legs_collide_with_each_other(body_of, name):
    m = body_of(name).model
    sides = [{m.geom(int(g)).name[-2:] for g in pair} for pair in zip(m.pair_geom1, m.pair_geom2, strict=True)]
    assert sides.count({"_r", "_l"}) >= 26


@EVERY
def test_contact_regions_and_key_bodies_exist(body_of, name):
    body = body_of(name)
    assert all(len(body.region_geom_ids(i)) for i in range(len(body.description.contact_names)))
    assert body.description.key_body_names[0] == "pelvis"
    assert body.entry.trunk in body.part_names


@EVERY
def test_mirror_map_is_an_involution_and_leaves_no_muscle_in_the_middle(body_of, name):
    body = body_of(name)
    mirror, rng = body.mirror, np.random.default_rng(0)
    for order in (mirror.muscles, mirror.joints, mirror.contacts, mirror.key_bodies):
        assert np.array_equal(order[order], np.arange(len(order)))
    joints = rng.normal(size=len(mirror.joints))
    once = mirror.joint_sign * joints[mirror.joints]
    assert np.array_equal(mirror.joint_sign * once[mirror.joints], joints)
    assert np.all(mirror.muscles != np.arange(len(mirror.muscles)))
    names = body.description.contact_names
    assert [names[i] for i in mirror.contacts] == ["left_heel", "left_toes", "right_heel", "right_toes"]


@EVERY
def test_mirrored_poses_have_mirrored_muscles(body_of, name):
    body = body_of(name)
    mirror, rng, data = body.mirror, np.random.default_rng(1), mujoco.MjData(body.model)
    joints = np.clip(body.standing_qpos[body.joint_qpos_adr] + rng.uniform(-0.2, 0.2, len(body.joint_ids)), *body.joint_range.T)

    def look(angles):
        data.qpos[:] = body.standing_qpos
        data.qpos[body.joint_qpos_adr] = angles
        body.coupling.fill(data.qpos)
        mujoco.mj_forward(body.model, data)
        return data.actuator_length.copy(), data.xpos[body.key_body_ids].copy()

    (length, key), (mirrored_length, mirrored_key) = look(joints), look(mirror.joint_sign * joints[mirror.joints])
    error = np.abs(length[mirror.muscles] - mirrored_length)
    # The published torso has one asymmetric pair: the paths of LTpT_T12 differ between the sides.
    symmetric = [not n.startswith("LTpT_T12") for n in body.description.muscles.names]
    assert error[symmetric].max() < 1e-6
    assert np.abs(key[mirror.key_bodies] * [1, -1, 1] - mirrored_key).max() < 1e-3


@EVERY
@pytest.mark.parametrize("excitation", ["zero", "random"])
def test_two_seconds_without_a_bad_number(body_of, name, excitation):
    m = body_of(name).model
    data, rng = mujoco.MjData(m), np.random.default_rng(2)
    data.qpos[:] = body_of(name).standing_qpos
    steps = round(2.0 / m.opt.timestep)
    for _ in range(steps // 5):
        data.ctrl[:] = rng.uniform(0.0, 1.0, m.nu) if excitation == "random" else 0.0
        mujoco.mj_step(m, data, 5)
    # MuJoCo resets the time to zero when it meets a bad number.
    assert data.time == pytest.approx(steps * m.opt.timestep)
    assert np.abs(data.qvel).max() < 100.0


def test_licence_note_is_shown_for_the_arms_only():
    assert [n for n in body_names() if BODIES[n].licence_note] == ["fullbody416"]


def test_hash_is_stable_and_follows_the_physics(legs):
    assert physics_hash(legs.model) == physics_hash(load_body("legs80").model) == legs.description.model_hash
    heavier = legs.model.__copy__()
    heavier.body_mass[legs.model.body("torso").id] *= 1.001
    painted = legs.model.__copy__()
    painted.geom_rgba[:] = 0.5
    assert physics_hash(heavier) != legs.description.model_hash
    assert physics_hash(painted) == legs.description.model_hash


def test_hash_forgives_the_last_bits(legs):
    other = legs.model.__copy__()
    other.body_inertia *= 1.0 + 1e-15
    assert physics_hash(other) == legs.description.model_hash


def test_hashes_of_the_bodies_differ(body_of):
    assert len({body_of(n).description.model_hash for n in PUBLISHED}) == len(PUBLISHED)


def test_composing_is_silent(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load_body("legs80")
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir()), "MuJoCo wrote a log file"
