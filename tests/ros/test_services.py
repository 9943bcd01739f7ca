"""Stop, reset, arm, pause, step, push and reset of the world, asked for over the graph of a running body."""

import pytest

pytest.importorskip("rclpy")

from kinesis_msgs.msg import ControlStatus as Status
from kinesis_msgs.msg import MuscleCommand
from kinesis_msgs.srv import Push, ResetWorld, SetPause, StepSimulation


class Body:
    """The graph under test, with its services at hand."""

    def __init__(self, graph):
        self.graph, self.probe = graph, graph.probe
        create = self.probe.node.create_client
        self._pause, self._step, self._reset = create(SetPause, "set_pause"), create(StepSimulation, "step_simulation"), create(ResetWorld, "reset_world")
        self._push = self.probe.client(Push, "push")

    def pause(self, paused):
        return self.probe.ask(self._pause, SetPause.Request(paused=paused))

    def step(self, ticks):
        return self.probe.ask(self._step, StepSimulation.Request(ticks=ticks))

    def reset(self, **fields):
        return self.probe.ask(self._reset, ResetWorld.Request(**fields))

    def push(self, x=0.0, duration=0.1, part=""):
        request = Push.Request(body_part=part, duration=duration)
        request.force.x = x
        return self.probe.ask(self._push, request)

    def seq(self):
        return self.probe.last_state().seq

    def wait_seq(self, seq):
        self.probe.wait(lambda: self.seq() >= seq, f"state {seq}")

    def state_at(self, seq):
        return next(s for s in self.probe.states() if s.seq == seq)

    def stand(self):
        """Paused, armed, and on its feet at the start of an episode."""
        self.pause(True)
        self.probe.wait(self._begin, "the body to be armed")  # a sender of a test before may still be on the list of the body's graph
        self.wait_seq(int(self.push().message.rsplit(" ", 1)[1]))  # a push of no force names the present state

    def _begin(self):
        """Whatever the body was doing is over, and a new episode begun; whether it is armed."""
        self.wait_seq(self.step(12).seq)  # a fade comes to its end
        self.probe.trigger("reset_estop")
        assert self.reset().success
        return self.probe.trigger("arm").success


@pytest.fixture(scope="module")
def graph(new_graph, made_up):
    graph = new_graph()
    graph.start(made_up)
    graph.probe.wait(lambda: graph.probe.raw_states, "the first state")
    return graph


@pytest.fixture
def body(graph):
    body = Body(graph)
    body.stand()
    return body


def test_paused_steps_only_on_request_and_exactly_so_far(body):
    seq = body.seq()
    answer = body.step(7)
    assert answer.success and answer.seq == seq + 7
    body.wait_seq(seq + 7)
    body.push()  # an answer of the same queue: whatever was under way before it is done
    assert body.seq() == seq + 7


def test_a_body_that_stands_still_says_the_same_again(body):
    def told():
        return [s for s in list(body.probe.statuses) if s.node == "sim_node"]

    seen = len(told())
    body.probe.wait(lambda: len(told()) >= seen + 3, "signs of life")
    last, again = told()[-2:]
    assert last == again  # by the wall clock, so that it must leave no trace in a recording


def test_wrong_step_requests_are_refused(body):
    assert not body.step(0).success
    assert not body.step(1_000_000).success
    body.pause(False)
    assert "pause" in body.step(1).message


def test_estop_fades_and_latches_until_reset_and_reset_does_not_arm(body):
    probe = body.probe
    body.wait_seq(body.step(5).seq)
    probe.wait_state(Status.ACTIVE)
    assert probe.trigger("estop").success
    body.wait_seq(body.step(4).seq)
    probe.wait_state(Status.FADING)
    body.wait_seq(body.step(8).seq)
    assert probe.wait_state(Status.ESTOPPED).fault_names
    assert not probe.trigger("arm").success
    assert probe.trigger("reset_estop").success
    probe.wait_state(Status.DISARMED)
    first = body.step(20).seq - 19
    body.wait_seq(first + 19)
    # Under zero excitation no activation grows.
    assert max(body.state_at(first + 19).muscle_activations) <= max(body.state_at(first).muscle_activations)
    probe.wait(lambda: {"ESTOP", "NOT_ARMED"} <= probe.faults().keys(), "both faults to be named")


def test_reset_world_puts_pose_velocity_and_activation_back(body):
    start = body.probe.last_state()
    body.wait_seq(body.step(10).seq)
    moved = body.probe.last_state()
    assert max(moved.muscle_activations) > 0.0 and moved.joint_positions != start.joint_positions
    seq = moved.seq
    assert body.reset().success
    body.wait_seq(seq + 1)
    again = body.probe.last_state()
    assert again.episode == moved.episode + 1 and again.seq == seq + 1
    assert again.joint_positions == start.joint_positions
    assert max(map(abs, again.joint_velocities)) == 0.0 and max(again.muscle_activations) == 0.0


def test_reset_world_is_seeded(body):
    def start(seed):
        seq = body.seq()
        assert body.reset(use_seed=True, seed=seed, perturbation=1.0).success
        body.wait_seq(seq + 1)
        return body.probe.last_state().joint_positions.tolist()

    first, other, again = start(3), start(4), start(3)
    assert first == again and first != other


def test_fall_fades_to_nothing_and_reset_world_arms_again(body):
    probe = body.probe
    falls = probe.faults().get("FALLEN", 0)
    body.wait_seq(body.step(100).seq)
    probe.wait_state(Status.FAULT)
    probe.wait(lambda: probe.faults()["FALLEN"] == falls + 1, "the fall to be counted")
    states = [s for s in probe.states() if s.fallen]
    assert max(states[-1].muscle_activations) < 0.02
    assert body.reset().success
    probe.wait_state(Status.ARMED)


def test_push_moves_the_body_and_bad_ones_are_refused(body):
    def sway(force):
        body.stand()
        if force:
            assert body.push(x=force).success
        body.wait_seq(body.step(6).seq)
        return body.probe.last_state().root_pose.position.x

    assert sway(200.0) > sway(0.0) + 0.005
    assert "unknown" in body.push(x=1.0, part="wing").message
    assert not body.push(x=float("nan")).success
    assert not body.push(x=1.0, duration=-1.0).success


def test_words_goals_and_velocities_are_answered(body):
    from geometry_msgs.msg import PoseStamped, TwistStamped
    from std_msgs.msg import String

    from kinesis_control.ros import qos

    probe = body.probe
    text = probe.node.create_publisher(String, "text_command", qos.GOAL)
    goal = probe.node.create_publisher(PoseStamped, "goal_pose", qos.GOAL)
    velocity = probe.node.create_publisher(TwistStamped, "cmd_vel", qos.GOAL)
    probe.wait(lambda: all(p.get_subscription_count() for p in (text, goal, velocity)), "the motion node")

    def answer(publisher, message):
        before = len(probe.replies)
        publisher.publish(message)
        probe.wait(lambda: len(probe.replies) > before, "a reply")
        return probe.replies[-1]

    assert "walking" in answer(text, String(data="walk"))
    assert answer(text, String(data="fly to the moon")).startswith("refused")
    far = PoseStamped()
    far.pose.position.x = 1e6
    assert "refused" in answer(goal, far)
    far.header.frame_id = "moon"
    assert "moon" in answer(goal, far)
    near = PoseStamped()
    near.header.frame_id = "odom"
    near.pose.position.x = 3.0
    assert "3.00" in answer(goal, near)
    fast = TwistStamped()
    fast.twist.linear.x = 99.0
    assert "limited" in answer(velocity, fast)
    fast.twist.linear.x = float("nan")
    assert "refused" in answer(velocity, fast)


def test_a_second_commander_is_refused_counted_and_named(body, legs80):
    from kinesis_control.ros import qos

    probe = body.probe
    publisher = probe.node.create_publisher(MuscleCommand, "muscle_command", qos.LOOP)
    probe.wait(publisher.get_subscription_count, "the body to listen")
    body.wait_seq(body.step(3).seq)
    probe.wait_state(Status.ACTIVE)
    state = probe.last_state()
    intruder = MuscleCommand(header=state.header, seq=state.seq, layout_hash=legs80.muscles.hash, commander="intruder", values=[1.0] * 80)
    intruder.valid_for.sec = 1
    publisher.publish(intruder)

    def refused():
        body.pause(True)  # each answer comes with a status
        return probe.faults().get("SECOND_COMMANDER")

    assert probe.wait(refused, "the refusal") == 1
    last = probe.status().last_rejection
    assert "intruder" in last and "/policy_node" in last
    probe.wait(lambda: "SECOND_COMMANDER" in str(probe.diagnostics.get("sim_node")), "the refusal on /diagnostics")
    probe.wait(lambda: "/policy_node, /probe" in probe.trigger("arm").message, "both senders to be named")
    probe.destroy(publisher)
    before = max(probe.last_state().muscle_activations)
    body.wait_seq(body.step(3).seq)
    assert max(probe.last_state().muscle_activations) < max(0.3, 2.0 * before)


def test_a_second_policy_node_is_refused(body, graph, made_up):
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    probe = body.probe
    process = graph.processes.start("policy", f"policy:='{made_up}'", "layout_timeout_s:=50.0", name="other_policy")
    change = probe.client(ChangeState, "other_policy/change_state", "other_policy")

    def ask(number):
        return probe.ask(change, ChangeState.Request(transition=Transition(id=number))).success

    def told():
        return probe.diagnostics["other_policy"]

    assert ask(Transition.TRANSITION_CONFIGURE)
    probe.wait(lambda: "other_policy" in probe.diagnostics and "'/policy_node'" in str(told().values), "discovery")
    assert not ask(Transition.TRANSITION_ACTIVATE)
    probe.wait(lambda: "refused" in told().message, "the reason")
    assert "commander already: /policy_node" in told().message
    process.terminate()
    assert process.wait(timeout=60.0) == 0
