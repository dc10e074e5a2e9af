# METADATA
# title: Remit's policies
# description: |
#   `data.remit.main.decision` is the one entry point. The schemas given here hold for every package
#   below, so that a mistyped fact or threshold is an error when the rules are checked.
# scope: subpackages
# labels: {owner: platform, control: D-02}
# schemas:
#   - input: schema.facts
#   - data.remit.registry: schema.registry
#   - data.remit.lib.thresholds: schema.thresholds
package remit
