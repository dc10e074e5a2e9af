# METADATA
# title: Who gets notices
# description: |
#   A notice goes out unread, so it goes to our own people only: what a colleague was told can be
#   corrected. Whatever leaves the company is `mail.send`, which cannot be undone and is gated for it.
# labels: {owner: workplace, control: T-06}
package remit.domains.mail.notices

import rego.v2

import data.remit.lib

# A correction of a notice is an undo, and reaches whoever got the notice.
# METADATA
# labels: {concern: security, control: T-06}
denies contains lib.reason("mail.notice_to_outsider", "domains.mail.notices", "notices go to our own people only") if {
	input.action.tool == "mail.notify@1"
	not _internal
}

_internal if {
	parts := split(lower(trim_space(input.action.arguments.to)), "@")
	count(parts) == 2
	parts[1] in lib.bounds("mail").internal[input.principal.tenant]
}
