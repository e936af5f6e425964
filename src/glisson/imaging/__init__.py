"""READ AND WRITE: scans, masks and case folders. The only room that knows file formats; it decides nothing."""

from glisson.imaging.case_folder import check_case, read_case
from glisson.imaging.names import TOTAL_CT, TOTAL_MR, canonical
from glisson.imaging.nuclear import Emission, is_nuclear, read_emission
from glisson.imaging.raster import Raster
from glisson.imaging.readers import READERS, Reader, read_image, read_labels, read_mask, read_raster
from glisson.imaging.rtdose import RtDose, RtHeader, read_rtdose, write_rtdose
from glisson.imaging.rtstruct import Contours, RtStruct, fine_grid, read_rtstruct, structure_mask, write_rtstruct
from glisson.imaging.starter import init_case
from glisson.imaging.whole import write_whole
from glisson.imaging.write import write_labels, write_mask, write_volume

__all__ = [
    "READERS", "TOTAL_CT", "TOTAL_MR", "Contours", "Emission", "Raster", "Reader", "RtDose", "RtHeader", "RtStruct",
    "canonical", "check_case", "fine_grid", "init_case", "is_nuclear", "read_case", "read_emission", "read_image",
    "read_labels", "read_mask", "read_raster", "read_rtdose", "read_rtstruct", "structure_mask", "write_labels",
    "write_mask", "write_rtdose", "write_rtstruct", "write_volume", "write_whole",
]  # fmt: skip
