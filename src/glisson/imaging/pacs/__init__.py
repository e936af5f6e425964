"""PACS and other DICOM nodes: search, fetch, store and listen, by DICOMweb and by the classic network protocol.

Needs the extra `glisson[pacs]`; nothing here is loaded before it is used.
"""

from glisson.imaging.pacs.archive import Archive, SeriesEntry, StudyEntry, open_archive, patiently
from glisson.imaging.pacs.fetch import DICOM_FOLDER, Fetched, fetch_study
from glisson.imaging.pacs.listen import Listening, listening
from glisson.imaging.pacs.node import Credentials, Node, node_at
from glisson.imaging.pacs.storing import Stored, dicom_files, store_files

__all__ = [
    "DICOM_FOLDER", "Archive", "Credentials", "Fetched", "Listening", "Node", "SeriesEntry", "Stored", "StudyEntry",
    "dicom_files", "fetch_study", "listening", "node_at", "open_archive", "patiently", "store_files",
]  # fmt: skip
