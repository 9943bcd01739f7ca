"""Which topics of a recording belong together: a graph is a body and what surrounds it, in one namespace."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kinesis_control.evaluate.bag import BagTopic

BODY_STATE = "kinesis_msgs/msg/BodyState"
COMMAND = "kinesis_msgs/msg/MuscleCommand"
REFERENCE = "kinesis_msgs/msg/ReferenceWindow"
LAYOUT = "kinesis_msgs/msg/MuscleLayout"
STATUS = "kinesis_msgs/msg/ControlStatus"
ACTIVITY = "kinesis_msgs/msg/Activity"
PUSH = "kinesis_msgs/msg/AppliedPush"
ODOMETRY = "nav_msgs/msg/Odometry"
POLYGON = "geometry_msgs/msg/PolygonStamped"

# In these types a stamp stands at a fixed place after the four bytes of encapsulation.
_HEADER_FIRST = {
    BODY_STATE: 4, COMMAND: 4, REFERENCE: 4, LAYOUT: 4, STATUS: 4, "sensor_msgs/msg/JointState": 4, ODOMETRY: 4,
    "geometry_msgs/msg/TwistStamped": 4, "geometry_msgs/msg/PoseStamped": 4, "rosgraph_msgs/msg/Clock": 4, "tf2_msgs/msg/TFMessage": 8,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Topic names by their part in the loop; empty where there is none.

    Attributes:
        namespace: "" for the root.
        others: further topics whose times are looked at.
        stamp_offsets: topic -> where its stamp stands in a message [bytes].
    """

    namespace: str
    state: str = ""
    command: str = ""
    reference: str = ""
    layout: str = ""
    status: str = ""
    activity: str = ""
    push: str = ""
    velocity: str = ""
    goal: str = ""
    text: str = ""
    reply: str = ""
    ball: str = ""
    keeper: str = ""
    goal_frame: str = ""
    others: tuple[str, ...] = ()
    stamp_offsets: Mapping[str, int] = field(default_factory=dict)

    @property
    def all_topics(self) -> tuple[str, ...]:
        """Every topic that is read."""
        loop = (self.state, self.command, self.reference, self.layout, self.status)
        asked = (self.activity, self.velocity, self.goal, self.text, self.reply)
        return tuple(t for t in (*loop, *asked, self.push, self.ball, self.keeper, self.goal_frame, *self.others) if t)


def graphs_of(topics: Mapping[str, BagTopic]) -> list[Graph]:
    """One graph for each topic of body states, in the order of their names.

    Topics are told by their types, so that a remapped name is found; what several topics of a namespace could be (two
    TwistStamped, for example) is told by the usual name.
    """
    states = sorted((name for name, info in topics.items() if info.type_name == BODY_STATE), key=lambda name: name.rpartition("/"))
    return [_graph(state, topics, only=len(states) == 1) for state in states]


def _graph(state: str, topics: Mapping[str, BagTopic], *, only: bool) -> Graph:
    namespace = state.rpartition("/")[0]

    def find(type_name: str, usual: str, *, exact: bool = False) -> str:
        alike = sorted(name for name, info in topics.items() if info.type_name == type_name)
        here = [name for name in alike if name.rpartition("/")[0] == namespace] or (alike if only else [])
        named = [name for name in here if name.rpartition("/")[2] == usual]
        return next(iter(named or ([] if exact else here)), "")

    known = {
        "state": state,
        "command": find(COMMAND, "muscle_command"),
        "reference": find(REFERENCE, "reference"),
        "layout": find(LAYOUT, "muscle_layout"),
        "status": find(STATUS, "control_status"),
        "activity": find(ACTIVITY, "activity"),
        "push": find(PUSH, "applied_push"),
        "velocity": find("geometry_msgs/msg/TwistStamped", "cmd_vel"),
        "goal": find("geometry_msgs/msg/PoseStamped", "goal_pose"),
        "text": find("std_msgs/msg/String", "text_command", exact=True),
        "reply": find("std_msgs/msg/String", "text_reply", exact=True),
        "ball": find(ODOMETRY, "ball", exact=True),
        "keeper": find(ODOMETRY, "keeper", exact=True),
        "goal_frame": find(POLYGON, "goal_frame", exact=True),
    }
    offsets = {name: _HEADER_FIRST[info.type_name] for name, info in topics.items() if info.type_name in _HEADER_FIRST}
    mine = {name for name in offsets if only or name.rpartition("/")[0] in (namespace, "")}
    return Graph(namespace=namespace, others=tuple(sorted(mine - set(known.values()))), stamp_offsets=offsets, **known)


def missing_topics(graph: Graph) -> Mapping[str, str]:
    """Topics of the control loop that the recording lacks, and what cannot be said without them."""
    table = {
        "muscle_command": (graph.command, "excitations, effort, latency of commands"),
        "reference": (graph.reference, "imitation and errors against the reference"),
        "control_status": (graph.status, "policy, faults, stops, deadline misses"),
        "activity": (graph.activity, "goals sent by an action, and whether a goal was called off"),
        "muscle_layout": (graph.layout, "names of muscles and joints, unless the body is known by its hash"),
    }
    return {name: lost for name, (topic, lost) in table.items() if not topic}
