#!/bin/sh
# Becomes Temporal's server, with the password that stands in a file.
set -eu
POSTGRES_PWD=$(cat "${POSTGRES_PWD_FILE:?}")
export POSTGRES_PWD
exec "$@"
