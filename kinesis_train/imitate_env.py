"""One batch for clips and commands: most members imitate clips, the others stand and walk under commands as before."""

from dataclasses import replace

from kinesis_control.errors import ConfigurationError
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body
from kinesis_train.clip_reference import ClipReference, ClipTask
from kinesis_train.clips import ClipBank
from kinesis_train.disturbance import Disturbance
from kinesis_train.env import EnvConfig, TrackingEnv
from kinesis_train.reference import Mixture, Reference
from kinesis_train.task import CommandSampler
from kinesis_train.walk_reference import WalkReference

NEVER = 1e9


class ImitationEnv(TrackingEnv):
    """Members with commands first, members with clips after them.

    Attributes:
        walk: the generator's part, None where every member plays clips.
        clips: the part that plays clips.
    """

    walk: WalkReference | None
    clips: ClipReference

    def __init__(self, body: Body, config: EnvConfig, seed: int, bank: ClipBank, task: ClipTask, *, generator_share: float, timing: float = 0.0) -> None:
        """`generator_share`: share of the members that follow commands; `timing`: level of the prior of usual muscle timing.

        Raises:
            ConfigurationError: the share leaves no member for clips.
        """
        walkers = round(generator_share * config.envs)
        if not 0 <= walkers < config.envs:
            raise ConfigurationError(f"generator share: got {generator_share:g} of {config.envs} members, expected 0..1 with at least one left for clips")

        def provide(env: TrackingEnv, window: ReferenceWindow) -> Reference:
            def walk(part: ReferenceWindow) -> Reference:
                self.walk = WalkReference(body, part, config.task, env.rng, timing)
                return self.walk

            def play(part: ReferenceWindow) -> Reference:
                self.clips = ClipReference(bank, part, task, env.rng)
                return self.clips

            return Mixture(window, env.state, ([(walkers, walk)] if walkers else []) + [(config.envs - walkers, play)])

        self.walk = None
        super().__init__(body, config, seed, provide)

    @property
    def commands(self) -> CommandSampler | None:
        """What the members with commands are asked for."""
        return self.walk.commands if self.walk is not None else None


def scoring_env(body: Body, config: EnvConfig, bank: ClipBank) -> TrackingEnv:
    """Every clip of a bank once, from its start, on the reference and in its world: nothing disturbs, and only a fall or the clip's end ends it."""
    task = replace(config.task, excitation_noise=0.0, push_interval=NEVER, start_noise=0.0)
    alone = ClipTask(key_error=NEVER, loose_error=NEVER, anchored_share=0.0)

    def provide(env: TrackingEnv, window: ReferenceWindow) -> Reference:
        return ClipReference(bank, window, alone, env.rng, in_order=True)

    return TrackingEnv(body, replace(config, envs=len(bank), task=task, disturbance=Disturbance()), 0, provide)
