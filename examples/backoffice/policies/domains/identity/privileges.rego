# METADATA
# title: Which access may be given, and who is asked
# description: |
#   High privileges are agreed to by security. Nobody has access given to themselves, whoever agrees.
# labels: {owner: security, control: H-06}
package remit.domains.identity.privileges

import rego.v2

import data.remit.lib

_policy := "domains.identity.privileges"

_provisions if input.action.tool == "identity.provision_access@1"

# METADATA
# labels: {concern: governance, control: H-06}
gates contains lib.gate("identity.high_privilege", _policy, lib.rule("identity", "gate"), "the role carries high privileges") if {
	_provisions
	not _ordinary
}

# METADATA
# labels: {concern: governance, control: H-06}
denies contains lib.reason("identity.self_grant", _policy, "nobody has access given to themselves") if {
	_provisions
	lib.same_party(input.action.arguments.subject, input.principal.on_behalf_of)
}

# A role that is not stated, or that is no text, is not ordinary; nor is any while nobody has listed
# the high ones.
_ordinary if {
	high := lib.bounds("identity").high_roles
	is_string(input.action.arguments.role)
	not input.action.arguments.role in high
}
