"""The fault machine: many generated plans on a stack of its own, faults meanwhile, then the proof.

`python -m chaos` is its command line; docs/chaos.md says what it does. Generation, schedule and
checks are pure; processes, sockets and databases stand at the edges.
"""
