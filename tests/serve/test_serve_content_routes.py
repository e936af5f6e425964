"""The viewer's, editor's, sliders' and reasons' routes on a running server with one planned virtual patient."""

from __future__ import annotations

import gzip
import time

import httpx
import nibabel
import numpy as np
import pytest

from .conftest import Running, import_zip, wait


@pytest.fixture(scope="module")
def planned(sqlite_served: Running, small_zip) -> tuple[httpx.Client, str]:
    """An editor's client and a case whose first version is planned and prepared."""
    client = sqlite_served.client("ed")
    case_id = import_zip(client, small_zip, "Routes")
    assert client.post(f"/api/cases/{case_id}/plan", json={}).status_code == 202
    jobs = wait(client, case_id, 180)
    assert {job["state"] for job in jobs} <= {"done", "cancelled"}, jobs
    assert any((job["kind"], job["state"]) == ("plan", "done") for job in jobs), jobs
    return client, case_id


def scene_of(planned, version: int = 1) -> dict:
    client, case_id = planned
    answer = client.get(f"/api/cases/{case_id}/v/{version}/scene")
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


def loaded(answer: httpx.Response, tmp_path) -> tuple[np.ndarray, np.ndarray]:
    assert answer.status_code == 200, answer.text
    path = tmp_path / "got.nii.gz"
    path.write_bytes(answer.content)
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), image.affine


def test_the_scene_names_what_can_be_loaded(planned, tmp_path):
    client, case_id = planned
    scene = scene_of(planned)
    assert (scene["version"], scene["planned"], scene["current"]) == (1, True, True)
    base = f"/api/cases/{case_id}/v/1"
    for level in scene["levels"]:
        data, _ = loaded(client.get(f"{base}/volume/{level['name']}.nii.gz"), tmp_path)
        labels, _ = loaded(client.get(f"{base}/labels/{level['name']}.nii.gz"), tmp_path)
        assert list(data.shape) == list(labels.shape) == level["shape"]
        assert data.dtype == np.int16
        assert set(np.unique(labels)) - {0} <= {one["label"] for one in scene["structures"]}
    for one in scene["structures"]:
        assert client.get(f"{base}/mesh/{one['key']}.mz3").status_code == (200 if one["mesh"] else 404)
    for plan in scene["plans"]:
        parts, _ = loaded(client.get(f"{base}/labels/fine/plan-{plan['n']}.nii.gz"), tmp_path)
        named = {one["label"] for one in plan["parts"]}
        assert set(np.unique(parts)) - {0} == named
        for key in plan["structures"]:
            assert gzip.decompress(client.get(f"{base}/mesh/{key}.mz3").content)[:2] == b"MZ"
    assert scene["lesions"][0]["act"]["letter"] in "XABSN"
    assert scene["lesions"][0]["act"]["text"]


def test_plan_maps_add_up_to_the_liver(planned, tmp_path):
    """The voxels of a plan's parts on the native grid are those that plans.json counts."""
    client, case_id = planned
    scene = scene_of(planned)
    told = client.get(f"/api/cases/{case_id}/results/1/plans.json").json()["plans"][0]
    parts, affine = loaded(client.get(f"/api/cases/{case_id}/v/1/labels/native/plan-1.nii.gz"), tmp_path)
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000.0
    for name, label in scene["plan_labels"].items():
        told_ml = told["remnant_ml" if name == "kept" else f"{name}_ml"]
        assert (parts == label).sum() * voxel_ml == pytest.approx(told_ml or 0.0, abs=1e-6), name


def test_browsers_keep_what_never_changes(planned):
    client, case_id = planned
    url = f"/api/cases/{case_id}/v/1/volume/preview.nii.gz"
    first = client.get(url)
    assert "immutable" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    scene = client.get(f"/api/cases/{case_id}/v/1/scene")
    assert "no-cache" in scene.headers["cache-control"]
    told = {"If-None-Match": f'"other", {scene.headers["etag"]}'}
    assert client.get(f"/api/cases/{case_id}/v/1/scene", headers=told).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "v/9/scene", "v/1/volume/huge.nii.gz", "v/1/labels/fine/plan-99.nii.gz", "v/1/mesh/nobody.mz3",
        "v/1/mesh/plan-1-eaten.mz3", "v/1/mesh/plan-77-kept.mz3", "v/9/needles", "v/9/timeline", "v/9/reasons",
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_so(planned, path):
    client, case_id = planned
    answer = client.get(f"/api/cases/{case_id}/{path}")
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["v/0/scene", "v/1/volume/..%2Fx.nii.gz", "v/1/mesh/..%2F..%2Fcase.mz3", "v/x/scene"])
def test_strange_paths_get_nothing(planned, path):
    client, case_id = planned
    assert client.get(f"/api/cases/{case_id}/{path}").status_code in (404, 422)


def test_strangers_and_viewers_may_not_change_anything(sqlite_served, planned):
    _, case_id = planned
    viewer, stranger = sqlite_served.client("vi"), sqlite_served.client()
    assert stranger.get(f"/api/cases/{case_id}/v/1/scene").status_code == 401
    assert viewer.get(f"/api/cases/{case_id}/v/1/scene").status_code == 200
    body = {"based_on": 1, "action": "grow", "mm": 3}
    assert viewer.patch(f"/api/cases/{case_id}/lesions/L1", json=body).status_code == 403
    no_token = sqlite_served.client("ed")
    del no_token.headers["X-Glisson-CSRF"]
    assert no_token.patch(f"/api/cases/{case_id}/lesions/L1", json=body).status_code == 403


def test_reasons_carry_rule_source_inputs_and_counterfactuals(planned):
    client, case_id = planned
    matrix = client.get(f"/api/cases/{case_id}/v/1/reasons").json()
    assert matrix["columns"]
    assert {source for option in matrix["options"] for source in option["by_source"]} == set(matrix["columns"])
    for option in matrix["options"]:
        assert option["verdict"] in ("eligible", "relative", "contraindicated", "undetermined")
        for reason in option["reasons"]:
            assert reason["source"]["title"]
            assert reason["source"]["year"] > 1900
            assert reason["source"]["standing"] in ("current", "superseded", "retracted", "unsupported")
            assert matrix["sources"][reason["source"]["id"]]["citation"]
    every = [reason for option in matrix["options"] for reason in option["reasons"]]
    assert any(reason["inputs"] for reason in every)
    assert any(reason["counterfactual"] for reason in every)
    known = client.get(f"/api/knowledge/rules/{every[0]['rule']}").json()
    assert known["id"] == every[0]["rule"]
    assert known["sources"]
    assert every[0]["rule"] in known["text"]
    record = client.get(f"/api/knowledge/sources/{every[0]['source']['id']}").json()
    assert record["title"] == every[0]["source"]["title"]
    assert client.get("/api/knowledge/rules/no-such-rule").status_code == 404
    assert client.get("/api/knowledge/sources/no-such-source").status_code == 404


def test_needles_and_timeline_are_plain_data(planned):
    client, case_id = planned
    needles = client.get(f"/api/cases/{case_id}/v/1/needles").json()
    assert needles
    for one in needles:
        length = np.linalg.norm(np.array(one["entry_lps"]) - one["tip_lps"])
        assert length == pytest.approx(one["length_mm"], abs=0.2)
        assert one["lesion"] in one["text"]
    line = client.get(f"/api/cases/{case_id}/v/1/timeline").json()
    assert [event["date"] for event in line["events"]] == sorted(event["date"] for event in line["events"])
    assert {lesion["id"] for lesion in line["lesions"]} == {lesion["id"] for lesion in scene_of(planned)["lesions"]}


def test_sliders_answer_and_show_their_plans(planned, tmp_path):
    client, case_id = planned
    body = {"version": 1, "remnant_percent": 35.0}
    until = time.monotonic() + 120
    while time.monotonic() < until:
        answer = client.post(f"/api/cases/{case_id}/replan", json=body)
        assert answer.status_code == 200, answer.text
        if answer.json()["prepared"]:
            break
        time.sleep(0.2)
    found = answer.json()
    assert found["plans"]
    assert found["threshold"]["percent"] == 35.0
    plan = found["plans"][-1]
    shown = client.post(f"/api/cases/{case_id}/replan/labels/native", json=body | {"n": plan["n"]})
    parts, affine = loaded(shown, tmp_path)
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000.0
    assert (parts == 1).sum() * voxel_ml == pytest.approx(plan["remnant_ml"], abs=1e-6)
    for wrong in ({"leave": ["L99"]}, {"remnant_percent": 400}, {"margin_mm": 49}, {"allow": ["prayer"]}, {"oops": 1}):
        refused = client.post(f"/api/cases/{case_id}/replan", json={"version": 1} | wrong)
        assert refused.status_code == 422, (wrong, refused.text)
    assert client.post(f"/api/cases/{case_id}/replan/labels/native", json=body | {"n": 99}).status_code == 422
    assert client.post(f"/api/cases/{case_id}/replan", json={"version": 9}).status_code == 404


def test_an_edit_is_a_version_that_can_be_undone(planned):
    client, case_id = planned
    before = scene_of(planned)
    lesion = before["lesions"][0]
    made = client.patch(
        f"/api/cases/{case_id}/lesions/{lesion['id']}", json={"based_on": 1, "action": "grow", "mm": 6.0}
    )
    assert made.status_code == 200, made.text
    number = made.json()["version"]
    assert number == 2
    assert made.json()["lesion"]["volume_ml"] > lesion["volume_ml"]
    after = scene_of(planned, number)
    assert (after["planned"], after["current"], after["plans"]) == (False, False, [])
    told = {one["id"]: one["volume_ml"] for one in after["lesions"]}
    assert told[lesion["id"]] == made.json()["lesion"]["volume_ml"]
    assert {one["id"] for one in before["lesions"]} == set(told)
    assert scene_of(planned, 1)["lesions"] == before["lesions"]
    assert not scene_of(planned, 1)["current"]
    assert client.get(f"/api/cases/{case_id}/v/{number}/reasons").status_code == 409
    assert client.get(f"/api/cases/{case_id}/v/{number}/needles").json() == []
    assert client.get(f"/api/cases/{case_id}/v/{number}/timeline").json()["events"]
    stale = client.patch(
        f"/api/cases/{case_id}/lesions/{lesion['id']}", json={"based_on": 1, "action": "grow", "mm": 6.0}
    )
    assert stale.status_code == 409
    undone = client.post(f"/api/cases/{case_id}/revert", json={"to": 1, "based_on": number})
    assert scene_of(planned, undone.json()["version"])["lesions"][0]["volume_ml"] == lesion["volume_ml"]


def test_edits_that_cannot_be_are_refused_clearly(planned):
    client, case_id = planned
    newest = client.get(f"/api/cases/{case_id}").json()["newest"]
    name = scene_of(planned, newest)["lesions"][0]["id"]
    url = f"/api/cases/{case_id}/lesions"
    for path, body, words in (
        (f"/{name}", {"action": "grow"}, "needs mm"),
        (f"/{name}", {"action": "sing"}, "action"),
        (f"/{name}", {"action": "add", "centre_lps": [[1, 2, 3]]}, "needs radius_mm"),
        (f"/{name}", {"action": "add", "centre_lps": [[1, 2, "NaN"]], "radius_mm": 3}, "centre_lps"),
        (f"/{name}", {"action": "add", "centre_lps": [[9999, 0, 0]], "radius_mm": 3}, "leaves the scan"),
        (f"/{name}", {"action": "shrink", "mm": 29}, "would be left"),
        (f"/{name}", {"action": "facts", "facts": {"nature": "evil"}}, "facts do not fit"),
        ("/L99", {"action": "grow", "mm": 2}, "There is no lesion"),
    ):
        answer = client.patch(url + path, json={"based_on": newest} | body)
        assert answer.status_code == 422, answer.text
        assert words in answer.json()["detail"], answer.text
    answer = client.post(url, json={"based_on": newest, "point_lps": [0, 0, 9000]})
    assert answer.status_code == 422
    assert "outside the liver" in answer.json()["detail"]
    assert client.request("DELETE", f"{url}/{name}", json={"based_on": newest}).status_code == 422
    assert client.get(f"/api/cases/{case_id}").json()["newest"] == newest


def test_a_deleted_lesion_is_found_again_by_a_click(planned):
    client, case_id = planned
    newest = client.get(f"/api/cases/{case_id}").json()["newest"]
    lesion = max(scene_of(planned, newest)["lesions"], key=lambda one: one["volume_ml"])
    url = f"/api/cases/{case_id}/lesions"
    gone = client.request("DELETE", f"{url}/{lesion['id']}", json={"based_on": newest, "why": "to be found again"})
    assert gone.status_code == 200, gone.text
    number = gone.json()["version"]
    assert lesion["id"] not in {one["id"] for one in scene_of(planned, number)["lesions"]}
    found = client.post(url, json={"based_on": number, "point_lps": lesion["centre_lps"]})
    assert found.status_code == 200, found.text
    again = found.json()["lesion"]
    assert again["id"] not in {one["id"] for one in scene_of(planned, newest)["lesions"]}
    assert np.linalg.norm(np.array(again["centre_lps"]) - lesion["centre_lps"]) < lesion["long_mm"] / 2
