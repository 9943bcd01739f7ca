"""The substitution language: what is parsed, what it becomes, and what is refused by name."""

from pathlib import Path

import pytest

from kinesis_cli.launcher.packages import SOURCE_ROOT
from kinesis_cli.launcher.substitutions import Context, SubstitutionError, parse


@pytest.fixture
def context() -> Context:
    return Context(configurations={"a": "one", "b": "two words", "yes": "True"}, environment={"HOME": "/h"}, file=Path("/x/y.launch.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain 'quotes' stay", "plain 'quotes' stay"),
        ("$(var a)/$(var b)", "one/two words"),
        (r"\$(var a)", "$(var a)"),
        ("cost: $5", "cost: $5"),
        ("$(env HOME)", "/h"),
        ("$(env NOPE fallback)", "fallback"),
        ("$(env NOPE 'two words')", "two words"),
        ("$(env NOPE '')", ""),
        ("$(env NOPE $(var a)/sub)", "one/sub"),
        ('$(env NOPE "$(var b) more")', "two words more"),
        ("$(var missing $(var a))", "one"),
        ("$(dirname)", "/x"),
        ("$(filename)", "/x/y.launch.yaml"),
        ("$(not $(var yes))", "false"),
        ("$(and true $(var yes))", "true"),
        ("$(or 0 false)", "false"),
        ("$(equals 1.0 1)", "true"),
        ("$(not-equals x$(var a) x)", "true"),
        ("$(if $(var yes) left right)", "left"),
    ],
)
def test_perform(context: Context, text: str, expected: str) -> None:
    assert context.perform(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(vra a)", "unknown substitution 'vra'; known: .*find-pkg-share.*var"),
        ("$(eval 1 + 1)", "'eval' runs Python"),
        ("$(var nope)", "unknown variable 'nope'; known here: a, b, yes"),
        ("$(var a b c)", "takes 1 to 2 arguments, got 3"),
        ("$(env NOPE)", "'NOPE' is not set"),
        ("$(var a", "not closed"),
        ("$(env  NOPE)", "empty argument"),
        ("$(env NOPE 'open)", "never closed"),
        ("$(not maybe)", "'maybe' is not a condition"),
        ("$(equals $(var a) '')", "non-empty"),
    ],
)
def test_refused(context: Context, text: str, message: str) -> None:
    with pytest.raises(SubstitutionError, match=message):
        context.perform(text)


def test_share_of_this_package_is_the_source_tree(context: Context) -> None:
    assert context.perform("$(find-pkg-share kinesis_ros)/launch") == str(SOURCE_ROOT / "launch")


def test_parse_keeps_text_and_substitutions_apart() -> None:
    template = parse("a$(var b)c")
    assert template[0] == "a" and template[2] == "c" and not isinstance(template[1], str)
