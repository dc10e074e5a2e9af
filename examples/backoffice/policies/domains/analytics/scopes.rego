# METADATA
# title: Who may call the tools of analytics
# description: An agent whose scopes cover the operation.
# labels: {owner: analytics, control: T-01}
package remit.domains.analytics.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("analytics.scoped", "domains.analytics.scopes", "the agent's scopes cover the call") if lib.scoped(input)
