"""Glisson's side of the table: read the case, assess it, print the findings. Usage: glisson_table.py CASE."""

from __future__ import annotations

import json
import sys

import glisson as g

case, scene = g.read_case(sys.argv[1])
print(json.dumps(g.findings(g.assess(case, scene))))
