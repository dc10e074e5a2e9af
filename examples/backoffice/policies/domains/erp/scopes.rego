# METADATA
# title: Who may call the tools of erp
# description: An agent whose scopes cover the operation.
# labels: {owner: purchasing, control: T-01}
package remit.domains.erp.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("erp.scoped", "domains.erp.scopes", "the agent's scopes cover the call") if lib.scoped(input)
