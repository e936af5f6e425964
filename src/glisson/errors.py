"""The exception tree.

Every message says what was given, what was expected, where, and what to do next::

    GlissonError
    ├── InputError               what the user gave cannot be used
    │   ├── CaseError            case.yaml: file, line, key, given, allowed
    │   ├── ImageError           a scan or mask cannot be read or is not what it should be
    │   │   └── DicomError       a DICOM series that is incomplete, mixed, truncated or not an image
    │   ├── FrameMismatch        two grids that do not match were combined
    │   ├── SceneError           structures that cannot belong together (empty liver, lesion outside the liver)
    │   └── UnitError            a unit that is unknown or does not fit the quantity
    ├── KnowledgeError           a rule, source or table of the knowledge base is malformed
    ├── MissingExtra             an optional part is not installed; carries the install line
    ├── PacsError                a PACS or other DICOM node refused, failed, answered nonsense or could not be reached
    └── OutputError              results could not be written whole, so nothing was written
"""

from __future__ import annotations

__all__ = [
    "CaseError",
    "DicomError",
    "FrameMismatch",
    "GlissonError",
    "ImageError",
    "InputError",
    "KnowledgeError",
    "MissingExtra",
    "OutputError",
    "PacsError",
    "SceneError",
    "UnitError",
]


class GlissonError(Exception):
    """Root of all errors that Glisson raises on purpose."""


class InputError(GlissonError):
    """What the user gave cannot be used."""


class CaseError(InputError):
    """A case file is wrong; the message names file, line, key, what was given and what is allowed."""


class ImageError(InputError):
    """A scan or mask cannot be read, or is not what it should be."""


class DicomError(ImageError):
    """A DICOM series is incomplete, mixed, truncated or not an image."""


class FrameMismatch(InputError):
    """Two grids that do not match were combined."""


class SceneError(InputError):
    """Structures that cannot belong together, such as an empty liver or a lesion outside it."""


class UnitError(InputError):
    """A unit is unknown or does not fit the quantity."""


class KnowledgeError(GlissonError):
    """A rule, source or table of the knowledge base is malformed."""


class MissingExtra(GlissonError):
    """An optional part is not installed; the message carries the exact install line."""


class PacsError(GlissonError):
    """A PACS or other DICOM node refused, failed, answered nonsense or could not be reached."""


class OutputError(GlissonError):
    """Results could not be written whole, so nothing was written."""
