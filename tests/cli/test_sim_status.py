"""The status line on a terminal and in a log file."""

import io

from made_up_messages import odom, status

from kinesis_cli.sim_status import LOG_S, StatusLine, line
from kinesis_cli.sim_summary import RunSummary


class Terminal(io.StringIO):
    def isatty(self):
        return True


def running():
    summary = RunSummary(body="legs80", seed=0, policy_sha256="")
    summary.on_odom(odom(0.0, 0.0), wall_s=10.0)
    summary.on_odom(odom(2.0, 2.0, z=0.91, vx=1.25), wall_s=11.0)
    summary.on_status(status("sim_node", deadline_misses=4, rate_hz=39.9, fault_names=["STALE_COMMAND"], fault_counts=[3]))
    return summary


def test_the_line_shows_what_matters():
    text = line(running())
    for part in ("t    2.00 s", "active", "walk", "1.25 m/s", "height 0.91 m", "x2.0 real time", "39.9 Hz", "misses 4", "STALE_COMMAND x3"):
        assert part in text, text


def test_before_anything_came():
    assert "waiting" in line(RunSummary(body="legs80", seed=0, policy_sha256=""))


def test_a_terminal_is_redrawn_in_place():
    out = Terminal()
    drawn = StatusLine(out)
    drawn.update(running(), now_s=1.0)
    drawn.update(running(), now_s=1.01)
    assert out.getvalue().count("height") == 1 and "\n" not in out.getvalue()
    drawn.write("[sim_node-1] hello")
    assert out.getvalue().endswith("\r\x1b[K[sim_node-1] hello\n")


def test_a_file_gets_a_line_now_and_then():
    out = io.StringIO()
    drawn = StatusLine(out)
    for tick in range(int(LOG_S * 20) + 2):
        drawn.update(running(), now_s=1.0 + tick / 20)
    assert out.getvalue().count("\n") == 2 and "\x1b" not in out.getvalue()
