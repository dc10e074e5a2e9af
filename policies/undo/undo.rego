# METADATA
# title: Undoing
# description: |
#   An undo repairs what a permitted call did. The agent that did it may undo it while any scope of it
#   lies in the domain, suspended or not; other rules reach an undo only by sets named `undo_…`.
# labels: {owner: platform, control: D-01}
package remit.undo

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: governance, control: D-01}
permits contains lib.reason("undo.permitted", "undo", "the agent that did it may undo it") if {
	lib.in_domain(lib.agent.scopes, input.action.domain)
}
