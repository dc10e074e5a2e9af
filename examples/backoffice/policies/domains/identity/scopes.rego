# METADATA
# title: Who may call the tools of identity
# description: An agent whose scopes cover the operation.
# labels: {owner: security, control: T-01}
package remit.domains.identity.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("identity.scoped", "domains.identity.scopes", "the agent's scopes cover the call") if lib.scoped(input)
