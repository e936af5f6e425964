"""The dossier: one view model of an assessment, laid out as HTML and PDF, and the findings as data."""

from __future__ import annotations

from glisson.report.answer import answer_in_one_sentence
from glisson.report.build import dossier_view
from glisson.report.numbers import findings, findings_schema
from glisson.report.view import DossierView
from glisson.report.write import write_dossier

__all__ = ["DossierView", "answer_in_one_sentence", "dossier_view", "findings", "findings_schema", "write_dossier"]
