"""The dossier on disk: whole or not at all, an old one kept until the new one is ready, foreign folders refused."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from glisson.errors import OutputError
from glisson.imaging import whole
from glisson.report import findings_schema, pictures, write, write_dossier
from glisson.report.masks import lesion_labels
from glisson.report.pictures import Drawn
from glisson.report.view import Figure
from glisson.report.words import slug


@pytest.fixture(autouse=True)
def plain_pictures(monkeypatch: pytest.MonkeyPatch, figures: tuple[dict[str, Figure], dict[str, bytes]]) -> None:
    """Plain pictures instead of drawn ones: this is about files."""
    monkeypatch.setattr(pictures, "draw", lambda _result, _say: Drawn(*figures))


def a_result(fakes: Any, **changes: Any) -> Any:
    scene = fakes.scene(3)
    resections = (fakes.resection(given=scene.lesions[0].mask),)
    return fakes.result(
        **{"scene": scene, "whole_liver": scene.liver, "segments": None, "resections": resections, **changes}
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_everything_is_there(fakes: Any, tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    out = write_dossier(a_result(fakes), tmp_path / "OUT", progress=lambda words, share: steps.append((words, share)))
    names = set(contents(out))
    assert {"dossier.html", "dossier.pdf", "findings.json", "figures/axial.png", "masks/liver.nii.gz"} <= names
    assert {"masks/lesions.nii.gz", "masks/removed-right-hepatectomy.nii.gz"} <= names
    data = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    Draft202012Validator(findings_schema()).validate(data)
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_masks_lie_on_the_scan_read_by_nibabel(fakes: Any, tmp_path: Path) -> None:
    result = a_result(fakes)
    out = write_dossier(result, tmp_path / "OUT")
    image = nibabel.load(out / "masks" / "liver.nii.gz")
    assert image.shape == result.scene.grid.shape
    assert int(np.asarray(image.dataobj).sum()) == 30 * 30 * 20
    lesions = np.asarray(nibabel.load(out / "masks" / "lesions.nii.gz").dataobj)
    assert [int((lesions == n).sum()) for n in (1, 2, 3)] == [8, 8, 8]


def test_same_input_same_bytes_and_the_stamp_is_the_only_clock(fakes: Any, tmp_path: Path) -> None:
    first = contents(write_dossier(a_result(fakes), tmp_path / "a"))
    assert first == contents(write_dossier(a_result(fakes), tmp_path / "b"))
    stamp = datetime(2024, 5, 6, tzinfo=UTC)
    one = contents(write_dossier(a_result(fakes), tmp_path / "c", stamped=stamp))
    assert one == contents(write_dossier(a_result(fakes), tmp_path / "d", stamped=stamp))
    changed = {name for name in one if one[name] != first[name]}
    assert changed == {"dossier.html", "dossier.pdf", "findings.json"}


def test_an_old_dossier_is_replaced_whole(fakes: Any, tmp_path: Path) -> None:
    out = write_dossier(a_result(fakes), tmp_path / "OUT")
    (out / "figures" / "left-over.png").write_bytes(b"old")
    write_dossier(a_result(fakes, scene=None, whole_liver=None, resections=()), out)
    assert not (out / "masks").exists()
    assert not (out / "figures" / "left-over.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_an_empty_folder_and_missing_parents_are_fine(fakes: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (write_dossier(a_result(fakes), tmp_path / "empty") / "dossier.pdf").is_file()
    assert (write_dossier(a_result(fakes), tmp_path / "a" / "b") / "dossier.pdf").is_file()


@pytest.mark.parametrize("name", ["notes.txt", "findings.json"])
def test_a_foreign_folder_is_refused(fakes: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="holds no earlier dossier") as refusal:
        write_dossier(a_result(fakes), tmp_path)
    assert name in str(refusal.value)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_in_the_way_is_refused(fakes: Any, tmp_path: Path) -> None:
    (tmp_path / "OUT").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is not a folder"):
        write_dossier(a_result(fakes), tmp_path / "OUT")


def full_disk(*_args: object, **_kwargs: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("room", "where"), [(write, "findings_json"), (whole, "_sync"), (whole, "_swap")])
def test_a_full_disk_leaves_the_old_dossier(
    fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Any, where: str
) -> None:
    out = write_dossier(a_result(fakes), tmp_path / "OUT")
    before = contents(out)
    monkeypatch.setattr(room, where, full_disk)
    with pytest.raises(OutputError, match="is full") as refusal:
        write_dossier(a_result(fakes, lesions=()), out)
    assert "the earlier dossier is as it was" in str(refusal.value)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_a_full_disk_leaves_nothing_half_written(fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "_sync", full_disk)
    with pytest.raises(OutputError, match="Nothing was written"):
        write_dossier(a_result(fakes), tmp_path / "OUT")
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_breaks_half_way_puts_the_old_one_back(
    fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = write_dossier(a_result(fakes), tmp_path / "OUT")
    before = contents(out)
    rename = Path.rename
    calls: list[Path] = []

    def second_fails(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(OutputError, match="Input/output error"):
        write_dossier(a_result(fakes), out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_a_folder_that_may_not_be_written_to(fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(whole.tempfile, "mkdtemp", refuse)
    with pytest.raises(OutputError, match="may not be written to"):
        write_dossier(a_result(fakes), tmp_path / "OUT")


def test_a_mask_that_does_not_fit_names_the_target_and_not_the_folder_it_is_made_in(
    fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        try:
            full_disk()
        except OSError as problem:
            raise OutputError("x/masks/liver.nii.gz was not written") from problem

    monkeypatch.setattr("glisson.imaging.write_mask", full)
    with pytest.raises(OutputError, match="is full"):
        write_dossier(a_result(fakes), tmp_path / "OUT")
    assert list(tmp_path.iterdir()) == []


def test_any_other_error_also_leaves_the_folder_clean(
    fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "findings_json", broken)
    with pytest.raises(KeyboardInterrupt):
        write_dossier(a_result(fakes), tmp_path / "OUT")
    assert list(tmp_path.iterdir()) == []


def test_lesion_labels_count_in_the_order_of_the_scene(fakes: Any) -> None:
    scene = fakes.scene(3)
    labels = lesion_labels(scene, scene.grid)
    assert labels.names == {1: "L1", 2: "L2", 3: "L3"}
    assert labels.values == (1, 2, 3)


def test_slug() -> None:
    assert slug("Right hepatectomy + IVb (ü)") == "right-hepatectomy-ivb"
    assert slug("!") == "unnamed"
