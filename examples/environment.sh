#!/usr/bin/env bash
# usage: environment.sh EXTRA DIR
# Makes a virtual environment in DIR with this repository, one of its extras and what its tests need.
# Trainers pin versions that exclude each other's, so each has an environment of its own. Versions
# are those of constraints.txt beside this file. The variable PYTHON may name the interpreter.
set -euo pipefail

if [[ $# != 2 || $1 == -* ]]; then
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
fi
extra=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)

"${PYTHON:-python3}" -m venv "$dir"
"$dir/bin/python" -m pip install --quiet --constraint "$here/constraints.txt" \
    --editable "$here/..[$extra]" pytest hypothesis
echo "Now: $dir/bin/python examples/... and $dir/bin/python -m pytest tests/..."
