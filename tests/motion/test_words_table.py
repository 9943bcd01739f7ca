"""kinesis_control/motion/words/table.py: the notation, the comparison and the share."""

import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.words import parse
from kinesis_control.motion.words.table import Score, agrees, read_row, read_table


@pytest.mark.parametrize(
    ("text", "meaning", "right"),
    [
        ("walk", "walk forward", True),
        ("walk", "walk backward", False),
        ("walk", "run forward", False),
        ("walk 3 m", "walk forward 3 m", True),
        ("walk 3 m", "walk forward 2 m", False),
        ("walk 3 m", "walk forward", False),
        ("walk 3 steps", "walk forward 3 m", False),
        ("walk, then stop", "walk forward", False),
        ("walk slowly", "walk forward fast", False),
        ("walk at 0.8 m/s", "walk forward 0.9 m/s", False),
        ("walk in a circle", "run curve left 360 deg", False),
        ("then walk", "walk forward", False),
        ("fly", "refused", True),
        ("walk", "refused", False),
        ("faster", "slower", False),
        ("faster", "faster", True),
    ],
)
def test_agreement(text: str, meaning: str, right: bool) -> None:
    assert agrees(read_row(text, meaning), parse(text)) is right


@pytest.mark.parametrize("meaning", ["", "hop", "walk forward 3", "walk forward 3 apples", "walk forward 3 m extra", "turn left; ;"])
def test_a_meaning_outside_the_notation_names_its_line(meaning: str) -> None:
    with pytest.raises(ConfigurationError, match="line 7"):
        read_row("walk", meaning, 7)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "text,meaning\n"])
def test_a_table_without_rows_or_columns_is_refused(tmp_path, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"t\.csv"):
        read_table(path)


def test_a_table_that_is_no_text_is_refused(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff\xfe\x00")
    for place in (path, tmp_path / "missing.csv", tmp_path):
        with pytest.raises(ConfigurationError):
            read_table(place)


def test_the_interval_is_wilsons() -> None:
    """Its bounds are the shares from which the measured one is 1.96 standard errors away."""
    row = read_row("walk", "walk forward")
    score = Score(total=20, wrong=((row, parse("x")),) * 5)
    for bound in score.interval:
        assert abs(score.share - bound) == pytest.approx(1.96 * (bound * (1.0 - bound) / 20) ** 0.5, rel=1e-3)
    assert score.interval[0] < 0.75 < score.interval[1]
    assert Score(total=10, wrong=()).interval[1] == pytest.approx(1.0)
