# METADATA
# title: Who may call the tools of credit
# description: An agent whose scopes cover the operation.
# labels: {owner: credit, control: T-01}
package remit.domains.credit.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("credit.scoped", "domains.credit.scopes", "the agent's scopes cover the call") if lib.scoped(input)
