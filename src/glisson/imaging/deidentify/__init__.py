"""DICOM files without the person: PS3.15 Annex E, with dates shifted and identifiers replaced alike everywhere."""

from glisson.imaging.deidentify.folder import Removal, deidentify_folder
from glisson.imaging.deidentify.profile import OPTIONS, Options
from glisson.imaging.deidentify.values import Key, read_key

__all__ = ["OPTIONS", "Key", "Options", "Removal", "deidentify_folder", "read_key"]
