"""A case from its import to the patient's letter and its export, over HTTP, on both databases."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .conftest import Running, import_zip, place_case, unprepared, wait


@pytest.fixture(scope="module")
def editor(served: Running) -> httpx.Client:
    return served.client("ed")


@pytest.fixture(scope="module")
def planned(editor: httpx.Client, small_zip: Path) -> str:
    """A case that was imported and planned."""
    case_id = import_zip(editor, small_zip, "Mrs Example")
    answer = editor.post(f"/api/cases/{case_id}/plan", json={})
    assert answer.status_code == 202, answer.text
    jobs = wait(editor, case_id, kinds=("plan",))
    assert jobs[-3]["kind"] == "plan"
    assert jobs[-3]["state"] == "done", jobs
    unprepared(editor, case_id)
    return case_id


def test_a_planned_case_is_current_and_its_dossier_can_be_read(editor: httpx.Client, planned: str):
    found = editor.get(f"/api/cases/{planned}").json()
    assert (found["state"], found["newest"], found["planned_version"]) == ("current", 1, 1)
    assert found["title"] == "Mrs Example"
    assert found["answer"]
    assert found["versions"][0]["by"] == "ed"
    assert found["versions"][0]["planned"]
    page = editor.get(f"/api/cases/{planned}/results/1/dossier.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert editor.get(f"/api/cases/{planned}/results/1/dossier.pdf").content.startswith(b"%PDF")
    assert editor.get(f"/api/cases/{planned}/results/1/plans.json").json()["plans"]
    assert editor.get(f"/api/cases/{planned}/results/1/nothing.html").status_code == 404


def test_a_decision_comes_before_the_letter(editor: httpx.Client, planned: str):
    refused = editor.get(f"/api/cases/{planned}/letter")
    assert refused.status_code == 409
    assert "decision" in refused.json()["detail"]
    given = {
        "version": 1, "plan": 1, "decided": "Remove both lesions", "reasons": "All spots can be removed.",
        "dissent": "One would wait.", "members": ["Dr A", "Dr B"], "reviewed_by": "the board", "intent": "cure",
    }  # fmt: skip
    nobody = editor.post(f"/api/cases/{planned}/decision", json=given)
    assert nobody.status_code == 422
    assert "names nobody" in nobody.json()["detail"]
    unknown = editor.post(f"/api/cases/{planned}/decision", json={**given, "reviewed_by": "Dr Ada Example", "plan": 99})
    assert unknown.status_code == 422
    done = editor.post(f"/api/cases/{planned}/decision", json={**given, "reviewed_by": "Dr Ada Example"})
    assert done.status_code == 201, done.text
    assert done.json()["n"] == 1
    jobs = wait(editor, planned)
    held = editor.get(f"/api/cases/{planned}/decisions").json()
    assert [(one["n"], one["by"], one["dissent"]) for one in held] == [(1, "ed", "One would wait.")]
    letter = editor.get(f"/api/cases/{planned}/letter")
    assert letter.status_code == 200, (letter.text, jobs[0])
    assert "Dr Ada Example" in letter.text
    assert editor.get(f"/api/cases/{planned}/letter.pdf").content.startswith(b"%PDF")


def test_edits_are_versions_and_older_results_are_stale(editor: httpx.Client, planned: str):
    before = editor.get(f"/api/cases/{planned}/facts").json()
    newest = before["version"]
    changed = before["yaml"] + "\n# seen by the board\n"
    done = editor.put(f"/api/cases/{planned}/facts", json={"yaml": changed, "based_on": newest})
    assert done.json() == {"version": newest + 1}
    late = editor.put(f"/api/cases/{planned}/facts", json={"yaml": changed, "based_on": newest})
    assert (late.status_code, late.json()["newest"]) == (409, newest + 1)
    assert editor.get(f"/api/cases/{planned}").json()["state"] == "stale"
    back = editor.post(f"/api/cases/{planned}/revert", json={"to": newest, "based_on": newest + 1})
    assert back.json() == {"version": newest + 2}
    assert editor.get(f"/api/cases/{planned}/facts").json()["yaml"] == before["yaml"]
    wait(editor, planned)
    found = editor.get(f"/api/cases/{planned}").json()
    assert found["checked"]
    assert {"level", "about", "text"} <= set(found["problems"][0])
    versions = found["versions"]
    assert [(v["based_on"], v["planned"]) for v in versions[-2:]] == [(newest, False), (newest + 1, False)]
    assert versions[-1]["what"] == f"back to version {newest}"


def test_facts_that_do_not_fit_come_back_with_every_problem(editor: httpx.Client, planned: str):
    newest = editor.get(f"/api/cases/{planned}").json()["newest"]
    text_given = "id: x\nprimary: {site: rektum}\nliver: {background: 3}\n"
    refused = editor.put(f"/api/cases/{planned}/facts", json={"yaml": text_given, "based_on": newest})
    assert refused.status_code == 422
    problems = refused.json()["problems"]
    assert len(problems) >= 2
    assert {"line", "key", "given", "allowed", "text"} <= set(problems[0])
    assert [p["line"] for p in problems] == sorted(p["line"] for p in problems)


def test_the_export_holds_everything_and_can_be_imported_again(
    editor: httpx.Client, planned: str, served: Running, tmp_path: Path
):
    answer = editor.get(f"/api/cases/{planned}/export/1")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {"case/case.yaml", "results/dossier.html", "decisions.json", "audit.json", "files.json"} <= set(names)
        hashes = json.loads(archive.read("files.json"))
        assert {f"case/{name}" for name in hashes} == {name for name in names if name.startswith("case/")}
    assert served.core.store.verify(planned) == []
    path = tmp_path / "again.zip"
    path.write_bytes(answer.content)
    again = import_zip(editor, path, "Again")
    assert served.core.store.files(again, 1) == hashes


def test_the_trail_tells_it_all_and_cannot_be_changed(served: Running, editor: httpx.Client, planned: str):
    entries = editor.get("/api/audit", params={"case": planned}).json()
    told = [entry["what"] for entry in entries]
    assert told[:2] == ["case created", "version"]
    assert {"planned", "case opened"} <= set(told)
    assert all(entry["case"] == planned for entry in entries)
    assert "Example" not in json.dumps([entry["detail"] for entry in entries])
    assert served.core.audit.broken_at() is None
    for statement in ("UPDATE audit SET action = 'nothing' WHERE n = 1", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"), served.core.database.write() as connection:
            connection.execute(text(statement))
    assert served.core.audit.broken_at() is None


def test_a_changed_entry_breaks_the_chain(served: Running):
    trail = served.core.audit
    trail.record(None, "something")
    drop, again = {
        "sqlite": ("DROP TRIGGER audit_no_update", None),
        "postgresql": ("ALTER TABLE audit DISABLE TRIGGER ALL", "ALTER TABLE audit ENABLE TRIGGER ALL"),
    }[served.core.database.kind]
    with served.core.database.read() as connection:
        connection.execute(text(drop))
        connection.execute(text("UPDATE audit SET user_name = 'somebody else' WHERE n = 2"))
        if again:
            connection.execute(text(again))
        query = "SELECT n, at, user_id, user_name, action, case_id, detail, before, hash FROM audit ORDER BY n"
        rows = connection.execute(text(query)).all()
        connection.rollback()
    assert rows[1].user_name == "somebody else"
    assert trail.first_broken([dict(row._mapping) for row in rows]) == 2
    assert trail.broken_at() is None


def test_the_chain_tells_entries_that_were_rewritten_taken_out_or_put_in(served: Running):
    """Also those whose own hash was made anew, by the recipe of the docstring and not by its code."""
    trail = served.core.audit
    for _ in range(4):
        trail.record(None, "something")
    rows: list[dict[str, Any]] = [vars(entry) | {"detail": json.dumps(entry.detail)} for entry in trail.entries()][:6]
    for row in rows:
        row["detail"] = json.dumps(json.loads(row["detail"]), sort_keys=True, ensure_ascii=False)
    assert trail.first_broken(rows) is None

    def forged(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
        made = row | changes
        order = ("n", "at", "user_id", "user_name", "action", "case_id", "detail", "before")
        text = json.dumps([made[name] for name in order], ensure_ascii=False)
        return made | {"hash": hashlib.sha256(text.encode()).hexdigest()}

    assert forged(rows[1]) == rows[1], "the recipe is right"
    assert trail.first_broken([rows[0], forged(rows[1], user_name="eve"), *rows[2:]]) == 3
    assert trail.first_broken([rows[0], *rows[2:]]) == 2
    assert trail.first_broken([rows[0], forged(rows[2], n=2), *rows[3:]]) == 2
    assert trail.first_broken([rows[0], rows[2], rows[1], *rows[3:]]) == 2
    assert trail.first_broken([*rows[:2], forged(rows[2], n=3, action="x"), *rows[2:]]) == 4


def test_deleting_is_for_administrators_and_leaves_only_the_trail(
    served: Running, editor: httpx.Client, small_case: Path
):
    case_id = place_case(served, small_case)
    assert editor.delete(f"/api/cases/{case_id}").status_code == 403
    admin = served.client("ada")
    assert admin.delete(f"/api/cases/{case_id}").status_code == 204
    assert admin.get(f"/api/cases/{case_id}").status_code == 404
    assert admin.delete(f"/api/cases/{case_id}").status_code == 404
    assert not (served.settings.data_dir / "cases" / case_id).exists()
    assert admin.get("/api/audit", params={"case": case_id}).json()[-1]["what"] == "case deleted"


def test_a_job_can_be_cancelled_and_leaves_nothing(served: Running, editor: httpx.Client, small_case: Path):
    case_id = place_case(served, small_case)
    job = editor.post(f"/api/cases/{case_id}/plan", json={}).json()["job"]
    assert editor.delete(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"
    assert editor.delete(f"/api/jobs/{job['id']}").status_code == 409
    wait(editor, case_id)
    assert editor.get(f"/api/cases/{case_id}").json()["state"] == "new"
    assert served.core.store.results_folder(case_id, 1) is None


def test_a_plan_that_cannot_be_made_says_why(served: Running, editor: httpx.Client, small_case: Path):
    case_id = place_case(served, small_case)
    bad = editor.post(f"/api/cases/{case_id}/plan", json={"settings": {"allow": ["magic"]}})
    assert bad.status_code == 422
    assert "magic" in bad.json()["detail"]
    assert editor.post(f"/api/cases/{case_id}/plan", json={"version": 7}).status_code == 404
