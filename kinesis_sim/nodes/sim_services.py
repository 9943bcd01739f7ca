"""The services of the simulated body: stop and arm, pause, step, reset, push."""

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import Vector3
from kinesis_msgs.msg import AppliedPush
from kinesis_msgs.srv import Push, ResetWorld, SetPause, StepSimulation
from rclpy.node import Node
from std_srvs.srv import Trigger

from kinesis_control.errors import KinesisError
from kinesis_control.ros import qos
from kinesis_control.ros.convert import ODOM, set_time
from kinesis_control.ros.reporting import names_of
from kinesis_control.safety.arming import Answer
from kinesis_sim.session import Session


class SimServices:
    """Answers requests out of a session; `changed` is called after each one, to go on and to report."""

    def __init__(self, node: Node, session: Session, now_s: Callable[[], float], changed: Callable[[str], None]) -> None:
        """`now_s` gives the simulated time of this moment [s]."""
        self._node, self._session, self._changed = node, session, changed
        gate = session.gate
        for name, request in (("estop", gate.estop), ("reset_estop", gate.reset), ("arm", self._arm), ("disarm", gate.disarm)):
            node.create_service(Trigger, name, self._trigger(name, request, now_s))
        node.create_service(SetPause, "set_pause", self._set_pause)
        node.create_service(ResetWorld, "reset_world", self._reset)
        node.create_service(StepSimulation, "step_simulation", self._step)
        node.create_service(Push, "push", self._push)
        self._pushes = node.create_publisher(AppliedPush, "applied_push", qos.ACTIVITY)

    def _trigger(self, name: str, ask: Callable[[float], Answer], now_s: Callable[[], float]) -> Callable[[Any, Any], Any]:
        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            return self._reply(name, ask(now_s()), response)

        return serve

    def _arm(self, now_s: float) -> Answer:
        """Arm, unless it is open whose commands would come first."""
        senders = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name("muscle_command"))
        if len(senders) > 1:
            return Answer(False, f"'muscle_command' has {len(senders)} senders: {names_of(senders)}; a body takes one at a time")
        return self._session.gate.arm(now_s)

    def _set_pause(self, request: SetPause.Request, response: SetPause.Response) -> SetPause.Response:
        self._session.paused = bool(request.paused)
        return self._reply("set_pause", Answer(True, "paused" if request.paused else "running"), response)

    def _reset(self, request: ResetWorld.Request, response: ResetWorld.Response) -> ResetWorld.Response:
        seed = int(request.seed) if request.use_seed else None
        return self._reply("reset_world", self._session.reset(seed, float(request.perturbation)), response)

    def _step(self, request: StepSimulation.Request, response: StepSimulation.Response) -> StepSimulation.Response:
        answer = self._session.request_steps(int(request.ticks))
        response.seq = self._session.steps_to
        return self._reply("step_simulation", answer, response)

    def _push(self, request: Push.Request, response: Push.Response) -> Push.Response:
        world, duration = self._session.world, float(request.duration)
        part = request.body_part or world.body.entry.trunk
        try:
            x, y, z = world.push(np.array([request.force.x, request.force.y, request.force.z]), duration, part).tolist()
        except KinesisError as error:
            return self._reply("push", Answer(False, str(error)), response)
        applied = AppliedPush(body_part=part, force=Vector3(x=x, y=y, z=z), duration=duration)
        applied.header.frame_id = ODOM
        set_time(applied.header.stamp, self._session.state.stamp_ns)
        self._pushes.publish(applied)
        return self._reply("push", Answer(True, f"pushing for {request.duration:g} s from state {self._session.state.seq}"), response)

    def _reply(self, name: str, answer: Answer, response: Any) -> Any:
        response.success, response.message = answer
        self._node.get_logger().info(f"{name}: {answer.message}")
        self._changed(name)
        return response
