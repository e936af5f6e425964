#!/bin/sh
# Make the environment of the programs that Glisson is measured against: sh tools/setup_peers.sh .venv-peers
# PyRadiomics publishes no wheel for current Pythons and needs its build tools put in place first (and a C compiler).
set -eu
venv=$1
python=${2:-.venv/bin/python}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check numpy scipy SimpleITK cython 'setuptools<80' versioneer wheel
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation pyradiomics
touch "$venv/.ready"
