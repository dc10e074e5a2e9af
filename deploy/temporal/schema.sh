#!/bin/sh
# Brings the schema of Temporal's two databases up to date. May run again at any time.
set -eu
: "${SQL_HOST:?}" "${SQL_USER:?}" "${SQL_PASSWORD_FILE:?}"
SQL_PASSWORD=$(cat "$SQL_PASSWORD_FILE")
export SQL_PASSWORD

tool() {
    temporal-sql-tool --plugin postgres12 --ep "$SQL_HOST" -p "${SQL_PORT:-5432}" -u "$SQL_USER" "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    tool --db "$database" setup-schema -v 0.0
    tool --db "$database" update-schema --schema-name "postgresql/v12/${pair##*:}"
done
