"""MuJoCo's warnings arrive in logging and nowhere else."""

import logging

import mujoco


def test_a_bad_velocity_is_logged_and_no_file_is_written(legs, caplog, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = mujoco.MjData(legs.model)
    data.qpos[:] = legs.standing_qpos
    data.qvel[8] = float("nan")
    with caplog.at_level(logging.WARNING):
        mujoco.mj_step(legs.model, data)
    assert "QVEL at DOF 8" in caplog.text
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
