"""A node that is given nonsense says what it expected, in one line, and ends with the code of that error."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")

CASES = {
    "body": ("sim", ("body:=legs81",), 2, "legs80"),
    "clock": ("sim", ("clock:=fast",), 2, "lockstep, realtime"),
    "noise": ("sim", ("excitation_noise:=7.0",), 2, "from 0.0 to 1.0"),
    "type": ("sim", ("duration:=long",), 2, "expected a float"),
    "file": ("sim", ("policy:=/nowhere.onnx",), 5, "/nowhere.onnx"),
    "no policy": ("motion", (), 5, "'policy' is empty"),
}


def test_each_is_refused(tmp_path):
    from ros_domains import new_domain
    from ros_graph import Processes

    processes = Processes(new_domain(), tmp_path)
    for role, parameters, _, _ in CASES.values():
        processes.start(role, *parameters, name=f"node_{len(processes.running)}")
    try:
        for name, (what, (_, _, code, text)) in zip(list(processes.running), CASES.items(), strict=True):
            assert (what, processes.wait(name)) == (what, code)
            log = processes.log(name)
            assert text in log and "Traceback" not in log
    finally:
        processes.end()


@pytest.mark.parametrize("line", ["walk", "-1 walk", "nan walk", "1.0", "1.0  "])
def test_a_script_line_without_time_or_text_is_refused(line):
    from kinesis_control.errors import ConfigurationError
    from kinesis_control.nodes.motion_node import read_script

    with pytest.raises(ConfigurationError, match="TIME text"):
        read_script([line])


def test_a_script_is_sorted_by_time():
    from kinesis_control.nodes.motion_node import read_script

    assert read_script(["2 stop", "0.5 walk at 0.8 m/s"]) == [(500_000_000, "walk at 0.8 m/s"), (2_000_000_000, "stop")]
