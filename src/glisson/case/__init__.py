"""WHO: the frozen clinical facts of one patient, and the strict case.yaml that holds them. No arrays here."""

from glisson.case.deciding import is_named_person, record_decision, refuse_unfit_decision
from glisson.case.facts import Fact, FactRow, fact_table
from glisson.case.labs import TESTS, Lab, convert
from glisson.case.loading import CASE_FILE, load_case, loads_case
from glisson.case.model import (
    Antithrombotic,
    Biomarkers,
    Board,
    Case,
    Decision,
    Extrahepatic,
    ExtrahepaticSite,
    LiverBackground,
    Patient,
    Preferences,
    Primary,
    Sign,
    Signs,
    Treatment,
    Volumetry,
)
from glisson.case.radiation import Radiation
from glisson.case.reader import CaseFileError, Problem
from glisson.case.reference import reference_page
from glisson.case.schema import case_schema
from glisson.case.studies import KnownAs, LesionFacts, MaskFile, Masks, MultiLabel, SegmentsFile, Study
from glisson.case.timeline import Event
from glisson.case.unknown import FrozenMap, Unknown, is_known
from glisson.case.writing import case_as_plain, dump_case, starter_yaml

__all__ = [
    "CASE_FILE",
    "TESTS",
    "Antithrombotic",
    "Biomarkers",
    "Board",
    "Case",
    "CaseFileError",
    "Decision",
    "Event",
    "Extrahepatic",
    "ExtrahepaticSite",
    "Fact",
    "FactRow",
    "FrozenMap",
    "Lab",
    "KnownAs",
    "LesionFacts",
    "LiverBackground",
    "MaskFile",
    "Masks",
    "MultiLabel",
    "Patient",
    "Preferences",
    "Primary",
    "Problem",
    "Radiation",
    "SegmentsFile",
    "Sign",
    "Signs",
    "Study",
    "Treatment",
    "Unknown",
    "Volumetry",
    "case_as_plain",
    "case_schema",
    "convert",
    "dump_case",
    "fact_table",
    "is_known",
    "is_named_person",
    "load_case",
    "loads_case",
    "record_decision",
    "reference_page",
    "refuse_unfit_decision",
    "starter_yaml",
]
