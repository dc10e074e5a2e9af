# METADATA
# title: Who may call the tools of crm
# description: An agent whose scopes cover the operation.
# labels: {owner: crm, control: T-01}
package remit.domains.crm.scopes

import rego.v2

import data.remit.lib

# METADATA
# title: The agent holds a scope
# labels: {concern: security, control: T-01}
permits contains lib.reason("crm.scoped", "domains.crm.scopes", "the agent's scopes cover the call") if lib.scoped(input)
