"""Quaternions in bulk against transforms3d, one by one."""

import numpy as np
import pytest
from transforms3d.quaternions import axangle2quat, qmult, quat2mat, rotate_vector

from kinesis_control.motion import rotations


@pytest.fixture
def some() -> np.ndarray:
    return rotations.normalised(np.random.default_rng(1).normal(size=(2, 20, 4)))


def test_products_and_turned_vectors(some) -> None:
    vectors = np.random.default_rng(2).normal(size=(20, 3))
    products, turned = rotations.multiply(some[0], some[1]), rotations.rotate(some[0], vectors)
    for i in range(20):
        np.testing.assert_allclose(products[i], qmult(some[0, i], some[1, i]), atol=1e-12)
        np.testing.assert_allclose(turned[i], rotate_vector(vectors[i], some[0, i]), atol=1e-12)
    np.testing.assert_allclose(rotations.multiply(some[0], rotations.conjugate(some[0])), np.tile(rotations.IDENTITY, (20, 1)), atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_about_an_axis(axis: int) -> None:
    np.testing.assert_allclose(rotations.about_axis(axis, np.array(0.7)), axangle2quat(np.eye(3)[axis], 0.7), atol=1e-12)


def test_slerp_turns_evenly_the_shorter_way() -> None:
    start, end = rotations.IDENTITY, axangle2quat([0, 0, 1], 1.0)
    for share in (0.0, 0.25, 0.5, 1.0):
        for sign in (1.0, -1.0):
            got = rotations.slerp(start, sign * end, np.array(share))
            np.testing.assert_allclose(quat2mat(got), quat2mat(axangle2quat([0, 0, 1], share)), atol=1e-12)
    np.testing.assert_allclose(rotations.slerp(start, start, np.array(0.3)), start)


def test_angles_between_and_signs(some) -> None:
    turned = rotations.multiply(some[0], rotations.about_axis(1, np.full(20, 0.4)))
    np.testing.assert_allclose(rotations.angle_between(some[0], -turned), 0.4, atol=1e-7)
    flipped = some[0] * np.where(np.arange(20) % 2, -1.0, 1.0)[:, None]
    smooth = rotations.continuous(flipped)
    assert (np.einsum("fi,fi->f", smooth[1:], smooth[:-1]) >= 0.0).all()
    np.testing.assert_allclose(np.abs(np.einsum("fi,fi->f", smooth, flipped)), 1.0)


def test_local_and_back() -> None:
    rng = np.random.default_rng(3)
    parents = np.array([-1, 0, 1, 1, 0])
    place, turn = rng.normal(size=(6, 5, 3)), rotations.normalised(rng.normal(size=(6, 5, 4)))
    position, rotation = rotations.forward_kinematics(parents, place, turn)
    local_place, local_turn = rotations.to_local(parents, position, rotation)
    np.testing.assert_allclose(local_place, place, atol=1e-12)
    np.testing.assert_allclose(np.abs(np.einsum("fji,fji->fj", local_turn, turn)), 1.0, atol=1e-12)
    np.testing.assert_allclose(position[0, 1], place[0, 0] + quat2mat(turn[0, 0]) @ place[0, 1], atol=1e-12)
