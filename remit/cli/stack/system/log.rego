# METADATA
# title: What OPA's own decision log holds
# description: >-
#   The ledger is the record of decisions. OPA's log is a cross-check of what was not allowed:
#   allows and health checks are dropped, and inputs never enter it, because they hold arguments.
package system.log

mask contains "/input"

mask contains "/nd_builtin_cache"

drop if input.result.effect == "allow"

drop if input.input == {}
