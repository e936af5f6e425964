"""Results and facts of other systems: DICOM results of an assessment, FHIR in and out, CDS Hooks cards."""
