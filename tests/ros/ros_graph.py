"""The nodes of a graph as processes of their own, and a probe that listens and asks."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from kinesis_msgs.msg import BodyState, ControlStatus
from rcl_interfaces.srv import ListParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from std_srvs.srv import Trigger

from kinesis_control.ros import qos
from kinesis_control.ros.reporting import MATCHED, OK, diagnostic

ROOT = Path(__file__).resolve().parents[2]
PATH = f"{ROOT}:{Path(__file__).parent}"
PATIENCE_S = 120.0
MODULES = {
    "sim": "kinesis_sim.nodes.sim_node",
    "policy": "kinesis_control.nodes.policy_node",
    "motion": "kinesis_control.nodes.motion_node",
    "supervisor": "kinesis_control.nodes.supervisor_node",
}


def _takes_signals(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a node is so far that a signal ends it in order, or has ended: Python alone does not catch SIGTERM, every node does."""
    if process.poll() is not None:
        return True
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


class Processes:
    """Starts nodes in one domain and leaves none behind."""

    def __init__(self, domain: int, folder: Path) -> None:
        self.domain, self._folder = domain, folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str, *parameters: str, name: str = "") -> "subprocess.Popen[bytes]":
        """Start a node with parameters "name:=value"; `name` renames it."""
        words = [word for p in parameters for word in ("-p", p)] + (["-r", f"__node:={name}"] if name else [])
        environment = {**os.environ, "PYTHONPATH": PATH, "ROS_DOMAIN_ID": str(self.domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        environment["PYTHONFAULTHANDLER"] = "1"
        command = [sys.executable, "-m", MODULES[role], "--ros-args", *words]
        with self.log_path(name or role).open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.running[name or role] = process
        return process

    def log_path(self, role: str) -> Path:
        return self._folder / f"{role}.log"

    def log(self, role: str) -> str:
        """What a node has printed so far."""
        return self.log_path(role).read_text(errors="replace")

    def wait(self, role: str) -> int:
        """Exit code of a node that is about to end by itself."""
        return self.running[role].wait(timeout=PATIENCE_S)

    def _ended(self, role: str, process: "subprocess.Popen[bytes]") -> int:
        """Exit code of a node that was told to end; one that does not shows where it stands."""
        try:
            return process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # Python writes the stacks of all its threads
            process.wait(timeout=PATIENCE_S)
            raise AssertionError(f"'{role}' does not end:\n{self.log(role)[-6000:]}") from None

    def require_alive(self) -> None:
        for role, process in self.running.items():
            if process.poll() not in (None, 0, -signal.SIGKILL):
                raise AssertionError(f"'{role}' ended with {process.returncode}:\n{self.log(role)}")

    def end(self) -> dict[str, int]:
        """Interrupt whatever runs; exit codes by role."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(_takes_signals(process) for process in self.running.values()) and time.monotonic() < deadline:
            time.sleep(0.02)  # one that is still being imported would end with a traceback
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        try:
            return {role: self._ended(role, process) for role, process in self.running.items()}
        finally:
            for process in self.running.values():
                process.kill()
                process.wait()


class Probe:
    """A node that keeps what it hears, served by a thread."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=processes.domain)
        self.node = rclpy.create_node("probe", context=self._context)
        self.raw_states: list[bytes] = []
        self.statuses: list[ControlStatus] = []
        self.replies: list[str] = []
        self.summaries: list[str] = []
        self.diagnostics: dict[str, Any] = {}
        listen = self.node.create_subscription
        # Whatever happens on a busy machine, a test sees every status: some compare the whole row of them.
        every = QoSProfile(depth=2000, reliability=ReliabilityPolicy.RELIABLE)
        listen(ControlStatus, "control_status", self.statuses.append, every)
        listen(String, "text_reply", lambda m: self.replies.append(m.data), qos.GOAL)
        listen(String, "run_summary", lambda m: self.summaries.append(m.data), qos.LATCHED)
        listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATUS)
        self.clients = {name: self.node.create_client(Trigger, name) for name in ("estop", "reset_estop", "arm", "disarm")}
        # The last one, as with a recorder: whoever sees this one knows the others.
        listen(BodyState, "body_state", self.raw_states.append, qos.LOOP, raw=True)
        self._says = self.node.create_publisher(DiagnosticArray, "/diagnostics", qos.STATUS)
        self.node.create_timer(0.05, self._say_whether_all_is_heard)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def _say_whether_all_is_heard(self) -> None:
        """As the recorder does: what is sent before a reader has found its sender is lost to it. Simulator, motion and policy send statuses."""
        least = {"control_status": 3, "text_reply": 1, "run_summary": 1, "body_state": 1}
        heard = all(s.get_publisher_count() >= least.get(s.topic_name.rsplit("/", 1)[-1], 0) for s in self.node.subscriptions)
        self._says.publish(DiagnosticArray(status=[diagnostic("probe", OK, "", {MATCHED + "body_state": str(int(heard))})]))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics.update({entry.name: entry for entry in message.status})

    def states(self) -> list[BodyState]:
        return [deserialize_message(raw, BodyState) for raw in list(self.raw_states)]

    def last_state(self) -> BodyState:
        return deserialize_message(self.raw_states[-1], BodyState)

    def status(self, node: str = "sim_node") -> ControlStatus | None:
        """The last status of a node."""
        return next((s for s in reversed(list(self.statuses)) if s.node == node), None)

    def faults(self, node: str = "sim_node") -> dict[str, int]:
        status = self.status(node)
        return {} if status is None else dict(zip(status.fault_names, status.fault_counts, strict=True))

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until the condition gives something true, and return that."""
        deadline = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            self._processes.require_alive()
            assert self._thread.is_alive(), "the probe listens no more"
            assert time.monotonic() < deadline, f"waited too long for {what}"
            time.sleep(0.005)
        return value

    def wait_state(self, state: int) -> ControlStatus:
        """Wait until the body's edge says that it is in an arming state, in which it stays."""
        return self.wait(lambda: s if (s := self.status()) is not None and s.state == state else None, f"state {state}, last {self.status()}")

    def wait_until_was(self, state: int) -> None:
        """Wait until the body's edge has ever said that it is in an arming state: one that falls does not stay in it."""
        self.wait(lambda: any(s.node == "sim_node" and s.state == state for s in list(self.statuses)), f"state {state}, last {self.status()}")

    def client(self, kind: Any, name: str, node: str = "sim_node") -> Any:
        """A client that a node knows: one that answers to a client made later has heard of this one, and its answers arrive."""
        client, later = self.node.create_client(kind, name), self.node.create_client(ListParameters, f"{node}/list_parameters")
        self.wait(later.service_is_ready, later.srv_name)
        futures: list[Any] = []
        due = 0.0

        def answered() -> bool:
            nonlocal due
            if time.monotonic() > due:  # the answer itself may be lost
                futures.append(later.call_async(ListParameters.Request()))
                due = time.monotonic() + 2.0
            return any(future.done() for future in futures)

        self.wait(answered, f"an answer of {later.srv_name}")
        return client

    def ask(self, client: Any, request: Any) -> Any:
        """The answer of a service."""
        self.wait(client.service_is_ready, client.srv_name)
        future = client.call_async(request)
        self.wait(future.done, f"an answer of {client.srv_name}")
        return future.result()

    def destroy(self, publisher: Any) -> None:
        """In the thread that serves the node: one that is gone while it looks through everything would end it."""
        self.wait(self._executor.create_task(self.node.destroy_publisher, publisher).done, "the publisher to be gone")

    def trigger(self, name: str) -> Any:
        """Answer of estop, reset_estop, arm or disarm."""
        return self.ask(self.clients[name], Trigger.Request())

    def close(self) -> None:
        if self._context.ok():
            self._executor.shutdown()
            self._thread.join(timeout=60.0)
            self.node.destroy_node()
            rclpy.shutdown(context=self._context)


class Graph:
    """Processes and a probe that the supervisor waits for as it waits for a recorder: nothing is missed."""

    def __init__(self, domain: int, folder: Path) -> None:
        self.processes = Processes(domain, folder)
        self.probe = Probe(self.processes)

    def start(self, policy: Path, *, sim: tuple[str, ...] = (), motion: tuple[str, ...] = (), clock: str = "lockstep", auto_arm: bool = True) -> None:
        """Start the four nodes; what is not about deadlines does not fail because of one."""
        common = f"policy:='{policy}'"
        self.processes.start("sim", common, f"clock:={clock}", "answer_timeout_s:=60.0", *sim)
        self.processes.start("policy", common, f"clock:={clock}", "layout_timeout_s:=50.0")
        self.processes.start("motion", common, *motion)
        self.processes.start("supervisor", f"auto_arm:={str(auto_arm).lower()}", "expect_recorder:=true", "recorder_name:=probe", "startup_timeout_s:=110.0")

    def close(self) -> dict[str, int]:
        try:
            return self.processes.end()
        finally:
            self.probe.close()
