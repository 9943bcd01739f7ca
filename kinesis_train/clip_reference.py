"""Clips as a provider of references: every member plays one, laid down with a random heading, from a moment that is worth practising."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip_path import turn_by
from kinesis_control.motion.frames import Alignment
from kinesis_control.motion.generator import heading, wrap
from kinesis_control.motion.rotations import multiply, rotate
from kinesis_control.observation import rotation_entries
from kinesis_control.reference import ReferenceWindow
from kinesis_train.clip_sampling import SegmentSampler
from kinesis_train.clips import ClipBank
from kinesis_train.reference import Index, Mask, Reference, Start, Target
from kinesis_train.task import TaskConfig

Array = NDArray[np.float64]
KEPT = ("clip", "tick", "began", "yaw", "place", "anchored")
STEP = 0.005  # share by which the limit moves in a round


@dataclass(frozen=True, kw_only=True)
class ClipTask:
    """How clips are practised.

    Attributes:
        key_error, strict_error: an episode fails when a key body is further than this from its reference [m]: the first at the beginning,
            the second once the clips are mastered.
        tighten_below, loosen_above: failures per second of clip at which the limit moves from the first to the second, and back.
        loose_share, loose_error: share of the members that may stray further, and how far [m]: they practise to come back.
        anchored_share: share of the episodes whose reference follows the body softly, as in the motion node; in the others
            it stays where it was laid down, as the scores ask for.
        from_start: share of the episodes that begin at the start of a clip.
        floor: share of the other starts that are spread evenly over all frames, whatever failed there.
        forget: share of a segment's failure rate that one more pass replaces.
    """

    key_error: float = 0.3
    strict_error: float = 0.15
    tighten_below: float = 0.12
    loosen_above: float = 0.25
    loose_share: float = 0.25
    loose_error: float = 0.4
    anchored_share: float = 0.3
    from_start: float = 0.2
    floor: float = 0.35
    forget: float = 0.1

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("loose_share", "anchored_share", "from_start", "floor", "forget")}
        wrong = {name: value for name, value in shares.items() if not 0.0 <= value <= 1.0}
        wrong |= {name: value for name in ("key_error", "strict_error", "loose_error") if not (value := getattr(self, name)) > 0.0}
        if wrong:
            raise ConfigurationError(f"clip task: got {wrong}, expected shares in 0..1 and positive errors [m]")


class ClipReference(Reference):
    """Members that play clips of a bank.

    Attributes:
        bank: the clips.
        clip, tick: what each member plays, and where it is; shape (n,).
        sampler: says where episodes begin.
        limit: how far a key body may be from its reference now, but for the loose members [m].
    """

    def __init__(self, bank: ClipBank, window: ReferenceWindow, task: ClipTask, rng: np.random.Generator, *, in_order: bool = False) -> None:
        """`in_order`: member i always plays clip i from its start, in place of drawing one."""
        n = window.phase.shape[0]
        if in_order and n != len(bank):
            raise ConfigurationError(f"clips in order: got {n} members for {len(bank)} clips, expected as many")
        self.bank, self.window, self.task, self.rng = bank, window, task, rng
        self.sampler = SegmentSampler(bank.ticks, bank.dt, forget=task.forget)
        self.limit = task.key_error
        self._in_order = in_order
        self.clip, self.tick, self.began = (np.zeros(n, dtype=np.intp) for _ in range(3))
        self.yaw, self.place = np.zeros(n), np.zeros((n, 2))
        self.anchored = np.zeros(n, dtype=bool)
        self._row = np.zeros(n, dtype=np.intp)

    def practise(self, task: TaskConfig) -> None:
        """The task of walking says nothing about clips; see `practise_clips`."""

    def practise_clips(self, task: ClipTask) -> None:
        """Take up another task; running episodes go on under it."""
        self.task = task
        self.sampler.forget = task.forget

    def adapt(self) -> None:
        """Move the limit a little, once a round: closer where little fails, further where much does."""
        task, rate = self.task, self.sampler.mean_rate()
        factor = 1.0 - STEP if rate < task.tighten_below else 1.0 + STEP if rate > task.loosen_above else 1.0
        self.limit = float(np.clip(self.limit * factor, min(task.strict_error, task.key_error), task.key_error))

    def begin(self, which: Index) -> Start:
        k, rng, bank = len(which), self.rng, self.bank
        if self._in_order:
            self.clip[which], self.tick[which] = which, 0
        else:
            self.clip[which], self.tick[which] = self.sampler.draw(k, rng, from_start=self.task.from_start, floor=self.task.floor)
        self.began[which] = self.tick[which]
        self.anchored[which] = rng.random(k) < self.task.anchored_share
        rows = bank.first[self.clip[which]] + self.tick[which]
        lean = bank.frames["root_quaternion"][rows]
        self.yaw[which] = rng.uniform(-np.pi, np.pi, k) - heading(lean)
        root = turn_by(self.yaw[which], bank.frames["root_position"][rows])
        self.place[which] = -root[:, :2]
        root[:, :2] = 0.0
        return Start(
            position=root,
            yaw=self.yaw[which],
            lean=lean,
            velocity=turn_by(self.yaw[which], rotate(lean, bank.frames["root_linear_velocity"][rows])),
            spin=bank.frames["root_angular_velocity"][rows],
            joints=bank.frames["joint_position"][rows],
            joint_velocity=bank.frames["joint_velocity"][rows],
            activation=bank.activation[rows].astype(float),
        )

    def update(self, state: BodyState, dt: float) -> None:
        bank, w = self.bank, self.window
        if dt > 0.0:
            self.tick = np.minimum(self.tick + round(dt / bank.dt), bank.ticks[self.clip])
        self._row = bank.first[self.clip] + self.tick
        if dt > 0.0 and self.anchored.any():
            self._follow(state, dt)
        rows, f = self._row[:, None] + bank.steps, bank.frames
        yaw, place = self.yaw[:, None], self.place[:, None, :]
        w.root_position[...] = turn_by(yaw, f["root_position"][rows])
        w.root_position[..., :2] += place
        turn = np.zeros((len(rows), 1, 4))
        turn[:, 0, 0], turn[:, 0, 3] = np.cos(0.5 * self.yaw), np.sin(0.5 * self.yaw)
        w.root_quaternion[...] = multiply(turn, f["root_quaternion"][rows])
        for name in ("root_linear_velocity", "root_angular_velocity", "joint_position", "joint_velocity", "contact"):
            f[name].take(rows, axis=0, out=getattr(w, name), mode="clip")  # "raise" would buffer; the rows are in range
        w.phase[...] = self.tick / np.maximum(bank.ticks[self.clip], 1)

    def _follow(self, state: BodyState, dt: float) -> None:
        """Draw the anchored references after their bodies; the same as Alignment.follow does for one body."""
        lim, f = Alignment, self.bank.frames
        now = turn_by(self.yaw, f["root_position"][self._row])[:, :2] + self.place
        apart = state.root_position[:, :2] - now
        distance = np.hypot(apart[:, 0], apart[:, 1])
        beyond = np.maximum(distance - lim.max_lead, 0.0) / np.maximum(distance, 1e-9)
        share = np.where(self.anchored, np.maximum(beyond, 1.0 - np.exp(-dt / lim.anchor_time)), 0.0)
        turn = wrap(heading(state.root_quaternion) - heading(f["root_quaternion"][self._row]) - self.yaw)
        turn = np.where(self.anchored, turn - np.clip(turn, -lim.max_turn_lead, lim.max_turn_lead), 0.0)
        # Turned about the reference itself, then moved.
        self.place[:] = turn_by(turn, self.place - now) + now + share[:, None] * apart
        self.yaw += turn

    def target(self) -> Target:
        f, rows, yaw = self.bank.frames, self._row, self.yaw[:, None]
        position = turn_by(yaw, f["key_body_position"][rows])
        position[..., :2] += self.place[:, None, :]
        return Target(
            position=position,
            velocity=turn_by(yaw, self.bank.key_body_velocity[rows]),
            joints=f["joint_position"][rows],
            up=np.stack(rotation_entries(f["root_quaternion"][rows])[2], axis=-1),
            heading=self.yaw + heading(f["root_quaternion"][rows]),
            spin=f["root_angular_velocity"][rows, :2],
            activation=self.bank.activation[rows],
        )

    def key_error(self) -> Array:
        n, task = len(self.clip), self.task
        return np.where(np.arange(n) < round(task.loose_share * n), task.loose_error, self.limit)

    def over(self, age: Index, dt: float) -> Mask:
        return self.tick >= self.bank.ticks[self.clip]

    def learn(self, which: Index, failed: Mask) -> None:
        self.sampler.note(self.clip[which], self.began[which], self.tick[which], failed)

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name).copy() for name in KEPT} | {"sampler": self.sampler.rate.copy(), "limit": self.limit}

    def load(self, state: dict[str, Any]) -> None:
        for name in KEPT:
            getattr(self, name)[:] = state[name]
        self.sampler.rate[:], self.limit = state["sampler"], state["limit"]
        self._row = self.bank.first[self.clip] + self.tick
