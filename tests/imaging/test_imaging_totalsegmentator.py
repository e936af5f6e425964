"""The TotalSegmentator adapter: calls, settings, results, refusals, against a stand-in that writes what it documents.

The stand-in is a module `totalsegmentator.python_api` (or a command on the PATH) in a process of its own: the adapter's
own call, files and environment are the real ones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from glisson.errors import GlissonError, InputError, MissingExtra, SceneError
from glisson.geometry import Grid, Labels, Volume
from glisson.imaging import TOTAL_CT, read_case, read_labels
from glisson.imaging.auto_case import automatic_scene, write_automatic_case
from glisson.imaging.totalsegmentator import TASKS, TaskResult, missing_weights, run_task, task_named, weights_folder
from glisson.scene import ImageFacts, SourceFile

STANDIN = """
import json, os, sys
from pathlib import Path
import nibabel as nib
import numpy as np

def totalsegmentator(input, output, ml=False, fast=False, device="gpu", task="total", quiet=False):
    home = Path(os.environ["TOTALSEG_HOME_DIR"])
    seen = dict(task=task, ml=ml, fast=fast, device=device, quiet=quiet,
                weights=os.environ["TOTALSEG_WEIGHTS_PATH"], config=json.loads((home / "config.json").read_text()))
    Path(os.environ["SEEN"]).write_text(json.dumps(seen))
    mood = os.environ.get("MOOD", "")
    if mood == "offline":
        raise RuntimeError("requests.exceptions.ConnectionError: Max retries exceeded with url")
    if mood == "licence":
        print("It requires a license. For non-commercial usage a free license can be acquired"); sys.exit(1)
    if mood == "memory":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    if mood == "odd":
        raise ValueError("a thing nobody thought of")
    if mood == "slow":
        import time; time.sleep(30)
    if mood == "silent":
        return
    image = nib.load(input)
    data = np.asarray(image.dataobj)
    out = np.zeros(data.shape, np.uint8)
    if mood != "nothing":
        if task == "total":
            out[data == 110] = 5; out[data == 50] = 5; out[data == 150] = 64; out[data == 120] = 1
            out[data == -850] = 11; out[data == -860] = 10
        elif task == "liver_segments":
            half = data.shape[0] // 2
            out[:half][data[:half] == 110] = 7; out[half:][data[half:] == 110] = 3
        elif task == "liver_vessels":
            out[data == 150] = 1; out[data == 50] = 2
        elif task == "liver_lesions":
            out[data == 50] = 1
    nib.save(nib.Nifti1Image(out, image.affine), output)
"""

GRID = Grid.axial((24, 20, 16), (2.0, 2.0, 3.0), (-20.0, 10.0, 5.0))


def picture() -> Volume:
    """A liver box with two lesions, a vein, a spleen and two lung lobes, each of one CT number."""
    data = np.full(GRID.shape, -100, np.int16)
    data[2:16, 3:17, 3:13] = 110
    data[4:7, 5:8, 5:8] = 50
    data[11:13, 11:13, 9:11] = 50
    data[8, 5:15, 6] = 150
    data[18:22, 5:12, 5:12] = 120
    data[18:22, 13:16, 13:15] = -850
    data[18:22, 16:18, 13:15] = -860
    return Volume(data, GRID)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A user's TotalSegmentator folder with all weights, and a settings file that sends statistics."""
    folder = tmp_path / "home"
    for task in TASKS.values():
        for number in (*task.weights, *(task.fast_weights or ())):
            (folder / "nnunet" / "results" / f"Dataset{number:03d}_anything").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"send_usage_stats": True, "license_number": "aca_123456789012"}))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(folder))
    monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH", raising=False)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))
    return folder


@pytest.fixture
def module(tmp_path, monkeypatch, home) -> Path:
    """The stand-in as a module; gives back the file in which it tells what it saw."""
    package = tmp_path / "site" / "totalsegmentator"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "python_api.py").write_text(STANDIN)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return tmp_path / "seen.json"


def test_the_call_is_the_documented_one_and_statistics_are_off(module, home):
    result = run_task(picture(), "total", fast=True, device="cpu")
    seen = json.loads(module.read_text())
    assert (seen["task"], seen["ml"], seen["fast"], seen["device"], seen["quiet"]) == ("total", True, True, "cpu", True)
    assert seen["config"]["send_usage_stats"] is False
    assert seen["config"]["license_number"] == "aca_123456789012"
    assert seen["weights"] == str(home / "nnunet" / "results")
    assert json.loads((home / "config.json").read_text())["send_usage_stats"] is True
    assert result.source.path == "TotalSegmentator, task total, fast"
    assert len(result.source.sha256) == 64


def test_the_label_map_comes_back_on_the_scans_grid_with_names(module):
    scan = picture()
    result = run_task(scan, "total")
    whole = result.labels.on(GRID)
    assert np.array_equal(whole == 5, np.isin(scan.data, (110, 50)))
    assert np.array_equal(whole == 64, scan.data == 150)
    assert result.labels.names[64] == TOTAL_CT[64] == "portal_vein_and_splenic_vein"


def test_fast_is_only_for_tasks_that_have_it(module):
    assert run_task(picture(), "liver_segments", fast=True).source.path == "TotalSegmentator, task liver_segments"
    assert json.loads(module.read_text())["fast"] is False


def test_the_command_of_another_environment_is_used(tmp_path, monkeypatch, home):
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "TotalSegmentator"
    line = 'import argparse\np = argparse.ArgumentParser()\nfor a in ("-i", "-o", "-ta", "-d"): p.add_argument(a)\n'
    line += 'for a in ("--ml", "--fast", "-q"): p.add_argument(a, action="store_true")\na = p.parse_args()\n'
    line += "totalsegmentator(a.i, a.o, ml=a.ml, fast=a.fast, device=a.d, task=a.ta, quiet=a.q)\n"
    program.write_text(f"#!{sys.executable}\n{STANDIN}\n{line}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    result = run_task(picture(), "liver_lesions", device="gpu:1")
    assert result.labels.mask(1).count == 27 + 8
    assert json.loads((tmp_path / "seen.json").read_text())["device"] == "gpu:1"


def test_without_it_the_install_line_is_given(tmp_path, monkeypatch, home):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match=r'pip install "glisson\[totalsegmentator\]"'):
        run_task(picture(), "total")


def test_missing_weights_are_named_before_anything_runs(tmp_path, monkeypatch, module):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "nowhere"))
    assert weights_folder() == tmp_path / "nowhere"
    assert missing_weights(task_named("total")) == (291, 292, 293, 294, 295)
    assert missing_weights(task_named("total"), fast=True) == (297,)
    with pytest.raises(MissingExtra, match=r"models 570, 298.*totalseg_download_weights -t liver_segments"):
        run_task(picture(), "liver_segments")
    assert not module.exists()
    run_task(picture(), "liver_segments", download=True)
    assert module.exists()


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        ("offline", MissingExtra, "The download was tried and failed"),
        ("licence", MissingExtra, "totalseg_set_license"),
        ("memory", GlissonError, "ran out of memory"),
        ("odd", GlissonError, r"exit code 1.*a thing nobody thought of"),
        ("silent", GlissonError, "wrote no result"),
    ],
)
def test_failures_are_said_in_words(mood, kind, words, module, monkeypatch):
    monkeypatch.setenv("MOOD", mood)
    with pytest.raises(kind, match=words) as raised:
        run_task(picture(), "total")
    assert "Traceback" not in str(raised.value)


def test_a_run_that_takes_too_long_is_stopped(module, monkeypatch):
    monkeypatch.setenv("MOOD", "slow")
    with pytest.raises(GlissonError, match="took longer than 3 s"):
        run_task(picture(), "total", timeout_s=3.0)


def test_unknown_tasks_and_devices_are_refused(module):
    with pytest.raises(InputError, match=r"'livre'.*total, liver_segments"):
        run_task(picture(), "livre")
    with pytest.raises(InputError, match="'tpu'"):
        run_task(picture(), "total", device="tpu")


def test_a_scene_of_all_tasks_is_marked_unreviewed_and_never_complete(module):
    scan = picture()
    results = [run_task(scan, n) for n in ("total", "liver_segments", "liver_vessels", "liver_lesions")]
    scene = automatic_scene(scan, ImageFacts(modality="CT"), results)
    assert set(scene.structures) == {"liver", "portal", "spleen", "lung_left", "liver_vessels"}
    assert scene.structures["lung_left"].count == 4 * 3 * 2 + 4 * 2 * 2
    assert scene.segments is not None
    assert scene.segments.values == (3, 7)
    assert [(m.id, m.mask.count) for m in scene.lesions] == [("L1", 27), ("L2", 8)]
    assert [n.code for n in scene.notices] == ["masks-unreviewed", "lesions-never-complete"]
    assert "never presumed complete" in scene.notices[1].text
    assert [s.path for s in scene.sources] == [r.source.path for r in results]


def test_no_lesion_found_is_no_evidence_and_no_liver_is_refused(module, monkeypatch):
    total = run_task(picture(), "total")
    monkeypatch.setenv("MOOD", "nothing")
    none = run_task(picture(), "liver_lesions")
    scene = automatic_scene(picture(), ImageFacts(), [total, none])
    assert scene.lesions == ()
    assert scene.notices[1].code == "lesions-none-found"
    with pytest.raises(SceneError, match="found no liver"):
        automatic_scene(picture(), ImageFacts(), [none])


def test_the_case_folder_reads_back_and_says_what_nobody_did(module, tmp_path):
    scan = picture()
    results = [run_task(scan, n) for n in ("total", "liver_segments", "liver_lesions")]
    scene = automatic_scene(scan, ImageFacts(modality="CT", date="2026-02-03"), results)
    path = write_automatic_case(tmp_path / "case", scene)
    case, again = read_case(tmp_path / "case")
    assert again is not None
    assert again.liver.count == scene.liver.count
    assert set(again.structures) == set(scene.structures)
    assert [m.mask.count for m in again.lesions] == [27, 8]
    masks = case.studies[0].masks
    assert "nobody has reviewed" in masks.reviewed_by.reason
    assert "never presumed complete" in masks.complete.reason
    assert str(case.studies[0].date) == "2026-02-03"
    with pytest.raises(InputError, match="exists already"):
        write_automatic_case(path.parent, scene)


@pytest.mark.real
def test_a_real_label_map_of_its_own_becomes_a_scene(totalsegmentator_data):
    labels = read_labels(totalsegmentator_data / "example_seg.nii.gz")
    scan = Volume(np.zeros(labels.grid.shape, np.int16), labels.grid)
    named = Labels(labels.data, labels.grid, dict(TOTAL_CT))
    scene = automatic_scene(scan, ImageFacts(), [TaskResult("total", named, SourceFile("masks", "x", "0"))])
    assert scene.liver.volume_ml == pytest.approx(1043.1, abs=0.1)
    assert {"spleen", "kidney_left", "bone", "lung_right", "portal", "cava", "gallbladder"} <= set(scene.structures)
    assert scene.structures["spleen"].volume_ml == pytest.approx(255.2, abs=0.1)
