#!/bin/sh
# Makes roles and databases, as the administrator. May run again at any time: a password whose file
# has changed is changed. What is in no list of processes: the passwords, which psql reads itself.
set -eu
: "${PGHOST:?}" "${PGUSER:?}"
export SECRETS="${SECRETS:-/run/secrets}" PGDATABASE=postgres
PGPASSWORD=$(cat "$SECRETS/postgres_admin")
export PGPASSWORD

role() {
    cat <<SQL
SELECT 'CREATE ROLE $1' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1')\gexec
\set password \`cat "\$SECRETS/$1"\`
ALTER ROLE $1 LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SQL
}

database() {
    cat <<SQL
SELECT 'CREATE DATABASE $1 OWNER $2' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$1')\gexec
REVOKE ALL ON DATABASE $1 FROM PUBLIC;
SQL
}

{
    # A statement that fails may hold a password.
    echo "SET log_min_error_statement = panic;"
    for name in temporal remit remit_worker remit_keeper remit_reader; do role "$name"; done
    database temporal temporal
    database temporal_visibility temporal
    database remit remit
    echo "REVOKE ALL ON DATABASE postgres FROM PUBLIC;"
    echo "GRANT CONNECT ON DATABASE remit TO remit_worker, remit_keeper, remit_reader;"
} | psql -X -q -v ON_ERROR_STOP=1
