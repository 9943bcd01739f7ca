"""Launch files give the same processes as `ros2 launch` would start, and are refused with file, line and known names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kinesis_cli.launcher import LaunchDescription, LaunchFileError, ProcessSpec
from kinesis_cli.launcher.description import find_launch_file, ros_command
from kinesis_cli.launcher.packages import SOURCE_ROOT
from kinesis_control.errors import UnknownNameError

Load = Callable[..., LaunchDescription]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a launch file from the body under `launch:` and loads it."""

    def write_and_load(body: str, name: str = "a.launch.yaml", **given: str) -> LaunchDescription:
        (tmp_path / name).write_text("launch:\n" + body)
        return LaunchDescription.load(tmp_path / name, given)

    return write_and_load


def parameters(spec: ProcessSpec) -> dict[str, Any]:
    return {k: v for item in spec.parameters if isinstance(item, dict) for k, v in item.items()}


def test_arguments_lets_and_their_order(load: Load) -> None:
    body = """
- arg: {name: a, default: "1"}
- arg: {name: b, default: $(var a)0}
- let: {name: a, value: changed}
- node: {exec: x, args: $(var a) $(var b) --flag=$(var b)x end}
"""
    assert load(body).processes[0].command == ("x", "changed", "10", "--flag=10x", "end")
    assert load(body, b="two words").processes[0].command == ("x", "changed", "two words", "--flag=two wordsx", "end")


def test_group_is_a_scope_unless_told_otherwise(load: Load) -> None:
    body = """
- let: {name: v, value: outer}
- group:
    - let: {name: v, value: inner}
    - set_env: {name: K_TEST, value: inner}
    - push_ros_namespace: {namespace: ns}
    - node: {exec: x, name: n, namespace: sub, args: $(var v)}
- node: {exec: x, name: n, args: $(var v)}
- group:
    scoped: false
    children:
      - let: {name: v, value: stays}
- node: {exec: x, namespace: /abs, args: $(var v)}
"""
    inner, outer, last = load(body).processes
    assert (inner.namespace, inner.command[1], inner.environment["K_TEST"]) == ("/ns/sub", "inner", "inner")
    assert (outer.namespace, outer.command[1], "K_TEST" in outer.environment) == (None, "outer", False)
    assert (last.namespace, last.command[1]) == ("/abs", "stays")


def test_nested_namespaces_join(load: Load) -> None:
    body = """
- push_ros_namespace: {namespace: ""}
- push_ros_namespace: {namespace: a}
- push-ros-namespace: {namespace: b/}
- node: {exec: x}
- node: {exec: x, namespace: c}
"""
    assert [p.namespace for p in load(body).processes] == ["/a/b", "/a/b/c"]


@pytest.mark.parametrize(("value", "started"), [("true", "if"), ("1", "if"), ("False", "unless"), ("0", "unless")])
def test_conditions(load: Load, value: str, started: str) -> None:
    body = "- arg: {name: c}\n- node: {exec: if, if: $(var c)}\n- node: {exec: unless, unless: $(var c)}\n"
    assert [p.label for p in load(body, c=value).processes] == [started]


def test_parameter_types_follow_launch_ros(load: Load) -> None:
    body = """
- arg: {name: number, default: "60"}
- arg: {name: empty, default: ""}
- arg: {name: list, default: "['a b', '']"}
- node:
    exec: x
    param:
      - {name: native, value: 5}
      - {name: quoted, value: "5"}
      - {name: substituted, value: $(var number)}
      - {name: as_float, value: $(var number), type: float}
      - {name: as_text, value: $(var number), type: str}
      - {name: nothing, value: $(var empty)}
      - {name: switch, value: "$(var one 1)", type: bool}
      - {name: many, value: [1.5, 2.5]}
      - {name: words, value: $(var list), type: list_of_str}
      - name: outer
        param:
          - {name: inner, value: true}
"""
    got = parameters(load(body).processes[0])
    expected = {"native": 5, "quoted": "5", "substituted": 60, "as_float": 60.0, "as_text": "60", "nothing": ""}
    expected |= {"switch": True, "many": [1.5, 2.5], "words": ["a b", ""], "outer.inner": True}
    assert got == expected
    assert type(got["as_float"]) is float


def test_parameter_files_keep_their_place(load: Load, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("/**: {ros__parameters: {a: 1}}\n")
    body = """
- node:
    exec: x
    name: n
    namespace: ns
    param:
      - {name: first, value: 1}
      - {name: second, value: 2}
      - {from: $(dirname)/p.yaml}
      - {name: third, value: 3}
    remap:
      - {from: a, to: b}
    ros_args: --log-level debug
"""
    command = ros_command(load(body).processes[0], tmp_path, 7)
    files = [command[i + 1] for i, word in enumerate(command) if word == "--params-file"]
    assert files == [str(tmp_path / name) for name in ("7_0.yaml", "p.yaml", "7_2.yaml")]
    assert yaml.safe_load(Path(files[0]).read_text()) == {"/ns/n": {"ros__parameters": {"first": 1, "second": 2}}}
    assert command[1:9] == ["--ros-args", "--log-level", "debug", "--ros-args", "-r", "__node:=n", "-r", "__ns:=/ns"]
    assert command[-2:] == ["-r", "a:=b"]


def test_parameters_of_an_unnamed_node_go_to_every_node_of_the_process(load: Load, tmp_path: Path) -> None:
    command = ros_command(load("- node: {exec: x, param: [{name: a, value: 1}]}\n").processes[0], tmp_path, 1)
    assert yaml.safe_load(Path(command[-1]).read_text()) == {"/**": {"ros__parameters": {"a": 1}}}


def test_include_passes_arguments_and_is_no_scope(load: Load) -> None:
    inner = "- arg: {name: who}\n- let: {name: left, value: behind}\n- node: {exec: x, args: $(var who) $(dirname)}\n"
    with pytest.raises(LaunchFileError, match="argument 'who'"):
        load(inner, "inner.yaml")
    outer = """
- group:
    - push_ros_namespace: {namespace: ns}
    - include:
        file: $(dirname)/inner.yaml
        arg: [{name: who, value: me}]
    - node: {exec: y, args: "$(var left) $(var who)"}
"""
    inside, beside = load(outer).processes
    assert inside.command[1] == "me" and inside.namespace == "/ns"
    assert beside.command == ("y", "behind", "me")


def test_launch_prefix(load: Load) -> None:
    body = """
- node: {exec: lib/a, args: end, launch-prefix: 'nice -n "5"'}
- node: {exec: lib/b}
- executable: {cmd: /bin/c x}
"""

    def commands(**given: str) -> list[tuple[str, ...]]:
        return [p.command for p in load(body, **given).processes]

    own = ("nice", "-n", "5", "lib/a", "end")
    assert commands() == [own, ("lib/b",), ("/bin/c", "x")]
    assert commands(**{"launch-prefix": "gdb --args"}) == [own, ("gdb", "--args", "lib/b"), ("gdb", "--args", "/bin/c", "x")]
    # As in ros2 launch the filter sorts out who gets the variable; it does not touch a prefix of one's own.
    assert commands(**{"launch-prefix": "gdb", "launch-prefix-filter": "[c-z]"}) == [own, ("lib/b",), ("gdb", "/bin/c", "x")]


def test_environment_of_a_node(load: Load) -> None:
    body = "- set_env: {name: A, value: a}\n- unset_env: {name: HOME}\n- node: {exec: x, env: [{name: B, value: $(env A)b}]}\n"
    environment = load(body).processes[0].environment
    assert (environment["A"], environment["B"], "HOME" in environment) == ("a", "ab", False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("- nod: {exec: x}\n", r"a.launch.yaml:2: nod: unknown tag 'nod'; known: arg, executable, group.*unset_env"),
        ("- node: {exec: x}\n- node: {exec: x, parm: []}\n", r":3: node: unknown attribute 'parm'; known: .*param"),
        ("- node: {name: n}\n", "'exec' is missing"),
        ("- node: {exec: x, if: true}\n", "'if' must be a string"),
        ("- arg: {name: a, default: 0}\n- node: {exec: x}\n", "'default' must be a string"),
        ("- node: {exec: x, if: 'perhaps'}\n", ":2: node: 'perhaps' is not a condition"),
        ("- node: {exec: x, if: 'true', unless: 'true'}\n", "do not go together"),
        ("- node: {exec: x, args: $(nope)}\n", ":2: node: unknown substitution 'nope'"),
        ("- node: {pkg: kinesis_ros, exec: walk_node}\n", ":2: node: unknown executable of package kinesis_ros 'walk_node'; known: sim_node"),
        ("- node: {exec: x, param: [{name: a, value: $(env NOPE 1.5), type: int}]}\n", "parameter 'a'"),
        ("- node: {exec: x, param: [{name: a, value: 'true', type: bool}]}\n", "parameter 'a'.*expected bool"),
        ("- node: {exec: x, param: [{name: a, value: [1, x]}]}\n", "one scalar type"),
        ("- node: {exec: x, param: [{name: a}]}\n", "needs a value or nested"),
        ("- node: {exec: x, output: own_log}\n", "known: screen, log, both"),
        ("- node: {exec: x, exec: y}\n", "'exec' is given twice"),
        ("- arg: {name: a}\n- node: {exec: x}\n", "argument 'a'.*needs a value"),
        ("- arg: {name: a, default: x, choice: [{value: y}]}\n", "expected one of: y"),
        ("- include: {file: $(dirname)/nowhere.yaml}\n", "there is no launch file"),
        ("- include: {file: $(filename)}\n", "includes itself"),
        ("- let: {name: a, value: b}\n", "starts nothing"),
        ("- group: {scoped: true}\n", "has no children"),
        ("- [1]\n", "every item must be one tag"),
    ],
)
def test_refused(load: Load, body: str, message: str) -> None:
    with pytest.raises(LaunchFileError, match=message):
        load(body)


def test_argument_that_no_file_declares(load: Load) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown argument of a.launch.yaml 'bdy'; known: body. Did you mean 'body'"):
        load("- arg: {name: body, default: x}\n- node: {exec: x}\n", bdy="y")


def test_files_that_are_no_launch_files(tmp_path: Path) -> None:
    with pytest.raises(LaunchFileError, match="cannot read"):
        LaunchDescription.load(tmp_path / "none.yaml", {})
    (tmp_path / "a.yaml").write_text("nodes: []\n")
    with pytest.raises(LaunchFileError, match="single root 'launch'"):
        LaunchDescription.load(tmp_path / "a.yaml", {})
    (tmp_path / "a.yaml").write_text("launch: [\n")
    with pytest.raises(LaunchFileError, match="not valid YAML"):
        LaunchDescription.load(tmp_path / "a.yaml", {})


def test_find_launch_file() -> None:
    assert find_launch_file(["kinesis_ros", "sim.launch.yaml", "a:=b"]) == (SOURCE_ROOT / "launch/sim.launch.yaml", ["a:=b"])
    with pytest.raises(UnknownNameError, match=r"known: .*sim.launch.yaml"):
        find_launch_file(["kinesis_ros", "sin.launch.yaml"])


def test_shipped_simulation_launch_file() -> None:
    path = SOURCE_ROOT / "launch/sim.launch.yaml"
    without = LaunchDescription.load(path, {}).processes
    assert [p.node_name for p in without] == ["sim_node", "policy_node", "motion_node", "supervisor_node"]
    given = {"record": "/x/bag", "duration": "60", "noise": "0", "namespace": "left", "script": "['1 walk']"}
    with_recorder = LaunchDescription.load(path, given).processes
    assert {p.namespace for p in with_recorder} == {"/left"}
    assert parameters(with_recorder[0])["duration"] == 60.0
    assert parameters(with_recorder[2])["script"] == ["1 walk"]
    assert parameters(with_recorder[3])["expect_recorder"] is True
    assert parameters(with_recorder[4])["output"] == "/x/bag"
