"""WHO: the clinical facts of one patient, frozen. Each field declares its kind and meaning once; see `kinds`."""
# ruff: noqa: RUF009  (`fact` and `item` return dataclasses.field)

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - fields are called date
from typing import TYPE_CHECKING

from glisson.case import vocabulary as v
from glisson.case.kinds import Choice, Day, Flag, Number, Text
from glisson.case.labs import TESTS, Lab
from glisson.case.radiation import RADIATION, Radiation
from glisson.case.sections import ListOf, Section, fact, item
from glisson.case.studies import LesionFacts, Study
from glisson.case.unknown import Unknown

if TYPE_CHECKING:
    from glisson.case.facts import Fact
    from glisson.case.timeline import Event

__all__ = [
    "Antithrombotic", "Biomarkers", "Board", "Case", "Decision", "Extrahepatic", "ExtrahepaticSite", "LiverBackground",
    "Patient",
    "Preferences", "Primary", "Sign", "Signs", "Treatment", "Volumetry",
]  # fmt: skip

Words = tuple[str, ...]


@dataclass(frozen=True)
class Antithrombotic:
    """A drug against clotting."""

    drug: str | Unknown = fact(
        Choice(v.ANTICOAGULANTS + tuple(d for d in v.ANTIPLATELETS if d != "other")), "which drug"
    )
    last_dose: Date | Unknown = fact(Day(), "day of the last dose")
    bridged_by: str | Unknown = fact(Text(), "who decides on bridging")


@dataclass(frozen=True)
class Patient:
    """The person."""

    age_years: float | Unknown = fact(Number(0, 120, "years", example=63), "age")
    sex: str | Unknown = fact(Choice(("female", "male")), "sex, as volume formulas and MELD use it")
    height_cm: float | Unknown = fact(Number(50, 250, "cm", example=170), "height")
    weight_kg: float | Unknown = fact(Number(10, 350, "kg", example=70), "weight")
    weight_loss_percent_6_months: float | Unknown = fact(
        Number(0, 80, "%", example=5), "weight lost over the last six months"
    )
    ecog: int | Unknown = fact(Number(0, 5, whole=True), "ECOG performance status")
    karnofsky: int | Unknown = fact(Number(0, 100, "%", whole=True, example=90), "Karnofsky performance status")
    asa: int | Unknown = fact(Number(1, 5, whole=True, example=2), "ASA physical status class")
    comorbidities: Words | Unknown = fact(
        ListOf(Choice(v.COMORBIDITIES)), "other illnesses, without this cancer; [] for none"
    )
    pregnancy: bool | Unknown = fact(Flag(), "pregnant")
    breastfeeding: bool | Unknown = fact(Flag(), "breastfeeding")
    pacemaker: bool | Unknown = fact(Flag(), "pacemaker or implanted defibrillator")
    mri_safe: bool | Unknown = fact(Flag(), "magnetic resonance imaging is possible")
    allergies: Words | Unknown = fact(ListOf(Choice(v.ALLERGIES)), "allergies; [] for none")
    anticoagulants: tuple[Antithrombotic, ...] | Unknown = fact(
        ListOf(Section(Antithrombotic)),
        "anticoagulants; [] for none",
        example=[{"drug": "apixaban", "last_dose": "2024-05-01"}],
    )
    antiplatelets: tuple[Antithrombotic, ...] | Unknown = fact(
        ListOf(Section(Antithrombotic)), "antiplatelet drugs; [] for none", example=[{"drug": "aspirin"}]
    )
    dialysis: bool | Unknown = fact(Flag(), "on dialysis")
    transplant: str | Unknown = fact(Choice(v.TRANSPLANTS), "transplanted organ")
    autoimmune_disease: bool | Unknown = fact(Flag(), "active autoimmune disease")
    immunosuppression: bool | Unknown = fact(Flag(), "takes immunosuppressants or more than 10 mg prednisolone a day")
    hla_a0201: bool | Unknown = fact(Flag(), "carries HLA-A*02:01")
    nutrition: str | Unknown = fact(Choice(v.NUTRITION), "nutritional state")
    smoking: str | Unknown = fact(Choice(v.SMOKING), "smoking")
    alcohol_g_per_day: float | Unknown = fact(Number(0, 500, "g a day", example=0), "alcohol")
    directives: str | Unknown = fact(Text(), "advance directives, in words")
    carers: str | Unknown = fact(Text(), "who helps at home, in words")


@dataclass(frozen=True)
class Primary:
    """The tumour the metastases come from."""

    site: str | Unknown = fact(Choice(v.PRIMARY_SITES, v.SITE_HINTS), "where the primary tumour is")
    histology: str | Unknown = fact(Choice(v.HISTOLOGIES), "histology")
    net_origin: str | Unknown = fact(Choice(v.NET_ORIGINS), "organ of origin of a neuroendocrine tumour")
    syndrome: str | Unknown = fact(
        Choice(v.SYNDROMES), "hormone syndrome of a neuroendocrine tumour; none when not functioning"
    )
    side: str | Unknown = fact(Choice(v.SIDES), "side; for colorectal: right (to the splenic flexure), left, rectum")
    differentiation: str | Unknown = fact(Choice(("well", "moderate", "poor", "undifferentiated")), "differentiation")
    grade: int | Unknown = fact(Number(1, 4, whole=True, example=2), "grade as the pathologist states it")
    ki67_percent: float | Unknown = fact(Number(0, 100, "%", example=10), "Ki-67 index")
    mitoses_per_2mm2: float | Unknown = fact(Number(0, 500, "per 2 mm2", example=2), "mitoses")
    t: str | Unknown = fact(Choice(v.T_STAGES, example_is="t3"), "T category")
    n: str | Unknown = fact(Choice(v.N_STAGES, example_is="n1"), "N category")
    tnm_edition: int | Unknown = fact(Number(6, 9, whole=True, example=8), "edition of the TNM classification used")
    positive_nodes: int | Unknown = fact(Number(0, 200, whole=True), "lymph nodes with tumour")
    examined_nodes: int | Unknown = fact(Number(0, 200, whole=True, example=12), "lymph nodes examined")
    diagnosed: Date | Unknown = fact(Day(), "day the primary was diagnosed")
    resected: Date | Unknown = fact(Day(), "day the primary was resected")
    in_place: bool | Unknown = fact(Flag(), "the primary is still in place")
    margin: str | Unknown = fact(Choice(v.MARGINS), "margin of the resection of the primary")
    complication: str | Unknown = fact(
        Choice(("none", "obstruction", "perforation", "bleeding")), "complication of the primary"
    )
    timing: str | Unknown = fact(
        Choice(("synchronous", "metachronous")), "liver metastases with the primary or later, as the record states it"
    )


@dataclass(frozen=True)
class Biomarkers:
    """What the tumour's tissue or blood showed. Not tested is {unknown: not tested}."""

    kras: str | Unknown = fact(Choice(v.GENE), "KRAS")
    kras_g12c: bool | Unknown = fact(Flag(), "KRAS G12C is the mutation")
    nras: str | Unknown = fact(Choice(v.GENE), "NRAS")
    ras: str | Unknown = fact(Choice(v.GENE), "KRAS and NRAS together; leave out when both are given")
    braf: str | Unknown = fact(Choice(("wild-type", "v600e", "v600k", "non-v600")), "BRAF")
    msi: str | Unknown = fact(Choice(("stable", "low", "high")), "microsatellite instability")
    mmr: str | Unknown = fact(Choice(("proficient", "deficient")), "mismatch repair proteins")
    tmb_per_mb: float | Unknown = fact(Number(0, 2000, "mutations per megabase", example=5), "tumour mutational burden")
    her2: str | Unknown = fact(Choice(("negative", "low", "positive")), "HER2 (positive: 3+, or 2+ and amplified)")
    er: str | Unknown = fact(Choice(v.RESULT), "oestrogen receptor")
    pr: str | Unknown = fact(Choice(v.RESULT), "progesterone receptor")
    ar: str | Unknown = fact(Choice(v.RESULT), "androgen receptor")
    pd_l1_tps_percent: float | Unknown = fact(Number(0, 100, "%", example=10), "PD-L1 tumour proportion score")
    pd_l1_cps: float | Unknown = fact(Number(0, 100, example=10), "PD-L1 combined positive score")
    egfr: str | Unknown = fact(Choice(("wild-type", "sensitising", "exon-20", "other-mutation")), "EGFR")
    alk: str | Unknown = fact(Choice(v.FUSION), "ALK")
    ros1: str | Unknown = fact(Choice(v.FUSION), "ROS1")
    ret: str | Unknown = fact(Choice(v.FUSION), "RET")
    ntrk: str | Unknown = fact(Choice(v.FUSION), "NTRK1, NTRK2 or NTRK3")
    met_exon14: str | Unknown = fact(Choice(v.GENE), "MET exon 14 skipping")
    brca: str | Unknown = fact(Choice(("wild-type", "germline", "somatic")), "BRCA1 or BRCA2")
    pik3ca: str | Unknown = fact(Choice(v.GENE), "PIK3CA")
    esr1: str | Unknown = fact(Choice(v.GENE), "ESR1")
    fgfr2: str | Unknown = fact(Choice(v.FUSION), "FGFR2")
    idh1: str | Unknown = fact(Choice(v.GENE), "IDH1")
    kit: str | Unknown = fact(Choice(("wild-type", "exon-9", "exon-11", "other-mutation")), "KIT")
    pdgfra: str | Unknown = fact(Choice(("wild-type", "d842v", "other-mutation")), "PDGFRA")
    claudin_18_2: str | Unknown = fact(Choice(v.RESULT), "claudin 18.2")
    sstr: str | Unknown = fact(Choice(v.RESULT), "somatostatin receptors on imaging")
    dpyd: str | Unknown = fact(Choice(v.METABOLISER), "DPYD phenotype (germline)")
    ugt1a1: str | Unknown = fact(Choice(v.METABOLISER), "UGT1A1 phenotype (germline)")
    tp53: str | Unknown = fact(Choice(v.GENE), "TP53")
    smad4: str | Unknown = fact(Choice(v.GENE), "SMAD4")


@dataclass(frozen=True)
class Volumetry:
    """One measurement of the liver that is to stay, before or after veins were closed to make it grow."""

    date: Date = item(Day(), "day of the scan that was measured")
    remnant_ml: float = item(Number(10, 5000, "mL", example=300), "volume of the liver that is to stay, without tumour")


@dataclass(frozen=True)
class LiverBackground:
    """The liver that is not tumour, and what was done to it."""

    background: str | Unknown = fact(Choice(v.BACKGROUNDS), "state of the liver tissue: the worst that is known")
    chemotherapy_months: float | Unknown = fact(Number(0, 240, "months", example=4), "months of chemotherapy so far")
    last_chemotherapy: Date | Unknown = fact(Day(), "day of the last chemotherapy")
    last_bevacizumab: Date | Unknown = fact(Day(), "day of the last bevacizumab")
    metastases_found: Date | Unknown = fact(Day(), "day liver metastases were first found")
    ascites: str | Unknown = fact(Choice(v.ASCITES), "ascites")
    encephalopathy_grade: int | Unknown = fact(
        Number(0, 4, whole=True), "hepatic encephalopathy, West Haven grade (0 none)"
    )
    varices: bool | Unknown = fact(Flag(), "oesophageal or gastric varices")
    varices_treated: bool | Unknown = fact(Flag(), "varices were banded, or are under another prophylaxis of bleeding")
    portal_hypertension: bool | Unknown = fact(Flag(), "portal hypertension, as the record states it")
    hvpg_mmhg: float | Unknown = fact(Number(0, 60, "mmHg", example=4), "hepatic venous pressure gradient")
    portal_vein_thrombosis: bool | Unknown = fact(Flag(), "thrombus in the portal vein's trunk or a main branch")
    stiffness_kpa: float | Unknown = fact(Number(1, 80, "kPa", example=5), "liver stiffness")
    previous_hepatectomy: bool | Unknown = fact(Flag(), "part of the liver was resected before")
    previous_embolisation: bool | Unknown = fact(Flag(), "portal or hepatic veins were embolised before")
    volumetries: tuple[Volumetry, ...] | Unknown = fact(
        ListOf(Section(Volumetry), unique="date"), "volumetries of the liver that is to stay, each of the same part"
    )
    surgery: str | Unknown = fact(
        Choice(v.SURGERY, example_is="possible"),
        "a liver surgeon's word on removing the liver metastases (not-suitable: they or the patient are not; declined: "
        "by the patient)",
    )
    biliary: Words | Unknown = fact(
        ListOf(Choice(v.BILIARY)), "stents, drains and anastomoses of the bile ducts; [] for none"
    )
    biliary_obstruction: bool | Unknown = fact(Flag(), "bile ducts are obstructed")
    cholangitis: bool | Unknown = fact(Flag(), "cholangitis now")
    cyst_suspected: bool | Unknown = fact(Flag(), "simple cysts are in question")
    hydatid_suspected: bool | Unknown = fact(Flag(), "hydatid disease is in question")
    infiltrative: bool | Unknown = fact(Flag(), "tumour grows diffusely, so lesions cannot be counted")
    situs: str | Unknown = fact(Choice(("solitus", "inversus", "ambiguous")), "situs of the abdominal organs")


@dataclass(frozen=True)
class ExtrahepaticSite:
    """Tumour outside the liver."""

    site: str = item(Choice(v.EXTRAHEPATIC_SITES), "where")
    treatable_with_curative_intent: bool | Unknown = fact(Flag(), "it can itself be treated with curative intent")
    found: Date | Unknown = fact(Day(), "day it was found")
    treated: bool | Unknown = fact(Flag(), "it was treated with curative intent and nothing is left")
    note: str | Unknown = fact(Text(), "in words")


@dataclass(frozen=True)
class Extrahepatic:
    """Disease outside the liver, without the primary."""

    status: str | Unknown = fact(Choice(v.EXTRAHEPATIC_STATUS, example_is="present"), "what staging showed")
    sites: tuple[ExtrahepaticSite, ...] | Unknown = fact(
        ListOf(Section(ExtrahepaticSite), unique="site"), "the sites, when present"
    )
    chest_ct: Date | Unknown = fact(Day(), "day of the last chest CT")
    colonoscopy: Date | Unknown = fact(Day(), "day of the last full colonoscopy")
    pet: Date | Unknown = fact(Day(), "day of the last PET")
    laparoscopy: Date | Unknown = fact(Day(), "day of a staging laparoscopy")


@dataclass(frozen=True)
class Treatment:
    """One treatment, done, going on or planned."""

    kind: str = item(Choice(v.TREATMENTS), "what was done")
    name: str | Unknown = fact(Text(), "the regimen or operation, in words", example="FOLFOX")
    drugs: Words | Unknown = fact(
        ListOf(Choice(v.DRUGS, (("5-fu", "fluorouracil"), ("5fu", "fluorouracil")))), "its drugs"
    )
    line: int | Unknown = fact(Number(0, 20, whole=True), "line of palliative treatment (0: around an operation)")
    start: Date | Unknown = fact(Day(), "first day")
    stop: Date | Unknown = fact(Day(), "last day")
    ongoing: bool | Unknown = fact(Flag(), "it goes on")
    cycles: int | Unknown = fact(Number(0, 200, whole=True, example=6), "cycles given")
    response: str | Unknown = fact(Choice(v.RESPONSES), "best response, or progression when it ended so")
    note: str | Unknown = fact(Text(), "in words")


@dataclass(frozen=True)
class Sign:
    """A symptom or sign that is there."""

    sign: str = item(Choice(v.SIGNS, example_is="fatigue"), "which")
    onset: Date | Unknown = fact(Day(), "since when")
    note: str | Unknown = fact(Text(), "in words")


@dataclass(frozen=True)
class Signs:
    """Symptoms and signs. One that is neither present nor absent is unknown, unless the list is complete."""

    present: tuple[Sign, ...] = item(ListOf(Section(Sign, scalar="sign"), unique="sign"), "what is there", default=())
    absent: Words = item(
        ListOf(Choice(v.SIGNS, example_is="jaundice")), "what was asked or looked for and is not there", default=()
    )
    complete: bool = item(Flag(), "everything not listed as present is absent", default=False)


@dataclass(frozen=True)
class Preferences:
    """What the patient wants."""

    wish: str | Unknown = fact(Text(), "the patient's wish in their own words")
    goals: Words | Unknown = fact(ListOf(Choice(v.GOALS)), "what matters most, first first")
    wants_survival_figures: bool | Unknown = fact(Flag(), "the patient asked for figures on survival")


@dataclass(frozen=True)
class Board:
    """The meeting."""

    date: Date | Unknown = fact(Day(), "day of the board")
    question: str | Unknown = fact(Text(), "the question to the board")
    presents: str | Unknown = fact(Text(), "who presents")
    tells_patient: str | Unknown = fact(Text(), "who tells the patient")
    next_step_by: Date | Unknown = fact(Day(), "by when the next step is due")


@dataclass(frozen=True)
class Decision:
    """What the board decided, recorded by a named clinician (`glisson decide`). The patient's letter rests on it."""

    by: str = item(Text(example="Dr A. Example"), "the clinician who records it")
    date: Date = item(Day(), "day it was recorded")
    text: str = item(Text(), "the decision")
    dissent: str | None = item(Text(), "dissent, if any", default=None)
    role: str | None = item(Text(example="consultant surgeon"), "what the clinician is", default=None)
    treatment: Words = item(
        ListOf(Text(example="resection")), "the treatments decided on, first first, by their names in the rules",
        default=(),
    )  # fmt: skip
    intent: str | None = item(Choice(v.INTENTS), "the aim, when the board stated one", default=None)
    reason: str | None = item(Text(), "why, in words the patient can read", default=None)
    next_step: str | None = item(Text(), "what happens next, in words the patient can read", default=None)
    next_by: Date | None = item(Day(), "by when", default=None)
    despite: str | None = item(
        Text(), "why a treatment is chosen that the rules call contraindicated, in words the patient can read",
        default=None,
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Everything the record says of one patient. Read it with `load_case`; write it with `dump_case`."""

    id: str = item(Text("a short name", example="patient-1"), "name of the case, without the patient's name")
    board: Board = item(Section(Board), "the meeting", default=Board())
    patient: Patient = item(Section(Patient), "the person", default=Patient())
    primary: Primary = item(Section(Primary), "the primary tumour", default=Primary())
    biomarkers: Biomarkers = item(Section(Biomarkers), "biomarkers of the tumour", default=Biomarkers())
    labs: tuple[Lab, ...] = item(
        ListOf(Section(Lab)),
        "laboratory results, each with unit and date",
        default=(),
        example=[{"test": "bilirubin", "value": 14, "unit": "umol/L", "date": "2024-05-01"}],
    )
    liver: LiverBackground = item(
        Section(LiverBackground), "the liver apart from the tumour", default=LiverBackground()
    )
    extrahepatic: Extrahepatic = item(Section(Extrahepatic), "disease outside the liver", default=Extrahepatic())
    treatments: tuple[Treatment, ...] | Unknown = fact(ListOf(Section(Treatment)), "treatments so far; [] for none")
    incomplete: Words = item(
        ListOf(Choice(v.LISTS)),
        "lists of this file that may lack entries, so that what they do not name is unknown",
        default=(),
    )
    signs: Signs = item(Section(Signs), "symptoms and signs", default=Signs())
    preferences: Preferences = item(Section(Preferences), "what the patient wants", default=Preferences())
    lesions: tuple[LesionFacts, ...] = item(
        ListOf(Section(LesionFacts), unique="id"), "what the record says of each lesion", default=()
    )
    studies: tuple[Study, ...] = item(ListOf(Section(Study), unique="id"), "scans and their masks", default=())
    radiation: tuple[Radiation, ...] = item(RADIATION, "courses of radiation with their dose files", default=())
    decision: Decision | None = item(Section(Decision), "the board's decision, once recorded", default=None)

    @property
    def question(self) -> str | Unknown:
        """The question to the board."""
        return self.board.question

    @property
    def wish(self) -> str | Unknown:
        """The patient's wish in their own words."""
        return self.preferences.wish

    @property
    def as_of(self) -> Date | Unknown:
        """The day the case is looked at: of the board, else of the last dated study. Never today's."""
        if not isinstance(self.board.date, Unknown):
            return self.board.date
        days = [study.date for study in self.studies if not isinstance(study.date, Unknown)]
        return max(days) if days else Unknown("neither the board's date nor that of a study is recorded")

    def lab(self, test: str, at: Date | None = None) -> Lab | Unknown:
        """The latest result of a test, on or before `at` when given.

        An undated result counts only when no day is asked and none is dated.

        Raises KeyError for a test that is not in `TESTS`.
        """
        if test not in TESTS:
            raise KeyError(f"'{test}' is not a test; known tests: {', '.join(TESTS)}")
        own = [lab for lab in self.labs if lab.test == test]
        dated = sorted((lab.date, index) for index, lab in enumerate(own) if isinstance(lab.date, Date))
        if at is not None:
            dated = [pair for pair in dated if pair[0] <= at]
            return own[dated[-1][1]] if dated else Unknown(f"not recorded on or before {at.isoformat()}")
        if dated:
            return own[dated[-1][1]]
        return own[-1] if own else Unknown()

    def lesion(self, lesion_id: str) -> LesionFacts:
        """What the record says of a lesion; one it does not mention is indeterminate and says why."""
        return next((lesion for lesion in self.lesions if lesion.id == lesion_id), LesionFacts(lesion_id))

    def facts(self) -> dict[str, Fact]:
        """Every fact by its dotted path (`fact_table` documents them): the one mapping that rules see."""
        from glisson.case.facts import facts_of

        return facts_of(self)

    def timeline(self) -> tuple[Event, ...]:
        """Every dated event, earliest first."""
        from glisson.case.timeline import events_of

        return events_of(self)
