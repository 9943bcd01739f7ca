"""One run of a robot: starts its processes and the launch file, follows guardian and graph, ends everything vented."""

import argparse
import hashlib
import queue
import select
import shutil
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinesis_msgs.msg import ControlStatus
from std_msgs.msg import String

from kinesis_cli.graph import WATCH, Graph
from kinesis_cli.launcher import Launch, LaunchDescription
from kinesis_cli.launcher.launch import caught_signals
from kinesis_cli.launcher.packages import PACKAGE, share_directory
from kinesis_cli.robot import script_of
from kinesis_cli.robot_parts import RobotFiles, RobotParts, start_dummy, start_emulator
from kinesis_cli.robot_summary import RobotSummary
from kinesis_cli.sim_checks import hold_domain
from kinesis_cli.sim_run import LAST_WORD_S, shortened
from kinesis_cli.sim_summary import write_json
from kinesis_control.drivers.body_file import write_body
from kinesis_control.drivers.codecs.guardian import Request, Role, Status, StopCategory
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import UnavailableError
from kinesis_control.ros.qos import GOAL, LATCHED

FAULT_EXIT = 8
"""Exit code of a run that was not armed, run and disarmed without a fault."""
LOOK_S = 0.05
_LOG_S = 5.0
_REDRAW_S = 0.2


def run_robot(args: argparse.Namespace, policy: Path) -> int:
    """Run until the time is over, the launch ends, or a signal comes.

    Raises:
        UnavailableError: a process did not start, or the domain is in use.
    """
    from kinesis_sim.bodies import load_body

    body = load_body(args.body)
    summary = RobotSummary(body=args.body, driver=args.driver, policy_sha256=hashlib.sha256(policy.read_bytes()).hexdigest())
    with hold_domain(args.namespace), RobotParts() as parts, Graph("robot", args.namespace) as graph, caught_signals() as caught:
        if args.settings is not None:
            files = RobotFiles.beside(args.settings, parts.folder)
        elif args.emulate and args.driver != "dummy":
            files = start_emulator(parts, args.driver, args.body, seed=args.seed, cap=args.cap)
        else:
            files = start_dummy(parts, body)
        write_body(files.body, body.description)
        parts.start_guardian(files)
        parts.start_bus(files)
        description = LaunchDescription.load(share_directory(PACKAGE) / "launch" / "robot.launch.yaml", launch_arguments(args, policy, files))
        session = Session(graph, parts, Launch(description, on_line=lambda label, text: session.lines.put(shortened(label, text))), files, summary)
        session.script = script_of(args.say)
        code = session.run(caught)
        if args.json is not None:
            write_json(args.json, summary.as_dict())
    return code


def launch_arguments(args: argparse.Namespace, policy: Path, files: RobotFiles) -> dict[str, str]:
    """Arguments of launch/robot.launch.yaml; what was not asked for is left to the defaults of the file."""
    given = {
        "settings": str(files.bus.absolute()), "body_file": str(files.body), "policy": str(policy), "namespace": args.namespace, "observer": "true",
        "auto_arm": "true" if args.arm or args.settings is None else "false",
    }  # fmt: skip
    if args.duration is not None:
        given["duration"] = str(args.duration)
    if args.record is not None:
        given["record"] = str(args.record.absolute())
    if args.web is not None:
        given |= {"web": "true", "port": str(args.web), "host": args.web_host}
    return given


class Steps:
    """Listens to the guardian in a thread: some of its steps are over within milliseconds, and all of them are to be shown.

    Attributes:
        told: every status of another state than the one before. lost: why nothing comes any more; empty while it does.
    """

    def __init__(self, socket: Path) -> None:
        self.told: queue.SimpleQueue[Status] = queue.SimpleQueue()
        self.lost = ""
        self._monitor, self._ended = Operator(socket, name="kinesis robot, steps", role=Role.MONITOR), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        state = -1
        while not self._ended:
            try:
                status = self._monitor.poll(0.1)
            except UnavailableError as error:
                self.lost = str(error)
                return
            if status is not None and status.state != state:
                state = status.state
                self.told.put(status)

    def close(self) -> None:
        """Leave."""
        self._ended = True
        self._thread.join(timeout=1.0)
        self._monitor.close()


class Session:
    """Watches one run.

    Attributes:
        lines: what the nodes print. script: what is still to be said, and when.
    """

    def __init__(self, graph: Graph, parts: RobotParts, launch: Launch, files: RobotFiles, summary: RobotSummary) -> None:
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.script: list[tuple[float, str]] = []
        self._graph, self._parts, self._launch, self._summary = graph, parts, launch, summary
        socket = Path(GuardianSettings.read(files.guardian).socket)
        self._guardian, self._steps = Operator(socket, name="kinesis robot"), Steps(socket)
        self._live, self._drawn, self._next_s = sys.stdout.isatty(), False, 0.0
        self._words = graph.node.create_publisher(String, "text_command", GOAL)
        graph.node.create_subscription(ControlStatus, "control_status", summary.on_status, WATCH)
        graph.node.create_subscription(String, "run_summary", lambda message: summary.on_final(message.data), LATCHED)

    def run(self, caught: list[int]) -> int:
        """Until something ends it; the exit code."""
        summary, launch = self._summary, self._launch
        self._print(f"robot over '{summary.driver}', body {summary.body}, {self._graph.place()}\nthe guardian's steps:")
        trouble = ""
        with keys() as pressed:
            try:
                launch.start()
                while launch.poll(0.0) and not caught and not trouble:
                    time.sleep(LOOK_S)
                    trouble = self._look()
                    if "q" in self._obey(pressed()):
                        break
            finally:
                launch.stop()  # the driver node disarms before it ends
                self._graph.wait_until(lambda: bool(summary.final), LAST_WORD_S)
                self._look()
                self._steps.close()
                self._guardian.close()
        if report := launch.failure_report():
            print(report, file=sys.stderr)
        if trouble:
            print(f"{trouble}\n{self._parts.tail(trouble.split(' ended')[0])}", file=sys.stderr)
        self._print(summary.closing())
        if caught:
            return 128 + caught[0]
        return (launch.exit_code or 0) or (0 if summary.good and not trouble else FAULT_EXIT)

    def _look(self) -> str:
        """Take in what has come, say what is due, draw; words when a process of the robot has ended."""
        summary = self._summary
        self._graph.drain()
        while not self._steps.told.empty():
            if line := summary.on_guardian(self._steps.told.get()):
                self._print(line)
        if self._steps.lost:
            return f"guardian ended: {self._steps.lost}"
        while not self.lines.empty():
            self._print(self.lines.get())
        now = time.monotonic()
        summary.watch(now)
        while self.script and summary.active_s >= self.script[0][0] and self._words.get_subscription_count():
            _, text = self.script.pop(0)
            self._words.publish(String(data=text))
            self._print(f'  said: "{text}"')
        if now >= self._next_s:
            self._next_s = now + (_REDRAW_S if self._live else _LOG_S)
            self._draw(summary.line())
        ended = self._parts.ended()
        return f"{ended} ended by itself" if ended else ""

    def _obey(self, pressed: str) -> str:
        """Keys: space stops at once, straight at the guardian."""
        if " " in pressed:
            try:
                self._guardian.ask(Request.ESTOP, StopCategory.VENT)
                self._print("  emergency stop by key")
            except UnavailableError as error:
                self._print(f"  emergency stop by key: {error}")
        return pressed

    def _draw(self, text: str) -> None:
        if self._live:
            sys.stdout.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        else:
            sys.stdout.write(text + "\n")
        sys.stdout.flush()
        self._drawn = self._live

    def _print(self, text: str) -> None:
        if self._drawn:
            sys.stdout.write("\r\x1b[K")
            self._drawn = False
        print(text, flush=True)


@contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """Gives a function that returns what was typed since the last call; nothing where the input is not a terminal."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)

    def pressed() -> str:
        text = ""
        while select.select([sys.stdin], [], [], 0.0)[0] and (letter := sys.stdin.read(1)):
            text += letter
        return text

    try:
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
