"""One simulated run: starts the launch file, watches the graph, draws the status line, sums up."""

import hashlib
import queue
import re
import sys
import time
from pathlib import Path

from kinesis_msgs.msg import ControlStatus
from nav_msgs.msg import Odometry
from std_msgs.msg import String

from kinesis_cli.graph import LATEST, WATCH, Graph
from kinesis_cli.launcher import Launch, LaunchDescription
from kinesis_cli.launcher.launch import caught_signals
from kinesis_cli.launcher.packages import PACKAGE, share_directory
from kinesis_cli.sim_checks import hold_domain
from kinesis_cli.sim_status import StatusLine
from kinesis_cli.sim_summary import RunSummary, write_json
from kinesis_control.errors import UnavailableError
from kinesis_control.ros.qos import LATCHED

LOOK_AROUND_S = 0.4
"""How long is looked for a simulator that is already there [s]. Mostly this is enough; the run goes on looking."""

LOOK_S = 0.1
"""Time between two looks at nodes and messages [s]: the processor belongs to the loop that is looked at."""

LAST_WORD_S = 1.0
"""How long the account of a run that has ended is waited for [s]; mostly it is here at once."""

STARTING_S = 3.0
"""How long a young run gives way to a body that it discovers late [s]. An older one does not: it was there first."""


def run_simulation(arguments: dict[str, str], json_path: Path | None) -> int:
    """Run until the launch ends or a signal comes; the exit code of the launch, or 128 + signal.

    Args:
        arguments: of launch/sim.launch.yaml.
        json_path: file for the summary, or None.

    Raises:
        UnavailableError: another simulator is in the domain, or the summary cannot be written.
    """
    digest = hashlib.sha256(Path(arguments["policy"]).read_bytes()).hexdigest()
    summary = RunSummary(body=arguments["body"], seed=int(arguments["seed"]), policy_sha256=digest)
    description = LaunchDescription.load(share_directory(PACKAGE) / "launch" / "sim.launch.yaml", arguments)
    namespace = arguments["namespace"]
    with hold_domain(namespace), Graph("sim", namespace) as graph, caught_signals() as caught:
        watch(graph, summary)
        _require_bodies(graph, 0, LOOK_AROUND_S)
        return _run(description, graph, summary, caught, json_path)


def watch(graph: Graph, summary: RunSummary) -> None:
    """Feed the summary from the graph."""
    graph.node.create_subscription(Odometry, "odom", lambda message: summary.on_odom(message, time.monotonic()), LATEST)
    graph.node.create_subscription(ControlStatus, "control_status", summary.on_status, WATCH)
    graph.node.create_subscription(String, "run_summary", lambda message: summary.on_final(message.data), LATCHED)


def _run(description: LaunchDescription, graph: Graph, summary: RunSummary, caught: list[int], json_path: Path | None) -> int:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    launch = Launch(description, on_line=lambda label, text: lines.put(shortened(label, text)))
    status = StatusLine(sys.stdout)
    status.write(greeting(summary.body, graph))
    try:
        launch.start()
        begun = time.monotonic()
        while launch.poll(0.0) and not caught:
            time.sleep(LOOK_S)
            graph.drain()
            if time.monotonic() - begun < STARTING_S:
                _require_bodies(graph, 1)
            _flush(lines, status)
            status.update(summary, time.monotonic())
    finally:
        launch.stop()
        # The simulator's own account; where nothing was simulated there is none.
        graph.wait_until(lambda: bool(summary.final), LAST_WORD_S if not launch.exit_code else 0.1)
        _flush(lines, status)
        status.clear()
    if report := launch.failure_report():
        print(report, file=sys.stderr)
    print(closing(summary))
    if json_path is not None:
        write_json(json_path, summary.as_dict())
    if caught:
        return 128 + caught[0]
    if not launch.exit_code and summary.start_s is None and not summary.final.get("ticks"):
        ended = f" ({launch.ended_by.label} ended first)" if launch.ended_by else ""
        raise UnavailableError(f"the graph ended before the body moved{ended}; its last lines are above")
    return launch.exit_code or 0


def _require_bodies(graph: Graph, most: int, timeout_s: float = 0.0) -> None:
    """Refuse to go on beside another simulation, which two policies would then command.

    Raises:
        UnavailableError: more than `most` bodies are published, or become so within the time.
    """
    if graph.wait_until(lambda: graph.node.count_publishers("body_state") > most, timeout_s):
        raise UnavailableError(
            f"another body is already published {graph.place()}: end that simulation, or give this one a ROS_DOMAIN_ID or a --namespace of its own"
        )


def _flush(lines: "queue.SimpleQueue[str]", status: StatusLine) -> None:
    while not lines.empty():
        status.write(lines.get())


def shortened(label: str, text: str) -> str:
    """A line of a node without what a person at a terminal does not need: time stamp, number, and the level of plain news."""
    found = re.fullmatch(r"\[(\w+)\] \[[\d.]+\] \[([^\]]*)\]: (.*)", text)
    if not found:
        return f"{label}: {text}"
    level, node, news = found.groups()
    return f"{node}: {news}" if level == "INFO" else f"{node}: {level}: {news}"


def greeting(body: str, graph: Graph) -> str:
    """First lines of a run: what comes, and how to talk to it."""
    return (
        f"body {body} {graph.place()}\n"
        'talk to it in another terminal:  ./kinesis say "walk" | ./kinesis say "stop" | ./kinesis goto 2 0 | ./kinesis status\n'
        "Ctrl-C ends it"
    )


def closing(summary: RunSummary) -> str:
    """Last line of a run."""
    result = summary.as_dict()
    fall = f"fell at {result['fall_time']:.2f} s" if result["fell"] else "did not fall"
    return (
        f"{result['seconds_simulated']:.2f} s simulated in {result['wall_seconds']:.2f} s ({result['real_time_factor']:.1f}x real time), "
        f"{result['distance_m']:.2f} m at {result['mean_speed']:.2f} m/s, {fall}, {result['ticks']} ticks, {result['deadline_misses']} missed"
    )
