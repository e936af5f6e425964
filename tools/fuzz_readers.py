"""Feed broken files to every reader: each must end in a clear refusal, never in a crash, a hang or more than 1 GiB.

    python tools/fuzz_readers.py --inputs 10000            every kind, that many inputs in all
    python tools/fuzz_readers.py --kinds nifti,yaml        some kinds

Inputs follow from their kind and number, so a finding is made again by `--kinds KIND --first N --inputs 1`. Each kind
runs in a process of its own, which may take 1 GiB more than it has after reading a sound file once, and 20 seconds an
input. Exit code 1 when anything but a refusal (an error of Glisson's own) or a success was seen.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MOST_BYTES = 1 << 30
MOST_SECONDS = 20
SILENCE_SECONDS = 60
"""A worker that says nothing for so long hangs where no signal reaches it."""

HEADER_BYTES = 2048
"""Most changes fall into the first bytes, where files say what they are."""

ARCHIVE_BYTES = 50_000_000
"""Most that an archive may unpack to."""

NUMBERS = (0, 1, -1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
FLOATS = (0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), -float("inf"))
WORDS = (
    "0", "-1", "1e999", "nan", "99999999999999999999", "null", "~", "[]", "{}", "[" * 300, "{" * 300, "- " * 200, '"',
    "'", "&a [*a, *a]", "*a", "!!python/object:os.system", "\x00", "\ud7ff", "2024-02-30", "../../../etc/passwd",
    "x" * 5000, "true", "? ", ": ", "\t", "---", "<<: *a", "!!binary", "0x7fffffff", "1:2:3", "%",
)  # fmt: skip


class Kind:
    """A kind of file: how a sound one is made, how it is broken, and what reads it."""

    def __init__(self, make: Callable[[Path], Path], read: Callable[[Path], Any], *, text: bool = False) -> None:
        self.make, self.read, self.text = make, read, text


def broken(blob: bytes, chance: random.Random) -> bytes:
    """Bytes changed in one to eight places."""
    data = bytearray(blob)
    for _ in range(chance.randint(1, 8)):
        _change(data, chance)
    return bytes(data)


def _change(data: bytearray, chance: random.Random) -> None:
    if not data:
        return
    top = min(len(data), HEADER_BYTES) if chance.random() < 0.75 else len(data)
    at, length = chance.randrange(top), chance.randint(1, 64)
    what = chance.randrange(9)
    if what == 0:
        data[at] ^= 1 << chance.randrange(8)
    elif what == 1:
        data[at] = chance.randrange(256)
    elif what == 2:
        data[at : at + 2] = struct.pack("<q", chance.choice(NUMBERS))[:2]
    elif what == 3:
        data[at : at + 4] = struct.pack("<q", chance.choice(NUMBERS))[:4]
    elif what == 4:
        data[at : at + 4] = struct.pack("<f", chance.choice(FLOATS))
    elif what == 5:
        del data[at : at + length]
    elif what == 6:
        data[at:at] = data[at : at + length]
    elif what == 7:
        data[at:at] = chance.randbytes(length)
    elif chance.random() < 0.3:
        del data[at:]


def broken_text(blob: bytes, chance: random.Random) -> bytes:
    """Lines and words of a text changed in one to six places; sometimes its bytes too."""
    lines = blob.decode("utf-8").split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        what = chance.randrange(6)
        if what == 0:
            del lines[at]
            lines = lines or [""]
        elif what == 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif what == 2:
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {chance.choice(WORDS)}"
        elif what == 3:
            lines[at] = " " * chance.randint(0, 9) + lines[at].lstrip()
        elif what == 4:
            place = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + chance.choice(WORDS) + lines[at][place:]
        else:
            lines.insert(at, chance.choice(WORDS))
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    return broken(text, chance) if chance.random() < 0.15 else text


def a_volume() -> np.ndarray[Any, Any]:
    """A small ramp."""
    return np.arange(10 * 9 * 8, dtype=np.int16).reshape(10, 9, 8)


def make_nifti(folder: Path) -> Path:
    """A sound NIfTI file."""
    import nibabel

    path = folder / "sound.nii"
    nibabel.save(nibabel.Nifti1Image(a_volume(), np.diag([1.5, 1.5, 2.0, 1.0])), path)
    return path


def make_nifti_gz(folder: Path) -> Path:
    """A sound compressed NIfTI file, whose compressed bytes are broken."""
    path = folder / "sound.nii.gz"
    path.write_bytes(gzip.compress(make_nifti(folder).read_bytes(), mtime=0))
    return path


def make_nrrd(folder: Path) -> Path:
    """A sound NRRD file."""
    import SimpleITK as sitk  # noqa: N813

    path = folder / "sound.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(a_volume()), str(path))
    return path


def make_meta(folder: Path) -> Path:
    """A sound MetaImage file."""
    import SimpleITK as sitk  # noqa: N813

    path = folder / "sound.mha"
    sitk.WriteImage(sitk.GetImageFromArray(a_volume()), str(path))
    return path


def make_dicom(folder: Path) -> Path:
    """One slice of a sound CT series that has a folder to itself."""
    import pydicom

    series = folder / "series"
    series.mkdir(exist_ok=True)
    for number in range(4):
        data = a_slice(number)
        pydicom.dcmwrite(series / f"{number}.dcm", data, enforce_file_format=True)
    return series / "1.dcm"


def a_slice(number: int) -> Any:
    """A CT slice of 16 x 16 voxels."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"1.2.3.4.{number}"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.9"
    data.Modality, data.ImageType, data.PatientID = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "X"
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 16, 16, 15
    data.PixelRepresentation, data.SamplesPerPixel, data.PhotometricInterpretation = 1, 1, "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept, data.SliceThickness = 1, -1024, 2
    data.PixelSpacing, data.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient, data.InstanceNumber = [0, 0, 2 * number], number + 1
    data.PixelData = np.arange(256, dtype=np.int16).tobytes()
    return data


def a_mask() -> Any:
    """A cube in a small grid."""
    from glisson.geometry import Grid, Mask

    held = np.zeros((12, 12, 6), bool)
    held[3:9, 3:9, 1:5] = True
    return Mask(held, Grid(held.shape, np.diag([2.0, 2.0, 3.0, 1.0])))


def make_rtstruct(folder: Path) -> Path:
    """A sound structure set."""
    from glisson.imaging import write_rtstruct

    return write_rtstruct(folder / "sound.dcm", {"liver": a_mask()})


def make_rtdose(folder: Path) -> Path:
    """A sound dose."""
    from glisson.geometry import Volume
    from glisson.imaging import write_rtdose

    mask = a_mask()
    return write_rtdose(folder / "sound.dcm", Volume(mask.data.astype(np.float64) * 30, mask.grid))


def make_pet(folder: Path) -> Path:
    """One slice of a sound PET series that has a folder to itself."""
    import pydicom
    from pydicom.dataset import Dataset
    from pydicom.uid import PositronEmissionTomographyImageStorage

    series = folder / "pet"
    series.mkdir(exist_ok=True)
    for number in range(3):
        data = a_slice(number)
        data.SOPClassUID, data.Modality, data.Units = PositronEmissionTomographyImageStorage, "PT", "BQML"
        data.SeriesDate, data.SeriesTime, data.AcquisitionDate, data.AcquisitionTime = ("20240101", "101500") * 2
        data.DecayCorrection, data.CorrectedImage = "START", ["ATTN", "DECY"]
        tracer = Dataset()
        tracer.RadionuclideHalfLife, tracer.RadionuclideTotalDose = "230760", "1e9"
        tracer.RadiopharmaceuticalStartDateTime = "20240101090000"
        data.RadiopharmaceuticalInformationSequence = [tracer]
        data.PixelData = np.arange(256, dtype=np.int16).tobytes()
        data.RescaleIntercept = 0
        pydicom.dcmwrite(series / f"{number}.dcm", data, enforce_file_format=True)
    return series / "1.dcm"


def make_seg(folder: Path) -> Path:
    """A sound DICOM segmentation of the CT series."""
    from glisson.geometry import Mask
    from glisson.imaging.dicom_seg import Segment, write_seg
    from glisson.imaging.dicom_source import ResultHeader, Term, read_source

    make_dicom(folder)
    source = read_source(folder / "series")
    held = np.zeros(source.grid.shape, bool)
    held[3:9, 4:10, 1:3] = True
    liver, structure = Term("10200004", "SCT", "Liver"), Term("123037004", "SCT", "Anatomical Structure")
    outline = Segment("Liver", Mask(held, source.grid), structure, liver, "by hand")
    write_seg(folder / "seg.dcm", [outline], source, ResultHeader("key", "1.0"), label="A", number=(9, 1))
    return folder / "seg.dcm"


def make_report(folder: Path) -> Path:
    """A sound measurement report of the CT series."""
    from glisson.imaging.dicom_source import ResultHeader, Term, read_source
    from glisson.imaging.dicom_sr import Measured, ReportedFinding, write_sr

    make_dicom(folder)
    source = read_source(folder / "series")
    millimetres, long = Term("mm", "UCUM", "millimeter"), Term("103339001", "SCT", "Long Axis")
    mass = Term("4147007", "SCT", "Mass")
    ends = np.array([[3.0, 4.0, 2.0], [8.0, 9.0, 2.0]])
    found = ReportedFinding(("L1", "1.2.11"), mass, (), (Measured(long, 7.1, millimetres, ends),))
    write_sr(folder / "sr.dcm", [found], source, ResultHeader("key", "1.0"), label="findings", number=(2, 1))
    return folder / "sr.dcm"


def make_bundle(folder: Path) -> Path:
    """A sound FHIR bundle."""
    about = {"reference": "Patient/p"}
    diabetes = {"coding": [{"system": "http://snomed.info/sct", "code": "73211009"}]}
    bilirubin = {"coding": [{"system": "http://loinc.org", "code": "14631-6"}]}
    confirmed = {"coding": [{"code": "confirmed"}]}
    value = {"value": 14, "unit": "umol/L", "system": "http://unitsofmeasure.org", "code": "umol/L"}
    resources = (
        {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1961-02-03"},
        {"resourceType": "Condition", "subject": about, "verificationStatus": confirmed, "code": diabetes},
        {"resourceType": "Observation", "status": "final", "subject": about, "code": bilirubin,
         "effectiveDateTime": "2024-05-01", "valueQuantity": value},
        {"resourceType": "Procedure", "status": "completed", "subject": about, "performedDateTime": "2024-01-05",
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "107963000", "display": "Liver excision"}]}},
    )  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    path = folder / "bundle.json"
    path.write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    return path


def packed(folder: Path) -> dict[str, bytes]:
    """What a sound archive holds: a scan, and facts in a folder."""
    return {"scan.nii": make_nifti(folder).read_bytes(), "patient/case.yaml": b"id: a\nprimary: {site: colon}\n" * 9}


def make_zip(folder: Path) -> Path:
    """A sound zip, with a member that is packed and one that is not."""
    import zipfile

    path = folder / "sound.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(packed(folder).items()):
            kind = zipfile.ZIP_STORED if number else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return path


def make_tar(folder: Path, name: str = "sound.tar", mode: str = "w") -> Path:
    """A sound tar of a mode of `tarfile`."""
    import io
    import tarfile

    with tarfile.open(folder / name, mode) as archive:
        for member, content in packed(folder).items():
            item = tarfile.TarInfo(member)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))
    return folder / name


def make_tar_xz(folder: Path) -> Path:
    """A sound tar.xz, whose compressed bytes are broken."""
    return make_tar(folder, "sound.tar.xz", "w:xz")


def make_case(folder: Path) -> Path:
    """A case file with many kinds of facts."""
    from glisson.case import dump_case
    from glisson.simulate import virtual_patient

    path = folder / "case.yaml"
    patient = virtual_patient(seed=1, lesions=2, shape=(48, 48, 32), spacing_mm=(8.0, 8.0, 8.0))
    path.write_text(dump_case(patient.case), encoding="utf-8")
    return path


def read_image(path: Path) -> Any:
    """Any scan or mask."""
    from glisson.imaging import read_image

    return read_image(path)


def read_series(path: Path) -> Any:
    """The series that a slice belongs to."""
    return read_image(path.parent)


def read_rtstruct(path: Path) -> Any:
    """A structure set with a mask of each structure."""
    from glisson.imaging import read_rtstruct, structure_mask

    return [structure_mask(one, a_mask().grid) for one in read_rtstruct(path).structures]


def read_rtdose(path: Path) -> Any:
    """A dose."""
    from glisson.imaging import read_rtdose

    return read_rtdose(path)


def read_pet(path: Path) -> Any:
    """The PET series that a slice belongs to."""
    from glisson.imaging import read_emission

    return read_emission(path.parent)


def read_seg(path: Path) -> Any:
    """A segmentation."""
    from glisson.imaging.dicom_seg_read import read_seg

    return read_seg(path)


def read_measurements(path: Path) -> Any:
    """A measurement report."""
    from glisson.imaging.dicom_sr_read import read_report

    return read_report(path)


def read_bundle(path: Path) -> Any:
    """A FHIR bundle into a new case."""
    import shutil

    from glisson.exchange.fhir_import_write import import_fhir

    folder = path.parent / "case"
    shutil.rmtree(folder, ignore_errors=True)
    return import_fhir(path, folder)


def read_archive(path: Path) -> Any:
    """An archive, unpacked into an empty folder as an import does."""
    import shutil

    from glisson.serve.archives import UnpackLimits, unpack

    folder = path.parent / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    beside = sorted(path.parent.iterdir())
    try:
        return unpack(path, folder, UnpackLimits(ARCHIVE_BYTES, 100, 200))
    finally:
        if sorted(path.parent.iterdir()) != beside:
            raise AssertionError("the archive wrote outside its folder")
        if sum(file.stat().st_size for file in folder.rglob("*")) > ARCHIVE_BYTES * 2:
            raise AssertionError("the archive wrote more than it may")


def read_case(path: Path) -> Any:
    """A case file."""
    from glisson.case import load_case

    return load_case(path)


KINDS: dict[str, Kind] = {
    "nifti": Kind(make_nifti, read_image),
    "nifti-gz": Kind(make_nifti_gz, read_image),
    "nrrd": Kind(make_nrrd, read_image),
    "meta": Kind(make_meta, read_image),
    "dicom": Kind(make_dicom, read_series),
    "rtstruct": Kind(make_rtstruct, read_rtstruct),
    "rtdose": Kind(make_rtdose, read_rtdose),
    "pet": Kind(make_pet, read_pet),
    "seg": Kind(make_seg, read_seg),
    "sr": Kind(make_report, read_measurements),
    "fhir": Kind(make_bundle, read_bundle, text=True),
    "zip": Kind(make_zip, read_archive),
    "tar": Kind(make_tar, read_archive),
    "tar-xz": Kind(make_tar_xz, read_archive),
    "yaml": Kind(make_case, read_case, text=True),
}


def work(name: str, first: int, count: int, folder: Path) -> None:
    """Try inputs of one kind; a line of JSON for each finding, and a line `n N` before each input."""
    from glisson.errors import GlissonError

    warnings.simplefilter("ignore")
    kind = KINDS[name]
    sound = kind.make(folder)
    kind.read(sound)
    blob = sound.read_bytes()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))
    signal.signal(signal.SIGALRM, _too_long)
    for number in range(first, first + count):
        print("n", number, flush=True)
        chance = random.Random(f"{name} {number}")
        sound.write_bytes((broken_text if kind.text else broken)(blob, chance))
        signal.alarm(MOST_SECONDS)
        try:
            kind.read(sound)
        except GlissonError as refusal:
            if len(str(refusal)) < 20:
                print(json.dumps({"number": number, "what": f"refusal without words: {refusal}"}), flush=True)
        except BaseException as fault:
            where = traceback.extract_tb(fault.__traceback__)
            ours = [f"{Path(f.filename).name}:{f.lineno}" for f in where if "glisson" in f.filename]
            what = f"{type(fault).__name__}: {str(fault)[:160]}"
            print(json.dumps({"number": number, "what": what, "where": ours[-3:]}), flush=True)
        finally:
            signal.alarm(0)


def _too_long(_signal: int, _frame: Any) -> None:
    raise TimeoutError(f"longer than {MOST_SECONDS} s")


def run(name: str, first: int, count: int) -> list[dict[str, Any]]:
    """Findings of one kind; a worker that dies or hangs is a finding, and the next goes on behind it."""
    findings: list[dict[str, Any]] = []
    number, end = first, first + count
    while number < end:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--worker", name, str(number), str(end - number), folder]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as worker:
                last = _listen(worker, findings)
                code = worker.wait()
        if code == 0:
            break
        if last is None:
            raise SystemExit(f"{name}: the sound file could not be made or read; try --worker {name} 0 1 /tmp")
        findings.append({"number": last, "what": f"the process ended with {code}"})
        number = last + 1
    return [{"kind": name, **finding} for finding in findings]


def _listen(worker: subprocess.Popen[str], findings: list[dict[str, Any]]) -> int | None:
    """Collect what a worker says; kill it when it has been silent for too long. Gives back its last input."""
    import threading

    last: int | None = None
    heard = time.monotonic()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            if time.monotonic() - heard > SILENCE_SECONDS:
                worker.kill()
                return

    threading.Thread(target=watch, daemon=True).start()
    assert worker.stdout is not None
    for line in worker.stdout:
        heard = time.monotonic()
        if line.startswith("n "):
            last = int(line[2:])
        elif line.startswith("{"):
            findings.append(json.loads(line))
    over.set()
    return last


def main() -> None:
    """Run the kinds one after another and print what was found."""
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs in all")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of files")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each kind")
    given = parser.parse_args()
    kinds = given.kinds.split(",")
    each = -(-given.inputs // len(kinds))
    found = 0
    for name in kinds:
        start = time.perf_counter()
        findings = run(name, given.first, each)
        found += len(findings)
        print(f"{name:<10}{each:>7} inputs {time.perf_counter() - start:7.1f} s {len(findings):5} findings", flush=True)
        for finding in findings[:40]:
            print("   ", json.dumps(finding))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
