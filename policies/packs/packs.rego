# METADATA
# title: Packs
# description: |
#   Rules about one concern each, silent while data has no table for them. They restrict as the global layer
#   does, and can never permit. While there is no table at all none of them is evaluated.
# labels: {owner: security, control: D-04}
package remit.packs

import rego.v2

import data.remit.lib
import data.remit.packs.detected
import data.remit.packs.hours
import data.remit.packs.privacy
import data.remit.packs.residency
import data.remit.packs.tolerance
import data.remit.packs.vendor

# METADATA
# title: Whether any pack has a table
# labels: {concern: governance, control: D-04}
used if lib.thresholds.packs != {}

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
denies contains reason if some reason in detected.denies

denies contains reason if some reason in hours.denies

denies contains reason if some reason in privacy.denies

denies contains reason if some reason in residency.denies

denies contains reason if some reason in tolerance.denies

denies contains reason if some reason in vendor.denies

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
gates contains gate if some gate in detected.gates

gates contains gate if some gate in hours.gates

gates contains gate if some gate in tolerance.gates

gates contains gate if some gate in vendor.gates

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
obligations contains obligation if some obligation in detected.obligations

obligations contains obligation if some obligation in tolerance.obligations
