"""kinesis_control/observation.py: the same bits alone and in a batch, the right numbers, and clear refusals."""

import numpy as np
import pytest

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import ObservationTerm
from kinesis_control.errors import LayoutError, UnknownNameError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.observation import TERMS, ObservationBuilder, rotation_entries, term_size
from kinesis_control.reference import ReferenceWindow

BODY = BodyDescription(
    name="tiny", muscles=MuscleLayout(names=("a", "b", "c")), joint_names=("hip", "knee"), contact_names=("heel", "toe"),
    key_body_names=("root",), model_hash="0", mass=70.0, standing_height=0.9,
)  # fmt: skip
OFFSETS = np.array([0.025, 0.1, 0.3])


def every_term() -> list[ObservationTerm]:
    return [ObservationTerm(name=n, size=term_size(n, BODY, len(OFFSETS)), scale=0.5) for n in TERMS]


def random_scene(rng: np.random.Generator, n: int) -> tuple[BodyState, ReferenceWindow, np.ndarray]:
    state, window = BodyState.zeros(BODY, (n,)), ReferenceWindow.zeros(BODY, OFFSETS, (n,))
    for source in (state.arrays().values(), (v for k, v in vars(window).items() if isinstance(v, np.ndarray) and k != "time_offsets")):
        for array in source:
            array[...] = rng.standard_normal(array.shape)
    for q in (state.root_quaternion, window.root_quaternion):
        q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return state, window, rng.standard_normal((n, 3))


def member(state: BodyState, window: ReferenceWindow, i: int) -> tuple[BodyState, ReferenceWindow]:
    single = BodyState.zeros(BODY)
    for name, array in single.arrays().items():
        array[...] = getattr(state, name)[i]
    alone = ReferenceWindow.zeros(BODY, OFFSETS)
    for name, value in vars(alone).items():
        if isinstance(value, np.ndarray) and name != "time_offsets":
            value[...] = getattr(window, name)[i]
    return single, alone


@pytest.mark.parametrize("n", [1, 3, 64])
def test_batch_and_single_give_the_same_bits(n: int) -> None:
    state, window, previous = random_scene(np.random.default_rng(n), n)
    builder = ObservationBuilder(every_term(), BODY, len(OFFSETS))
    batch = builder.build(state, window, previous, np.zeros((n, builder.size), np.float32))
    for i in range(n):
        single, alone = member(state, window, i)
        row = builder.build(single, alone, previous[i], np.zeros(builder.size, np.float32))
        assert row.tobytes() == batch[i].tobytes()


def test_every_term_has_the_size_it_claims() -> None:
    builder = ObservationBuilder(every_term(), BODY, len(OFFSETS))
    out = np.full(builder.size, np.nan, np.float32)
    state, window, previous = random_scene(np.random.default_rng(0), 1)
    builder.build(*member(state, window, 0), previous[0], out)
    assert np.isfinite(out).all()
    assert builder.size == sum(s.stop - s.start for s in builder.slices.values())


def test_position_error_is_seen_from_the_heading() -> None:
    state, window = BodyState.zeros(BODY), ReferenceWindow.zeros(BODY, OFFSETS)
    state.root_quaternion[:] = np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)  # facing +y
    window.root_position[:] = (0.0, 2.0, 0.1)
    builder = ObservationBuilder([ObservationTerm(name="reference_root_position_error", size=9)], BODY, len(OFFSETS))
    out = builder.build(state, window, np.zeros(3), np.zeros(9, np.float32)).reshape(3, 3)
    np.testing.assert_allclose(out, np.tile([2.0, 0.0, 0.1], (3, 1)), atol=1e-6)


def test_no_rotation_error_on_the_reference() -> None:
    rng = np.random.default_rng(1)
    state, window, _ = random_scene(rng, 5)
    window.root_quaternion[:] = state.root_quaternion[:, None, :]
    builder = ObservationBuilder([ObservationTerm(name="reference_root_rotation_error", size=18)], BODY, len(OFFSETS))
    out = builder.build(state, window, np.zeros((5, 3)), np.zeros((5, 18), np.float32))
    np.testing.assert_allclose(out, np.tile([1, 0, 0, 0, 0, 1], (5, 3)), atol=1e-6)


def test_rotation_entries_rotate_like_transforms3d() -> None:
    quaternions = pytest.importorskip("transforms3d.quaternions", reason="transforms3d is the rotation library we compare with")
    q = np.random.default_rng(2).standard_normal(4)
    q /= np.linalg.norm(q)
    np.testing.assert_allclose(np.array(rotation_entries(q)), quaternions.quat2mat(q), atol=1e-12)


def test_unknown_term_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="root_height"):
        term_size("root_hight", BODY, 3)


def test_wrong_size_is_refused_with_both_numbers() -> None:
    with pytest.raises(LayoutError, match=r"size 4.*gives 2"):
        ObservationBuilder([ObservationTerm(name="joint_position", size=4)], BODY, 3)
