#!/bin/sh
# Makes the passwords that docker-compose.yml reads, where there are none: deploy/secrets/.
# The folder is its owner's alone. The files are readable by all, because each container, which
# runs as a user of its own, gets those of its role mounted with the modes that they have here.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in postgres_admin temporal remit remit_worker remit_keeper remit_reader; do
    file=$folder/$name
    if [ ! -s "$file" ]; then
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
        chmod 444 "$file.new"
        mv "$file.new" "$file"
    fi
done
