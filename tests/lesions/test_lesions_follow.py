"""Lesions over time: identities on constructed scans a hand can check, and on virtual patients whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glisson.anatomy.overlay import Overlay, lay_over, liver_scan
from glisson.errors import InputError
from glisson.geometry import Grid, Mask
from glisson.geometry.registration import Alignment
from glisson.lesions.follow import follow, free_name
from glisson.lesions.matching import match_lesions
from glisson.scene import LesionMask
from glisson.simulate import Treated, virtual_series

GRID = Grid.axial((80, 80, 60), (2.0, 2.0, 2.0))
POINTS = GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))


def ball(name: str, centre, diameter: float) -> LesionMask:
    return LesionMask(name, Mask(((POINTS - centre) ** 2).sum(axis=-1) <= (diameter / 2) ** 2, GRID).trimmed())


def overlay(shift=(0.0, 0.0, 0.0), error: float = 1.0) -> Overlay:
    """Later points less `shift` are earlier points."""
    affine = np.eye(4)
    affine[:3, 3] = -np.asarray(shift)
    return Overlay(Alignment(affine, None, GRID, scaled=False), error, "vessel forks", 20, (0.5, 1.5))


def said(matches) -> set[tuple[str, tuple[str, ...], tuple[str, ...], str]]:
    return {(m.kind, m.earlier, m.later, m.confidence) for m in matches}


def test_lesions_are_known_again_after_a_shift():
    earlier = [ball("L1", (40, 40, 40), 20), ball("L2", (110, 60, 60), 12)]
    later = [ball("L1", (114, 60, 66), 14), ball("L2", (44, 40, 46), 24)]
    assert said(match_lesions(earlier, later, overlay((4, 0, 6)))) == {
        ("same", ("L1",), ("L2",), "high"),
        ("same", ("L2",), ("L1",), "high"),
    }


def test_what_vanished_and_what_is_new():
    earlier, later = [ball("L1", (40, 40, 40), 20)], [ball("L1", (110, 60, 60), 12)]
    assert said(match_lesions(earlier, later, overlay())) == {
        ("vanished", ("L1",), (), "high"),
        ("new", (), ("L1",), "high"),
    }
    assert said(match_lesions(earlier, [], overlay())) == {("vanished", ("L1",), (), "high")}
    assert match_lesions([], [], overlay()) == ()


def test_a_lesion_in_two_pieces_is_split_and_two_in_one_are_merged():
    whole = [ball("L1", (60, 60, 60), 40)]
    pieces = [ball("L1", (52, 60, 60), 16), ball("L2", (70, 60, 60), 12)]
    (split,) = match_lesions(whole, pieces, overlay())
    assert (split.kind, split.earlier, split.later) == ("split", ("L1",), ("L1", "L2"))
    assert split.confidence != "high"
    merged = match_lesions(pieces, whole, overlay())
    assert [(m.kind, m.earlier, m.later) for m in merged] == [("merged", ("L1", "L2"), ("L1",))]


def test_neighbours_that_could_be_exchanged_are_never_sure():
    earlier = [ball("L1", (60, 60, 60), 10), ball("L2", (66, 60, 60), 10)]
    later = [ball("L1", (63, 60, 60), 10)]
    found = match_lesions(earlier, later, overlay(error=3.0))
    assert found
    assert all(match.confidence != "high" for match in found)


def test_nothing_is_sure_on_an_overlay_that_is_refused():
    bad = overlay(error=9.0)
    assert bad.refused
    (match,) = match_lesions([ball("L1", (60, 60, 60), 20)], [ball("L1", (60, 60, 60), 20)], bad)
    assert match.confidence == "low"


def test_free_names():
    assert free_name("L3", {"L1"}) == "L3"
    assert free_name("L1", {"L1", "L2", "L4"}) == "L3"
    assert free_name("7", {"7"}) == "L1"


@pytest.fixture(scope="module")
def series():
    """Nine lesions under treatment, three scans, one of them MR; some vanish and some are new."""
    return virtual_series(
        seed=7, months=(0, 3, 8), lesions=9, treated=Treated(0, 5), new=1.0, mr=(1,), median_diameter_mm=11.0,
        shape=(120, 100, 72), spacing_mm=(3.0, 3.0, 3.6),
    )  # fmt: skip


@pytest.fixture(scope="module")
def followed(series):
    return follow([visit.scene for visit in series.visits])


def test_every_lesion_keeps_its_name(series, followed):
    """Each track holds one true lesion, and each true lesion one track."""
    true_of = {
        track.name: {series.visits[scan].names[i] for scan, ids in track.seen.items() for i in ids}
        for track in followed.tracks
    }
    assert all(len(names) == 1 for names in true_of.values())
    assert len({next(iter(names)) for names in true_of.values()}) == len(true_of)


def test_vanished_sites_lie_where_the_tissue_lies_now(series, followed):
    """The record of the virtual patient knows where; it must happen here, or the test shows nothing."""
    assert followed.vanished
    last = series.visits[-1]
    for site in followed.vanished:
        track = next(t for t in followed.tracks if t.name == site.name)
        true = series.visits[track.last].names[track.seen[track.last][0]]
        assert true not in last.names.values()
        apart = np.linalg.norm(site.mask.centroid_mm - series.place_mm(true, last))
        assert apart < 3 * np.sqrt(3) * site.error_mm + 1.8
        assert not site.refused


def test_the_error_is_measured_on_vessels_and_holds(series, followed):
    for (later, earlier), found in followed.overlays.items():
        assert found.measured_on == "vessel forks"
        here = np.array([series.place_mm(name, series.visits[later]) for name in series.places_mm])
        there = np.array([series.place_mm(name, series.visits[earlier]) for name in series.places_mm])
        errors = np.linalg.norm(found.alignment.to_moving(here) - there, axis=1)
        assert np.median(errors) < 3.0
        assert np.percentile(errors, 95) < 6.0
        assert np.sqrt((errors**2).mean() / 3) < 1.5 * found.error_mm


def test_without_vessels_the_outline_tells_the_error(series):
    scans = []
    for visit in series.visits[:2]:
        bare = {k: v for k, v in visit.scene.structures.items() if k not in ("portal", "hepatic")}
        scans.append(liver_scan(replace(visit.scene, structures=bare)))
    found = lay_over(scans[1], scans[0])
    assert found.measured_on == "outline"
    assert "outline alone" in found.notices[0].text


def test_another_liver_is_refused(series):
    """Laid over another patient's liver, whose forks have no partners."""
    other = virtual_series(seed=31, months=(0,), lesions=0, shape=(120, 100, 72), spacing_mm=(3.0, 3.0, 3.6))
    found = lay_over(liver_scan(other.visits[0].scene), liver_scan(series.visits[0].scene))
    assert found.doubtful


def test_a_name_given_by_a_person_is_kept(series):
    scenes = [visit.scene for visit in series.visits[:2]]
    wrong = follow(scenes, stated={(1, scenes[1].lesions[0].id): "L9"})
    track = next(t for t in wrong.tracks if t.name == "L9")
    assert track.seen[1] == (scenes[1].lesions[0].id,)
    assert track.confidence[1] == "stated"
    with pytest.raises(InputError, match="lesion 'L77' of scan 2"):
        follow(scenes, stated={(1, "L77"): "L1"})
