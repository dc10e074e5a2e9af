#!/bin/sh
# Makes the virtual environment from the lock file. Works again after it was interrupted.
# Compiled once here, the packages are not compiled by every process that starts.
set -eu
python="$1"
venv="$2"
[ -x "$venv/bin/python" ] || { rm -rf "$venv"; "$python" -m venv "$venv"; }
"$venv/bin/python" -m pip install -q --disable-pip-version-check uv
"$venv/bin/uv" pip install -q --compile-bytecode --python "$venv/bin/python" --require-hashes -r requirements.lock
"$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation -e .
touch "$venv/.installed"
