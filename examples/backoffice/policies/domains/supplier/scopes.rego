# METADATA
# title: Who may call the tools of supplier
# description: An agent whose scopes cover the operation.
# labels: {owner: purchasing, control: T-01}
package remit.domains.supplier.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("supplier.scoped", "domains.supplier.scopes", "the agent's scopes cover the call") if lib.scoped(input)
