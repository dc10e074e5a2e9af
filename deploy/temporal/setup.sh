#!/bin/sh
# Makes the namespace and the search attributes that every run needs. May run again at any time.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
retention="${RETENTION:-720h}"

# Every second for a minute: the server starts, and knows a new namespace only after a while.
patiently() {
    attempts=0
    until said=$("$@" 2>&1); do
        attempts=$((attempts + 1))
        if [ "$attempts" -ge 60 ]; then
            echo "$said" >&2
            exit 1
        fi
        sleep 1
    done
}

patiently temporal operator cluster health

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention"
fi

patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name RemitPlan --type Keyword \
    --name RemitStatus --type Keyword \
    --name RemitAgent --type Keyword \
    --name RemitTenant --type Keyword \
    --name RemitOwner --type Keyword \
    --name RemitRisk --type Keyword \
    --name RemitAwaits --type KeywordList
echo "namespace $TEMPORAL_NAMESPACE is ready for Remit"
