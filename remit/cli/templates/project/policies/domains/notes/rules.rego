# METADATA
# title: What may happen to notes
# description: An agent whose scopes cover the call may make it; a shared note waits for an editor.
# labels: {owner: you@notes.example}
package remit.domains.notes.rules

import rego.v2

import data.remit.lib

_policy := "domains.notes.rules"

permits contains lib.reason("notes.scoped", _policy, "the agent's scopes cover the call") if lib.scoped(input)

gates contains lib.gate("notes.shared", _policy, lib.rule("notes", "gate"), "everybody reads a shared note") if {
	input.action.tool == "notes.write_note@1"
	not _private
}

# Asking for the private, so that a name that is absent or no text is not taken for one.
_private if {
	is_string(input.action.arguments.name)
	not startswith(input.action.arguments.name, "shared")
}
