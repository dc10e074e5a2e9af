# METADATA
# title: The registry itself
# description: Without its thresholds rules would stay silent, so their absence denies.
# labels: {owner: platform, control: D-01}
package remit.global.registry

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: governance, control: D-01}
denies contains _missing if not lib.thresholds.gates.spend.role

# METADATA
# labels: {concern: governance, control: D-01}
plan_denies contains _missing if not lib.thresholds.gates.spend.role

_missing := lib.reason("registry.missing", "global.registry", "the bundle holds no thresholds")
