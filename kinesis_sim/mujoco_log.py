"""Sends MuJoCo's own warnings to logging; left alone, MuJoCo prints them and writes MUJOCO_LOG.TXT into the working folder."""

import logging

import mujoco

_log = logging.getLogger("kinesis_sim.mujoco")
# Said of every model that myo-sim attaches; it concerns saving as XML, which nothing here does.
_CHATTER = ("empty prefix",)


def route_warnings() -> None:
    """Install the handler; calling it again changes nothing."""
    mujoco.set_mju_user_warning(_log_warning)


def _log_warning(message: str) -> None:
    level = logging.DEBUG if any(words in message for words in _CHATTER) else logging.WARNING
    _log.log(level, "MuJoCo: %s", message)
