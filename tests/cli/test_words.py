"""`kinesis words`: what is understood, and how well a table is."""

from kinesis_cli.main import main


def test_a_text_that_is_understood(capsys):
    assert main(["words", "walk", "3", "metres"]) == 0
    assert capsys.readouterr().out == "walk forward 3 m at the usual pace\n"


def test_a_refusal_is_exit_status_1(capsys):
    assert main(["words", "do a backflip"]) == 1
    assert "backflip" in capsys.readouterr().out


def test_a_table(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("text,meaning\nwalk,walk forward\nturn left,turn right 90 deg\n")
    assert main(["words", "--evaluate", str(table)]) == 1
    out = capsys.readouterr().out
    assert "line 3: turn left" in out and "1 of 2 texts right: 50.0 % (95 % interval 9.5 to 90.5 %)" in out
    assert main(["words", "--evaluate", str(table), "--at-least", "0.5"]) == 0


def test_a_text_or_a_table(tmp_path, capsys):
    assert main(["words"]) == 2
    assert main(["words", "walk", "--evaluate", str(tmp_path / "t.csv")]) == 2
    assert main(["words", "--evaluate", str(tmp_path / "missing.csv")]) == 2
    assert "missing.csv" in capsys.readouterr().err
