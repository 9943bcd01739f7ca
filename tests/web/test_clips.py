"""The list of clips."""

from kinesis_sim.viewer.clips import clip_facts


def test_no_library_and_a_broken_one_are_said(tmp_path):
    assert clip_facts("")["list"] == [] and "--library" in clip_facts("")["problem"]
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"nothing")
    assert "broken.h5" in clip_facts(str(broken))["problem"]
    assert "no such file" in clip_facts(str(tmp_path / "missing.h5"))["problem"]


def test_names_and_lengths(monkeypatch):
    from types import SimpleNamespace

    entries = {"walk01": SimpleNamespace(descriptors={"duration_s": 2.345, "content": "walk"}), "bare": SimpleNamespace(descriptors={})}
    monkeypatch.setattr("kinesis_sim.viewer.clips.read_index", lambda path: (None, entries))
    assert clip_facts("x.h5") == {"list": [("walk01", 2.35, "walk"), ("bare", 0.0, "")], "problem": ""}
