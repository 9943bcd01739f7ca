"""What `kinesis train` is told reaches the run."""

import argparse

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from kinesis_cli import train
from kinesis_train.imitate_plan import ImitationTraining
from kinesis_train.walk import WalkTraining


def parse(*words):
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    return parser.parse_args(["train", *words])


@pytest.mark.parametrize(("words", "kind"), [(["walk"], WalkTraining), (["imitate", "clips.h5"], ImitationTraining)])
def test_every_option_reaches_the_run(words, kind):
    options = ["-o", "runs/x", "--body", "legs_abs86", "--steps", "5000", "--seed", "7", "--threads", "1", "--exploration", "lattice", "--one-pass"]
    options += ["--outputs", "residual", "--vary", "1", "--envs", "96", "--physics", "warp"]
    run = train.asked(kind(), parse(*words, *options))
    assert (run.body, run.steps, run.seed, run.threads, run.action) == ("legs_abs86", 5000, 7, 1, "residual")
    assert (run.ppo.exploration, run.ppo.epochs) == ("lattice", 1)
    assert run.env.disturbance.noise.any and run.env.disturbance.delay_s[1] > 0.0
    assert (run.env.envs, run.env.physics, run.env.reward) == (96, "warp", kind().env.reward)


@pytest.mark.parametrize(("words", "kind"), [(["walk"], WalkTraining), (["imitate", "clips.h5"], ImitationTraining)])
def test_without_options_it_is_the_usual_run(words, kind):
    assert train.asked(kind(), parse(*words, "-o", "runs/x")) == kind()
