# METADATA
# title: Who may call the tools of mail
# description: An agent whose scopes cover the operation.
# labels: {owner: workplace, control: T-01}
package remit.domains.mail.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("mail.scoped", "domains.mail.scopes", "the agent's scopes cover the call") if lib.scoped(input)
