#!/bin/sh
# Makes the two databases and brings their schema up to date. May run again at any time.
set -eu
: "${SQL_HOST:?}" "${SQL_USER:?}" "${SQL_PASSWORD:?}"
schema=/etc/temporal/schema/postgresql/v12

tool() {
    temporal-sql-tool --plugin postgres12 --ep "$SQL_HOST" -p 5432 -u "$SQL_USER" "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    tool --db "$database" create
    tool --db "$database" setup-schema -v 0.0
    tool --db "$database" update-schema -d "$schema/${pair##*:}/versioned"
done
