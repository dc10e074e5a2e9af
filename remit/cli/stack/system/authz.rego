# METADATA
# title: Who may ask OPA what
# description: >-
#   The enforcement point may ask for the decision, and whoever holds its token may look at
#   health, metrics and status. Everything else on OPA's own API is refused: reading or replacing
#   policies and data, ad-hoc queries, configuration.
package system.authz

default allow := false

allow if {
	is_enforcement_point
	input.method == "POST"
	input.path == ["v1", "data", "remit", "main", "decision"]
}

allow if {
	is_enforcement_point
	input.method == "GET"
	input.path in [["health"], ["metrics"], ["v1", "status"]]
}

is_enforcement_point if input.identity == data.system.tokens.enforcement
