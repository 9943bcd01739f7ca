"""Made-up messages of a graph: what the command line reads of them, without ROS."""

from types import SimpleNamespace


def stamp(time_s):
    nanoseconds = round(time_s * 1e9)
    return SimpleNamespace(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def odom(time_s, x, y=0.0, z=0.95, vx=1.0):
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp(time_s)),
        pose=SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=x, y=y, z=z))),
        twist=SimpleNamespace(twist=SimpleNamespace(linear=SimpleNamespace(x=vx, y=0.0))),
    )


def status(node, time_s=0.0, **changes):
    fields = {
        "node": node, "state": 2, "mode": "walk", "body": "legs80", "policy": "", "policy_sha256": "", "clock": "lockstep",
        "ticks": 80, "accepted": 80, "rejected": 0, "last_rejection": "", "fault_names": [], "fault_counts": [],
        "deadline_misses": 0, "rate_hz": 0.0, "latency_p50": 0.0, "latency_p99": 0.0, "latency_max": 0.0,
    }  # fmt: skip
    return SimpleNamespace(**{"header": SimpleNamespace(stamp=stamp(time_s)), **fields, **changes})
