"""What every page is told several times a second about the graph."""

from typing import Any

from kinesis_sim.nodes.viewer_graph import ViewerGraph
from kinesis_sim.viewer.status import edge_status


def status_of(graph: ViewerGraph, problem: str, recording: dict[str, Any]) -> dict[str, Any]:
    """The report of a live graph.

    Args:
        graph: what was heard.
        problem: why the picture stands still, or "".
        recording: state of the recording.
    """
    edge, motion = graph.edge, graph.statuses.get("motion_node")
    report = {"kind": "status", "problem": problem, "record": recording, "mode": motion.mode if motion else "", "simulated": graph.simulated}
    return report if edge is None else report | edge_status(edge)
