#!/bin/sh
# Makes the namespace and the search attributes that every run needs. May run again at any time.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
retention="${RETENTION:-720h}"

attempts=0
until temporal operator cluster health >/dev/null 2>&1; do
    attempts=$((attempts + 1))
    if [ "$attempts" -ge 60 ]; then
        echo "Temporal at $TEMPORAL_ADDRESS is not healthy after $attempts s" >&2
        exit 1
    fi
    sleep 1
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention"
fi

temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name RemitPlan --type Keyword \
    --name RemitStatus --type Keyword \
    --name RemitAgent --type Keyword \
    --name RemitTenant --type Keyword \
    --name RemitOwner --type Keyword \
    --name RemitRisk --type Keyword \
    --name RemitAwaits --type KeywordList
