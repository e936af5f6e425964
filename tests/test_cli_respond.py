"""`glisson respond` as a person or a script types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from glisson.cli.respond import respond
from glisson.errors import InputError, OutputError

app = typer.Typer()
app.command()(respond)

TABLE = """\
patient,reader,date,lesion,organ,kind,node,diameter_mm,status,hu
P1,R1,2026-01-05,T1,liver,target,no,60,,80
P1,R1,2026-01-05,T2,liver,target,no,40,,80
P1,R1,2026-01-05,B,bone,non-target,no,,present,
P1,R1,2026-03-02,T1,liver,target,no,48,,60
P1,R1,2026-03-02,T2,liver,target,no,40,,60
P1,R1,2026-03-02,B,bone,non-target,no,,present,
P1,R1,2026-04-27,T1,liver,target,no,70,,60
P1,R1,2026-04-27,T2,liver,target,no,36,,60
P1,R1,2026-04-27,B,bone,non-target,no,,present,
P2,R1,2026-01-05,T1,liver,target,no,30,,80
P2,R1,2026-03-02,T1,liver,target,no,,not evaluable,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def run(*arguments: str | Path):
    return CliRunner().invoke(app, [str(word) for word in arguments])


def answer(*arguments: str | Path) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_json_of_recist(table: Path) -> None:
    found = answer(table, "--criteria", "recist-1.1")
    assert found["criteria"] == "recist-1.1"
    first, second = found["patients"]
    keys = ("sum_mm", "target", "non_target", "new", "overall")
    assert [[row[key] for key in keys] for row in first["dates"]] == [
        [100.0, None, None, False, "baseline"],
        [88.0, "SD", "non-CR/non-PD", False, "SD"],
        [106.0, "PD", "non-CR/non-PD", False, "PD"],
    ]
    assert [row["date"] for row in first["dates"]] == ["2026-01-05", "2026-03-02", "2026-04-27"]
    assert (first["patient"], first["reader"], first["best"], first["best_confirmed"]) == ("P1", "R1", "SD", "SD")
    assert second["dates"][1] | {"why": []} == {
        "date": "2026-03-02", "sum_mm": None, "value": None, "unit": "mm", "change_from_baseline_percent": None,
        "change_from_nadir_percent": None, "target": "NE", "non_target": None, "new": False, "overall": "NE",
        "why": [], "near_limit": [],
    }  # fmt: skip
    assert (second["best"], second["best_confirmed"]) == ("NE", "NE")
    assert first["dates"][2]["change_from_nadir_percent"] == 20.45
    assert found["beside"] == found["disagreements"] == []


def test_recist_is_the_default(table: Path) -> None:
    assert answer(table) == answer(table, "--criteria", "recist-1.1")


def test_criteria_beside_each_other(table: Path) -> None:
    found = answer(table, "--criteria", "recist-1.1,choi")
    assert [own["criteria"] for own in found["beside"]] == ["choi"]
    dates = [one["date"] for one in found["disagreements"]]
    assert dates == ["2026-03-02", "2026-04-27"]
    assert found["disagreements"][0]["overall"] == {"recist-1.1": "SD", "choi": "PR"}


def test_all_means_those_with_a_column(table: Path) -> None:
    assert [own["criteria"] for own in answer(table, "--criteria", "all")["beside"]] == ["irecist", "choi"]


def test_growth_and_projection(table: Path) -> None:
    found = {(one["patient"], one["lesion"]): one for one in answer(table, "--project-to", 100)["growth"]}
    assert set(found) == {("P1", "T1"), ("P1", "T2")}
    assert found["P1", "T2"]["growing"] is None
    assert found["P1", "T1"]["projection"]["text"].startswith("projection: 100 mm")
    assert "projection" not in answer(table, "--growth")["growth"][0]


def test_markers(table: Path, tmp_path: Path) -> None:
    markers = tmp_path / "markers.csv"
    markers.write_text(
        "patient,date,marker,value\nP1,2026-01-05,CEA,10\nP1,2026-02-05,CEA,14\nP1,2026-03-05,CEA,7\nP2,2026-01-05,CEA,3\n"
    )
    (one,) = answer(table, "--markers", markers)["markers"]
    assert (one["patient"], one["marker"], one["surge"]) == ("P1", "CEA", True)
    for bad, words in (
        ("patient,date,value\n", "marker"),
        ("patient,date,marker,value\nP1,5.1.26,CEA,1\n", "row 2, column date"),
        ("patient,date,marker,value\nP1,2026-01-05,CEA,high\n", "row 2, column value"),
        ("patient,date,marker,value\nP1,2026-01-05,CEA,0\n", "above 0"),
        ("patient,date,marker,value\nP1,2026-01-05,CEA,1\nP1,2026-01-05,CEA,2\n", "row 3"),
    ):
        markers.write_text(bad)
        result = run(table, "--markers", markers)
        assert isinstance(result.exception, InputError)
        assert words in str(result.exception)


def test_figures(table: Path, tmp_path: Path) -> None:
    found = answer(table, "--figures", tmp_path / "plots")
    assert found["figures"] == ["sums-1.png", "sums-2.png", "spider.png", "waterfall.png"]
    assert all((tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG") for name in found["figures"])
    assert isinstance(run(table, "--figures", table).exception, OutputError)


def test_words_for_people(table: Path) -> None:
    result = run(table, "--criteria", "recist-1.1,choi", "--growth", "--project-to", "100")
    for words in (
        "patient P1, reader R1: best SD, confirmed SD",
        "the criteria disagree",
        "near the limit of progression",
        "no change beyond measuring error",
        "projection: 100 mm",
        "target T1 was not measured",
    ):
        assert words in result.stdout


def test_refusals(table: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((tmp_path / "none.csv",), "no file"),
        ((tmp_path,), "cannot be read"),
        ((table, "--criteria", "who"), "recist-1.1"),
        ((table, "--reader-error", "200"), "below 100"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, InputError), arguments
        assert words in str(result.exception)


def test_a_table_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(TABLE.replace("bone", "L\xe9ber").encode("latin-1"))
    assert isinstance(run(path).exception, InputError)


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "response.md").read_text()
    path = tmp_path / "table.csv"
    path.write_text(page.split("```csv\n")[1].split("```")[0])
    (one,) = answer(path)["patients"]
    assert [(row["sum_mm"], row["target"], row["non_target"], row["overall"]) for row in one["dates"]] == [
        (118.0, None, None, "baseline"),
        (47.0, "PR", "non-CR/non-PD", "PR"),
        (None, "NE", "non-CR/non-PD", "NE"),
    ]
    assert (one["best"], one["best_confirmed"]) == ("PR", "SD")
