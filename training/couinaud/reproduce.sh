#!/bin/sh
# Couinaud segments from shape: data to shipped model, and the table of measurements. Usage: reproduce.sh DATA WORK
set -eu
data=$1 work=$2 python=${PYTHON:-python}
cd "$(dirname "$0")/../.."
mkdir -p "$work"
$python -m training.couinaud.data --data "$data" --out "$work/livers.npz"
$python -m training.couinaud.bent --pack "$work/livers.npz" --out "$work/bent.npz"
$python -m training.couinaud.landmarks --data "$data" --planes "$work/planes.npz"
$python -m training.couinaud.train --pack "$work/bent.npz" --out "$work/members.pt"
$python -m training.couinaud.export --pack "$work/bent.npz" --checkpoint "$work/members.pt" \
  --planes "$work/planes.npz" --out src/glisson/anatomy/models/couinaud.npz
$python -m training.couinaud.evaluate --data "$data" --out "$work/measured.json"
