"""`kinesis record -o DIR [topics...]`: records topics into an MCAP bag that `ros2 bag` reads."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("record", help="record topics into a bag", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="topics to record; without any, those of the control loop")
    parser.add_argument("-a", "--all", action="store_true", help="record every topic")
    parser.add_argument("--clock", choices=("realtime", "lockstep"), default="realtime", help="lockstep: only simulated time reaches the bag")
    parser.add_argument("--use-sim-time", action="store_true", help="stamp with /clock instead of the clock of this machine")
    parser.add_argument("--compress", action="store_true", help="compress with zstd")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", type=Path, metavar="DIR", help="new directory of the bag")
    target.add_argument("--repair", type=Path, metavar="DIR", help="mend a bag that was cut off, and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record until Ctrl-C, or repair a bag; 0 on success."""
    if args.repair is not None:
        from kinesis_control.evaluate.bag_repair import repair_bag

        print(f"{args.repair}: {repair_bag(args.repair)} messages are readable")
        return 0
    from kinesis_control.nodes.recorder_node import run_recorder

    print(f"recording to {args.output}; Ctrl-C ends it", flush=True)
    print("\n".join(run_recorder(ros_arguments(args)).lines()))
    return 0


def ros_arguments(args: argparse.Namespace) -> list[str]:
    """The parameters of the recorder node."""
    values = {
        "output": f"'{args.output.absolute()}'",
        "all": str(args.all).lower(),
        "clock": args.clock,
        "use_sim_time": str(args.use_sim_time).lower(),
        "compress": str(args.compress).lower(),
    }
    if args.topics:
        values["topics"] = "[" + ", ".join(f"'{topic}'" for topic in args.topics) + "]"
    return ["--ros-args", *(word for name, value in values.items() for word in ("-p", f"{name}:={value}"))]
