"""What the workbench shows and changes: pure functions on case folders and assessments, without HTTP."""

from glisson.serve.content.prepare import Prepared, prepare
from glisson.serve.content.results import viewer_data, write_viewer_data

__all__ = ["Prepared", "prepare", "viewer_data", "write_viewer_data"]
