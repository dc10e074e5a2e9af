# METADATA
# title: Hours
# description: |
#   Calls that an entry of the table means are made on its days and between its minutes, by the clock of the
#   facts. Every entry that fits must be open. No hours stop an undo.
# labels: {owner: platform, control: T-02}
package remit.packs.hours

import rego.v2

import data.remit.lib

_policy := "packs.hours"

# METADATA
# labels: {concern: safety, control: T-02}
denies contains lib.reason("hours.closed", _policy, $"outside of the hours {entry.name}") if {
	some entry in _closed
	not _asks(entry)
}

# METADATA
# labels: {concern: safety, control: T-02}
gates contains lib.gate("hours.outside", _policy, object.get(entry, "gate", {}), $"outside of the hours {entry.name}") if {
	some entry in _closed
	_asks(entry)
}

_closed contains entry if {
	input.action.purpose == "call"
	some entry in lib.thresholds.packs.hours
	lib.fits(lib.called, entry.calls)
	not _open(entry)
}

_asks(entry) if object.get(entry, "do", "deny") == "gate"

_open(entry) if {
	minutes := floor(input.context.now_ms / 60000) + object.get(entry, "offset_minutes", 0)
	minutes % 1440 >= entry.from_minute
	minutes % 1440 < entry.to_minute
	(((floor(minutes / 1440) + 3) % 7) + 1) in entry.days # 1970 began on a Thursday
}
