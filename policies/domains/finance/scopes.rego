# METADATA
# title: Who may call the tools of finance
# description: An agent whose scopes cover the operation.
# labels: {owner: finance, control: T-01}
package remit.domains.finance.scopes

import rego.v2

import data.remit.lib

# METADATA
# title: The agent holds a scope
# labels: {concern: security, control: T-01}
permits contains lib.reason("finance.scoped", "domains.finance.scopes", "the agent's scopes cover the call") if lib.scoped(input)
