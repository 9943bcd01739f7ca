"""Importing a folder: libraries that grow, files that are bad, imports that were broken off."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_cli.main import main
from kinesis_control.motion.library import Library
from kinesis_control.motion.readers import find_motions, read_motion
from kinesis_sim.retarget import RetargetConfig, importing
from kinesis_sim.retarget.importing import ImportOptions, ImportSummary


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, body_of, walking_person, write_bvh):
    """Two good files, one that is cut off and one whose numbers are none."""
    folder = tmp_path_factory.mktemp("recordings")
    person = walking_person(body_of("legs80"), seconds=1.5)
    write_bvh(person, folder / "first.bvh")
    write_bvh(replace(person, position=person.position[::-1].copy(), rotation=person.rotation[::-1].copy()), folder / "second.bvh")
    (folder / "cut.bvh").write_text((folder / "first.bvh").read_text()[:3000])
    frames = (folder / "first.bvh").read_text().split("MOTION")
    (folder / "nan.bvh").write_text(frames[0] + "MOTION\nFrames: 90\nFrame Time: 0.0166667\n" + ("nan " * 66 + "\n") * 90)
    return folder


@pytest.fixture(scope="module")
def imported(recordings):
    """Exit code of an import of everything, and the library."""
    library = recordings.parent / "library.h5"
    return main(["motions", "import", str(recordings), "-o", str(library), "--up", "z", "--jobs", "1", "--rate", "40", "--credit", "nobody"]), library


def test_a_library_by_an_older_method_is_made_anew(recordings, monkeypatch):
    options, config = ImportOptions(), RetargetConfig()
    keys = {r.name: r.key for r in importing._recordings(recordings, config, options, ImportSummary())}
    monkeypatch.setattr(importing, "METHOD", importing.METHOD + 1)
    newer = importing._recordings(recordings, config, options, ImportSummary())
    assert len(newer) == 4 and all(r.key != keys[r.name] for r in newer)


def test_the_made_up_file_reads_as_what_was_written(recordings, body_of, walking_person):
    read = read_motion(recordings / "first.bvh", up="z")
    person = walking_person(body_of("legs80"), seconds=1.5)
    for role in ("hip_l", "knee_r", "toe_r"):
        assert np.abs(read.position[:, read.joint(role)] - person.position[:, person.joint(role)]).max() < 1e-4


def test_bad_files_do_not_stop_an_import(imported, recordings):
    status, library = imported
    assert status == 1
    clips = Library.open(library)
    assert clips.names == ("first", "first@mirror", "second", "second@mirror")
    assert clips.clip("first").source["credit"] == "nobody"
    assert len(find_motions(recordings)) == 4


def test_the_mirrored_copy_is_the_mirror_image(imported, body_of):
    clips = Library.open(imported[1], body_of("legs80").description)
    first, mirrored = clips.clip("first"), clips.clip("first@mirror")
    names = body_of("legs80").description.joint_names
    assert np.allclose(first.joint_position[:, names.index("knee_angle_r")], mirrored.joint_position[:, names.index("knee_angle_l")], atol=1e-6)
    assert np.allclose(first.root_position[:, 1], -mirrored.root_position[:, 1], atol=1e-6)


def test_a_second_import_keeps_what_is_there(imported, recordings, capsys):
    before = imported[1].read_bytes()
    words = ["motions", "import", str(recordings), "-o", str(imported[1]), "--up", "z", "--jobs", "1", "--rate", "40", "--credit", "nobody"]
    assert main([*words, "--only", "first*"]) == 0
    assert "1 were there already" in capsys.readouterr().out
    assert imported[1].read_bytes() == before


def test_a_library_of_another_body_is_refused(imported, recordings, capsys):
    assert main(["motions", "import", str(recordings), "-o", str(imported[1]), "--body", "legs_abs86"]) != 0
    assert "legs80" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"), [(["--only", "nothing*"], "nothing*"), (["-o", "no/such/folder/lib.h5"], "no folder"), (["--body", "robot"], "robot")]
)
def test_what_cannot_be_imported_is_said_at_once(recordings, tmp_path, capsys, words, expected):
    assert main(["motions", "import", str(recordings), "-o", str(tmp_path / "lib.h5"), *words]) != 0
    assert expected in capsys.readouterr().err


def test_an_empty_folder(tmp_path, capsys):
    assert main(["motions", "import", str(tmp_path), "-o", str(tmp_path / "lib.h5")]) != 0
    assert "no motion file" in capsys.readouterr().err


def test_list_and_show(imported, capsys):
    assert main(["motions", "list", str(imported[1])]) == 0
    listed = capsys.readouterr().out
    assert "first " in listed and "2 clips and 2 mirrored copies for body legs80" in listed
    assert main(["motions", "show", str(imported[1]), "first"]) == 0
    assert "key_body_error_mm" in capsys.readouterr().out
    assert main(["motions", "show", str(imported[1]), "frist"]) != 0
    assert "Did you mean 'first'?" in capsys.readouterr().err


def test_pictures(imported, recordings, tmp_path, capsys):
    library, source = str(imported[1]), ["--source", str(recordings / "first.bvh")]
    assert main(["motions", "plot", library, "first", "-o", str(tmp_path / "plot.png")]) == 0
    assert main(["motions", "view", library, "first", "-o", str(tmp_path / "strip.png"), *source, "--frames", "3"]) == 0
    assert main(["motions", "view", library, "first", "-o", str(tmp_path / "film.gif"), "--end", "0.1"]) == 0
    assert "made from 'first.bvh'" in capsys.readouterr().out, "without the recording the body is drawn alone"
    alone = ["motions", "view", library, "first@mirror", "-o", str(tmp_path / "found.png"), "--frames", "2", "--source"]
    assert main([*alone, str(recordings)]) == 0, "a folder is searched for the file"
    assert "alone" not in capsys.readouterr().out
    assert main([*alone, str(tmp_path)]) != 0
    assert "expected one such file below" in capsys.readouterr().err
    assert all((tmp_path / name).stat().st_size > 2000 for name in ("plot.png", "strip.png", "film.gif"))
    assert main(["motions", "view", library, "first", "-o", str(tmp_path / "film.mp4")]) == 2
    assert main(["motions", "view", library, "first", "-o", str(tmp_path / "strip.png"), "--start", "90"]) == 2
    assert "expected a part of 0 to" in capsys.readouterr().err
