"""`kinesis doctor` reaches its end whatever is wrong, names a remedy for it, and says so with its exit code."""

import argparse
import sys
from pathlib import Path

import pytest

from kinesis_cli import doctor
from kinesis_cli.doctor import Finding


def test_good_and_bad_findings_decide_the_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("environment", "ros", "bodies"):
        monkeypatch.setattr(doctor, part, lambda: iter([Finding(what="a", text="fine")]))
    monkeypatch.setattr(doctor, "policies", lambda folder: iter([Finding(what="b", text="fine")]))
    assert doctor.run(argparse.Namespace()) == 0 and "all is well" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "policies", lambda folder: iter([Finding(what="b", text="bad", remedy="mend it")]))
    assert doctor.run(argparse.Namespace()) == 1
    shown = capsys.readouterr().out
    assert "!!  b" in shown and "-> mend it" in shown and "1 thing to put right" in shown


def test_lock_entries_for_other_pythons_do_not_count(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    here = "%d.%d" % sys.version_info[:2]
    lock.write_text(f'a==1 ; python_version <= "{here}" \\\n    --hash=x\nb==2 ; python_version <= "3.9" \\\n    --hash=x\nc==3 \\\n    --hash=x\n')
    assert doctor.locked(lock) == {"a": "1", "c": "3"}


def test_a_wrong_version_is_named_with_its_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/core.lock").write_text("numpy==0.1 \\\n    --hash=x\nno-such-thing==3 \\\n    --hash=x\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    (finding,) = doctor.pins("core", ignore=())
    assert "0 of 2" in finding.text and "(pinned 0.1)" in finding.text and "no-such-thing missing" in finding.text and finding.remedy


@pytest.mark.parametrize(("text", "good"), [("0", True), ("101", True), ("102", False), ("-1", False), ("x", False)])
def test_domains(text: str, good: bool) -> None:
    assert (not doctor.domain(text).remedy) == good


def test_a_missing_shared_memory_is_said(tmp_path: Path) -> None:
    assert "not writable" in doctor.shared_memory(tmp_path / "none").text


def test_a_broken_policy_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    (finding,) = doctor.policies(tmp_path)
    assert finding.what == "broken" and finding.remedy


def test_no_policy_is_a_finding(tmp_path: Path) -> None:
    (finding,) = doctor.policies(tmp_path)
    assert finding.remedy
