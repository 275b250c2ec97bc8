#!/usr/bin/env bash
# usage: peers.sh DIR [--cuda]
# Makes a virtual environment in DIR with the libraries that vector.py measures against, at the
# versions of the published figures. --cuda installs the CUDA build of JAX. Needs Python 3.11 or
# later, which the variable PYTHON may name.
set -euo pipefail

dir=${1:-}
jax=cpu
case "${2:-}" in
    "") ;;
    --cuda) jax=cuda12 ;;
    *) dir= ;;
esac
if [[ -z $dir || $dir == -* ]]; then
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
fi

"${PYTHON:-python3}" -m venv "$dir"
"$dir/bin/python" -m pip install --quiet \
    "jax[$jax]==0.10.2" pgx==2.6.0 envpool==1.2.5 open_spiel==2.0.2 pettingzoo==1.27.0 pygame==2.6.1
echo "Now: python benchmarks/vector.py --peers $dir/bin/python"
