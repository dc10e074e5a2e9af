"""The soak tells a wrong decision from a right one."""

from benchmarks.soak import Soak, _told


def test_each_decision_is_held_against_the_policies_that_it_names() -> None:
    """Another effect, or policies that nobody saved, are faults."""
    found = Soak(halves={"even": 0, "odd": 1, "neither": -1}, served_ms=[("even", 5), ("odd", 9)])
    right = [("even", "deny", 2, 6), ("even", "allow", 3, 10), ("neither", "allow", 2, 1)]
    told = _told(found, [*right, ("odd", "deny", 3, 11)])
    assert (told["faults"], told["decisions"], told["policies"]) == ([], 4, 3)
    assert told["last_decision_behind_the_next_s"] == {"median": 0.0, "most": 0.0}
    wrong = [("even", "allow", 2, 6), ("odd", "deny", 2, 6), ("stranger", "deny", 1, 6)]
    faults = _told(found, [*right, *wrong])["faults"]
    assert isinstance(faults, list)
    assert len(faults) == 3
