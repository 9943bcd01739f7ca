"""Which file holds which command. Nothing of a command is imported before it is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Command:
    """One word of the command line.

    Attributes:
        name: the word.
        module: module with `add_parser(subparsers) -> None` and `run(args) -> int`; several words may share one.
        help: one line for `kinesis --help`.
        group: heading it stands under there.
    """

    name: str
    module: str
    help: str
    group: str


def _commands(group: str, *rows: tuple[str, str, str]) -> tuple[Command, ...]:
    return tuple(Command(name=name, module=module, help=text, group=group) for name, module, text in rows)


COMMANDS: tuple[Command, ...] = (
    *_commands(
        "start something",
        ("sim", "kinesis_cli.sim", "a simulated body, its policy and the whole graph, until Ctrl-C"),
        ("robot", "kinesis_cli.robot", "an emulated android, its guardian, driver and policy, until Ctrl-C"),
        ("emulator", "kinesis_cli.emulator", "an emulated android on a real bus"),
        ("launch", "kinesis_cli.launch", "run a YAML launch file, with or without a ROS 2 installation"),
    ),
    *_commands(
        "talk to what is running",
        ("say", "kinesis_cli.say", 'ask in words: kinesis say "walk"'),
        ("words", "kinesis_cli.words", "what a text is understood as, without a body"),
        ("goto", "kinesis_cli.goto", "send the body to a place: kinesis goto 2 0.5"),
        ("drive", "kinesis_cli.drive", "ask for a forward speed and a turning rate"),
        ("status", "kinesis_cli.status", "what every node of the graph is doing"),
        ("estop", "kinesis_cli.stop", "stop the muscles now; latched"),
        ("reset", "kinesis_cli.stop", "release the latch of a stop or a fault; does not arm"),
        ("arm", "kinesis_cli.stop", "let commands reach the muscles"),
        ("disarm", "kinesis_cli.stop", "fade the muscles out and listen to no command"),
        ("record", "kinesis_cli.record", "write topics to an MCAP bag"),
    ),
    *_commands(
        "work on it",
        ("evaluate", "kinesis_cli.evaluate", "figures and a report from recordings"),
        ("benchmark", "kinesis_cli.benchmark", "measure a policy in a suite of seeded cases"),
        ("replay", "kinesis_cli.replay", "feed a recording to a policy again, or simulate it again, and compare"),
        ("render", "kinesis_cli.render", "a recording as a film (MP4), drawn without a screen"),
        ("motions", "kinesis_cli.motions", "import human motion, look at it, play it (extra: motions)"),
        ("policy", "kinesis_cli.policy", "inspect a policy file, or check it against a body"),
        ("train", "kinesis_cli.train", "train, evaluate and export policies (extra: train)"),
        ("bench", "kinesis_cli.bench", "measure the numbers that the README states"),
        ("faults", "kinesis_cli.faults", "break an emulated android in every way and judge what happens"),
        ("test", "kinesis_cli.test", "run the tests"),
        ("doctor", "kinesis_cli.doctor", "what is installed, what is wrong and what to do about it"),
    ),
)

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}
