#!/bin/sh
# Make the environment: sh tools/setup.sh .venv
# Needs Python 3.11, 3.12 or 3.13. On Debian the module that makes environments is a package of its own (python3-venv).
set -eu
venv=$1

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Glisson needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

make_environment() {
    "$1" -m venv "$venv" 2>/dev/null && return
    rm -rf "$venv"
    "$1" -m virtualenv -q "$venv" 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && "$1" -m venv "$venv" && return
    fi
    echo "This Python cannot make an environment (its venv module is missing). On Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 1
}

python=$(find_python)
[ -x "$venv/bin/python" ] || make_environment "$python"
if "$venv/bin/python" -m pip install -q --disable-pip-version-check uv==0.13.8 2>/dev/null; then
    "$venv/bin/uv" pip sync -q --python "$venv/bin/python" --require-hashes requirements.lock
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps -e .
else
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps -e .
fi
touch "$venv/.ready"
