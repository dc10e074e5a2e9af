"""Each scheduling rule of design.md §4 as a script: an event and exactly its commands."""

from dataclasses import dataclass, field

import pytest

from remit.plan.compiled import Schedule
from tests.plan.play import play, schedule

S = schedule


@dataclass(frozen=True)
class Case:
    """A rule, a plan, and what happens."""

    rule: str
    plan: Schedule
    script: str = field(repr=False)


GRAPH = [
    Case(
        "a step begins when all its needs are done",
        S(a={}, b={}, c={"needs": "a b"}),
        """
        start  > call a, call b
        done a >
        done b > call c
        done c > complete
        """,
    ),
    Case(
        "a skipped need satisfies `all`",
        S(a={}, b={"needs": "a"}),
        """
        start     > call a
        skipped a > call b
        done b    > complete
        """,
    ),
    Case(
        "calls are bounded and begin in the order of the plan",
        S({"parallel": 2}, a={}, b={}, c={}, d={}),
        """
        start  > call a, call b
        done b > call c
        done a > call d
        done d >
        done c > complete
        """,
    ),
    Case("an empty plan is complete", S(), "start > complete"),
    Case(
        "late, doubled and foreign answers are ignored",
        S(a={}, b={"needs": "a"}),
        """
        start       > call a
        done b      >
        grant a     >
        resolve a   >
        delayed a   >
        undone a    >
        expanded a 3 >
        done a[2]   >
        done a      > call b
        done a      >
        failed a    >
        done b      > complete
        done b      >
        stop        >
        """,
    ),
]

JOIN = [
    Case(
        "`any` begins with the first done need; a begun loser finishes, its failure is absorbed",
        S(a={}, b={}, c={"needs": "a b", "join": 1}),
        """
        start         > call a, call b
        done a        > call c
        failed b none >
        done c        > complete
        """,
    ),
    Case(
        "a loser that failed with effect is undone before the end",
        S(a={}, b={}, c={"needs": "a b", "join": 1}),
        """
        start    > call a, call b
        done a   > call c
        failed b > undo b
        done c   >
        undone b > complete
        """,
    ),
    Case(
        "a loser that cannot be undone fails the run",
        S(a={}, b={}, c={"needs": "a b", "join": 1}),
        """
        start     > call a, call b
        done a    > call c
        failed b  > undo b
        residue b >
        done c    > unwind RESIDUE failed
        """,
    ),
    Case(
        "losers not begun are dropped, and what only they need",
        S(a={}, b={}, l1={"needs": "b"}, l2={"needs": "l1"}, c={"needs": "a l2", "join": 1}),
        """
        start  > call a, call b
        done a > call c
        done c >
        done b > complete
        """,
    ),
    Case(
        "a loser that somebody else waits for is no loser",
        S(a={}, b={"needs": "g"}, g={}, c={"needs": "a b", "join": 1}, d={"needs": "b"}),
        """
        start  > call a, call g
        done a > call c
        done c >
        done g > call b
        done b > call d
        done d > complete
        """,
    ),
    Case(
        "a step without dependants is never a loser",
        S(a={}, b={"needs": "a"}, c={"needs": "a", "join": 1}),
        """
        start  > call a
        done a > call b, call c
        done c >
        done b > complete
        """,
    ),
    Case(
        "a loser that only waits for people is dropped, its gate abandoned",
        S(a={}, b={}, c={"needs": "a b", "join": 1}),
        """
        start   > call a, call b
        gated b >
        done a  > abandon b, call c
        grant b >
        done c  > complete
        """,
    ),
    Case(
        "a loser that asks for people when nobody needs it is dropped",
        S(a={}, b={}, c={"needs": "a b", "join": 1}),
        """
        start   > call a, call b
        done a  > call c
        gated b > abandon b
        done c  > complete
        """,
    ),
    Case(
        "a quorum counts done needs only",
        S(a={}, b={}, c={}, d={"needs": "a b c", "join": 2}),
        """
        start     > call a, call b, call c
        skipped a >
        done b    >
        done c    > call d
        done d    > complete
        """,
    ),
    Case(
        "a failed need of a quorum that can still be met is absorbed",
        S(a={}, b={}, c={}, d={"needs": "a b c", "join": 2}),
        """
        start         > call a, call b, call c
        failed a none >
        done b        >
        done c        > call d
        done d        > complete
        """,
    ),
    Case(
        "a quorum made impossible by a failure stops the run with that failure",
        S(a={}, b={}, d={"needs": "a b", "join": 2}),
        """
        start         > call a, call b
        failed a none >
        done b        > unwind A-FAILED failed
        """,
    ),
    Case(
        "a quorum made impossible by skips fails the joining step",
        S(a={}, b={}, d={"needs": "a b", "join": 2}),
        """
        start     > call a, call b
        skipped a >
        done b    > unwind STEP-JOIN-IMPOSSIBLE failed
        """,
    ),
    Case(
        "the fallback of a step whose quorum is impossible stands in for it",
        S(a={}, b={}, d={"needs": "a b", "join": 1, "on_failed": "f"}, f={}, e={"needs": "d"}),
        """
        start         > call a, call b
        failed a none >
        failed b none > call f
        done f        > call e
        done e        > complete
        """,
    ),
]

FALLBACK = [
    Case(
        "a fallback never starts by itself",
        S(a={"on_failed": "f"}, f={}, b={"needs": "a"}),
        """
        start  > call a
        done a > call b
        done b > complete
        """,
    ),
    Case(
        "a failure with effect is undone before the fallback, which satisfies the dependants",
        S(a={"on_failed": "f"}, f={}, b={"needs": "a"}),
        """
        start    > call a
        failed a > undo a
        undone a > call f
        done f   > call b
        done b   > complete
        """,
    ),
    Case(
        "a failure without effect needs no undo",
        S(a={"on_failed": "f"}, f={}),
        """
        start         > call a
        failed a none > call f
        done f        > complete
        """,
    ),
    Case(
        "what cannot be undone fails the run",
        S(a={"on_failed": "f"}, f={}),
        """
        start     > call a
        failed a  > undo a
        residue a > unwind RESIDUE failed
        """,
    ),
    Case(
        "a denial leads to `on_denied`, another failure does not",
        S(a={"on_denied": "f", "on_failed": "g"}, f={}, g={}),
        """
        start    > call a
        denied a > call f
        done f   > complete
        """,
    ),
    Case(
        "a denial without `on_denied` stops",
        S(a={"on_failed": "g"}, g={}),
        """
        start    > call a
        denied a > unwind A-DENIED refused
        """,
    ),
    Case(
        "a failing fallback fails like the original",
        S(a={"on_failed": "f"}, f={}, b={"needs": "a"}),
        """
        start         > call a
        failed a none > call f
        failed f none > unwind F-FAILED failed
        """,
    ),
    Case(
        "a fallback may have a fallback",
        S(a={"on_failed": "f"}, f={"on_failed": "g"}, g={}, b={"needs": "a"}),
        """
        start         > call a
        failed a none > call f
        failed f      > undo f
        undone f      > call g
        done g        > call b
        done b        > complete
        """,
    ),
    Case(
        "a fallback waits for its own needs, and may be a fan-out",
        S(a={"on_failed": "f"}, n={}, f={"needs": "n", "count": 2}, b={"needs": "a"}),
        """
        start         > call a, call n
        failed a none >
        done n        > call f[0], call f[1]
        done f[0]     >
        done f[1]     > call b
        done b        > complete
        """,
    ),
    Case(
        "a skipped fallback is no stand-in: the original's failure stands",
        S(a={"on_failed": "f"}, f={}, b={"needs": "a"}),
        """
        start         > call a
        failed a none > call f
        skipped f     > unwind A-FAILED failed
        """,
    ),
    Case(
        "one fallback may stand in for several, and runs once",
        S(a={"on_failed": "f"}, b={"on_failed": "f"}, f={}, c={"needs": "a"}, d={"needs": "b"}),
        """
        start         > call a, call b
        failed a none > call f
        failed b none >
        done f        > call c, call d
        done c        >
        done d        > complete
        """,
    ),
    Case(
        "a fallback that is done already stands in at once",
        S(a={"on_failed": "f"}, b={"on_failed": "f"}, f={}, d={"needs": "b"}),
        """
        start         > call a, call b
        failed a none > call f
        done f        >
        failed b none > call d
        done d        > complete
        """,
    ),
    Case(
        "a failed loser does not call on its fallback",
        S(a={}, b={"on_failed": "f"}, f={}, c={"needs": "a b", "join": 1}),
        """
        start         > call a, call b
        done a        > call c
        failed b none >
        done c        > complete
        """,
    ),
    Case(
        "a fallback not begun is dropped with the loser for which it was to stand in",
        S(a={}, n={}, b={"on_failed": "f"}, f={"needs": "n"}, c={"needs": "a b", "join": 1}),
        """
        start         > call a, call n, call b
        failed b none >
        done a        > call c
        done n        >
        done c        > complete
        """,
    ),
    Case(
        "a fallback that nobody needed counts as skipped for those who need it itself",
        S(a={"on_failed": "f"}, f={}, d={"needs": "a f"}),
        """
        start  > call a
        done a > call d
        done d > complete
        """,
    ),
    Case(
        "a fallback called on in the very moment in which its need is lost fails once",
        S(
            a={},
            b={"needs": "a", "join": 1, "on_failed": "f"},
            f={"needs": "a", "on_failed": "g"},
            g={},
        ),
        """
        start         > call a
        failed a none > call g
        done g        > complete
        """,
    ),
    Case(
        "a fallback whose needs were lost fails when it is called on",
        S(
            n={},
            m={},
            j={"needs": "n m", "join": 1},
            a={"needs": "j", "on_failed": "f"},
            f={"needs": "n"},
        ),
        """
        start         > call n, call m
        failed n none >
        done m        > call j
        done j        > call a
        failed a none > unwind STEP-JOIN-IMPOSSIBLE failed
        """,
    ),
]

FAN_OUT = [
    Case(
        "items are bounded; the step is over when all are",
        S(a={"count": 3, "max_parallel": 2}, b={"needs": "a"}),
        """
        start        > call a[0], call a[1]
        done a[1]    > call a[2]
        skipped a[0] >
        done a[2]    > call b
        done b       > complete
        """,
    ),
    Case(
        "no items: done at once, with all that follows",
        S(a={"count": 0}, b={"needs": "a", "count": 0}, c={"needs": "b"}),
        """
        start  > call c
        done c > complete
        """,
    ),
    Case(
        "an unknown number of items is found out first",
        S(a={"for_each": True}, b={"for_each": True, "needs": "a"}),
        """
        start        > expand a
        expanded a 2 > call a[0], call a[1]
        expanded a 5 >
        done a[0]    >
        done a[1]    > expand b
        expanded b 0 > complete
        """,
    ),
    Case(
        "a failed expansion fails the step",
        S(a={"for_each": True, "on_failed": "f"}, f={}),
        """
        start         > expand a
        done a        >
        failed a none > call f
        done f        > complete
        """,
    ),
    Case(
        "the first failing item stops new ones and drains the begun",
        S(a={"count": 9, "max_parallel": 3}),
        """
        start            > call a[0], call a[1], call a[2]
        failed a[1] none >
        done a[0]        >
        failed a[2]      > unwind A[1]-FAILED failed
        """,
    ),
    Case(
        "a failing item abandons the gates of the others, and what they did is undone",
        S(a={"count": 3, "on_failed": "f"}, f={}),
        """
        start            > call a[0], call a[1], call a[2]
        done a[0]        >
        gated a[1]       >
        failed a[2] none > abandon a[1], undo a
        grant a[1]       >
        undone a         > call f
        done f           > complete
        """,
    ),
    Case(
        "gates take no room from other items",
        S(a={"count": 3, "max_parallel": 1}),
        """
        start      > call a[0]
        gated a[0] > call a[1]
        grant a[0] >
        done a[1]  > call a[0]
        done a[0]  > call a[2]
        done a[2]  > complete
        """,
    ),
    Case(
        "many items run in chunks, one child at a time",
        S({"inline_items": 4, "chunk_items": 3}, a={"count": 7, "max_parallel": 2}),
        """
        start     > items a[0] 0+3 by 2
        done a[0] > items a[3] 3+3 by 2
        done a[3] > items a[6] 6+1 by 2
        done a[6] > complete
        """,
    ),
    Case(
        "children run side by side only when `max_parallel` is more than a chunk",
        S({"inline_items": 4, "chunk_items": 3}, a={"count": 9, "max_parallel": 5}),
        """
        start     > items a[0] 0+3 by 2, items a[3] 3+3 by 2
        done a[0] > items a[6] 6+3 by 2
        done a[3] >
        done a[6] > complete
        """,
    ),
    Case(
        "a failed chunk stops the chunks beside it, and fails the step",
        S({"inline_items": 4, "chunk_items": 3}, a={"count": 9, "max_parallel": 5}),
        """
        start       > items a[0] 0+3 by 2, items a[3] 3+3 by 2
        failed a[3] > stop a[0]
        failed a[0] > unwind A[3]-FAILED failed
        """,
    ),
    Case(
        "a part of a fan-out counts from its first item",
        S(first_item=40, a={"count": 2}),
        """
        start      > call a[40], call a[41]
        done a[40] >
        done a[41] > complete
        """,
    ),
    Case(
        "sub-plans and long steps are children, per item too",
        S(a={"child": "plan"}, b={"child": "long"}, c={"child": "plan", "count": 2}),
        """
        start     > plan a, long b, plan c[0], plan c[1]
        done a    >
        done c[1] >
        skipped b >
        done c[0] > complete
        """,
    ),
    Case(
        "a slow step's iterations are its child's, and each slow item has a child",
        S(a={"child": "long", "repeat": 3}, b={"child": "long", "count": 2}),
        """
        start     > long a, items b[0] 0+1 by 1, items b[1] 1+1 by 1
        done b[1] >
        done a    >
        done b[0] > complete
        """,
    ),
    Case(
        "steps take turns, so that a fan-out starves nobody",
        S({"parallel": 2}, a={"count": 3}, b={}),
        """
        start     > call a[0], call b
        done a[0] > call a[1]
        done b    > call a[2]
        done a[1] >
        done a[2] > complete
        """,
    ),
]

REPEAT = [
    Case(
        "a step repeats until its condition holds, with a pause between",
        S(a={"repeat": 5, "every_s": 60}, b={"needs": "a"}),
        """
        start          > call a
        done a again   > delay a~1 60
        delayed a~1    > call a~1
        delayed a~1    >
        done a~1 again > delay a~2 60
        delayed a~2    > call a~2
        done a~2 until > call b
        done b         > complete
        """,
    ),
    Case(
        "without a pause the next iteration follows at once; the bound is a failure",
        S(a={"repeat": 2}),
        """
        start          > call a
        done a again   > call a~1
        done a~1 again > unwind STEP-REPEAT-EXHAUSTED failed
        """,
    ),
    Case(
        "an exhausted repetition is undone before its fallback",
        S(a={"repeat": 1, "on_failed": "f"}, f={}),
        """
        start        > call a
        done a again > undo a
        undone a     > call f
        done f       > complete
        """,
    ),
    Case(
        "a skipped first iteration skips the step; a later one ends it",
        S(a={"repeat": 3}, b={"repeat": 3}, c={"needs": "a b", "join": 1}),
        """
        start        > call a, call b
        skipped a    >
        done b again > call b~1
        skipped b~1  > call c
        done c       > complete
        """,
    ),
    Case(
        "each item repeats by itself, and keeps its room meanwhile",
        S(a={"count": 2, "max_parallel": 1, "repeat": 3, "every_s": 5}),
        """
        start             > call a[0]
        done a[0] again   > delay a[0]~1 5
        delayed a[0]~1    > call a[0]~1
        done a[0]~1 until > call a[1]
        done a[1] until   > complete
        """,
    ),
    Case(
        "a failing item drops the pauses of the others",
        S(a={"count": 2, "repeat": 3, "every_s": 5}),
        """
        start            > call a[0], call a[1]
        done a[0] again  > delay a[0]~1 5
        failed a[1] none > drop a[0]~1, unwind A[1]-FAILED failed
        """,
    ),
]

PEOPLE = [
    Case(
        "a gate waits; a grant calls again",
        S(a={}),
        """
        start   > call a
        gated a >
        grant a > call a
        grant a >
        done a  > complete
        """,
    ),
    Case(
        "a gate not granted is a denial with its cause",
        S(a={"on_denied": "f", "on_failed": "g"}, f={}, g={}, b={}),
        """
        start    > call a, call b
        gated a  >
        reject a > call f
        gated b  >
        done f   >
        reject b > unwind B-REJECTED rejected
        """,
    ),
    Case(
        "one gate too many is a refusal",
        S({"gates_per_step": 2}, a={}),
        """
        start   > call a
        gated a >
        grant a > call a
        gated a >
        grant a > call a
        gated a > abandon a, unwind STEP-TOO-MANY-GATES refused
        """,
    ),
    Case(
        "a doubt waits for a person, then the call is made again",
        S(a={}, b={}),
        """
        start     > call a, call b
        doubt a   >
        done b    >
        resolve a > call a
        done a    > complete
        """,
    ),
    Case(
        "a call that stalls holds the run until it is resumed",
        S({"parallel": 2}, a={}, b={}, c={}),
        """
        start   > call a, call b
        stall a >
        done b  >
        resume  > call c, call a
        done a  >
        done c  > complete
        """,
    ),
]

STOP = [
    Case(
        "a failure drains what is in flight, then unwinds once with the first cause",
        S(a={}, b={}, c={}, d={"needs": "b"}),
        """
        start    > call a, call b, call c
        failed a >
        failed b >
        done c   > unwind A-FAILED failed
        """,
    ),
    Case(
        "a stop asks children to stop, abandons gates, leaves doubts to the unwinding",
        S(a={"child": "plan"}, b={}, c={}, d={}),
        """
        start     > plan a, call b, call c, call d
        gated b   >
        doubt c   >
        stop      > abandon b, stop a
        resolve c >
        gated d   > abandon d
        failed a  > unwind STOPPED cancelled
        """,
    ),
    Case(
        "a stop drops pauses",
        S(a={"repeat": 2, "every_s": 60}),
        """
        start         > call a
        done a again  > delay a~1 60
        stop          > drop a~1, unwind STOPPED cancelled
        """,
    ),
    Case(
        "a stop before anything begins unwinds at once; a second one changes nothing",
        S({"parallel": 1}, a={}, b={}),
        """
        hold             >
        stop rolled_back > unwind STOPPED rolled_back
        stop             >
        start            >
        """,
    ),
    Case(
        "an undo in flight is awaited",
        S(a={"on_failed": "f"}, f={}),
        """
        start    > call a
        failed a > undo a
        stop     >
        undone a > unwind STOPPED cancelled
        """,
    ),
    Case(
        "doubts and stalls while stopping are left to the unwinding",
        S(a={}, b={}),
        """
        start   > call a, call b
        stop    >
        doubt a >
        stall b > unwind STOPPED cancelled
        """,
    ),
]

HOLD = [
    Case(
        "nothing begins while held; what ends meanwhile is taken up after",
        S(a={"repeat": 2, "every_s": 5}, b={"needs": "a"}, c={}, d={"count": 2, "max_parallel": 1}),
        """
        start        > call a, call c, call d[0]
        gated c      >
        hold         >
        done a again >
        grant c      >
        done d[0]    >
        resume       > delay a~1 5, call c, call d[1]
        done c       >
        delayed a~1  > call a~1
        done d[1]    >
        done a~1     > unwind STEP-REPEAT-EXHAUSTED failed
        """,
    ),
    Case(
        "a failure under hold unwinds only when resumed",
        S(a={}, b={"child": "plan"}),
        """
        start    > call a, plan b
        hold     >
        failed a >
        resume   > stop b
        done b   > unwind A-FAILED failed
        """,
    ),
    Case(
        "an ordered stop ends the hold; the first cause stays",
        S(a={}, b={}),
        """
        start    > call a, call b
        hold     >
        failed a >
        done b   >
        stop     > unwind A-FAILED failed
        """,
    ),
    Case(
        "a run that is done under hold is complete",
        S(a={}),
        """
        start  > call a
        hold   >
        done a > complete
        """,
    ),
]

CARRY = [
    Case(
        "a pause begins nothing; the next run takes everything up",
        S(
            {"parallel": 3},
            a={"repeat": 3, "every_s": 5},
            b={"needs": "c"},
            c={},
            d={"count": 3, "max_parallel": 1},
            e={"needs": "b d"},
        ),
        """
        start        > call a, call c, call d[0]
        pause        >
        done a again >
        gated d[0]   >
        done c       >
        restore      > delay a~1 5, call d[1], call b
        grant d[0]   >
        done d[1]    > call d[0]
        done d[0]    > call d[2]
        pause        >
        delayed a~1  >
        done b       >
        done d[2]    >
        restore      > call a~1, call e
        done e       >
        done a~1 until > complete
        """,
    ),
    Case(
        "failures, fallbacks and undos not begun are carried",
        S(
            a={"on_failed": "f"},
            f={"needs": "n"},
            n={},
            b={"needs": "a"},
            x={},
            y={},
            z={"needs": "x y", "join": 1},
            g={"on_failed": "h"},
            h={},
        ),
        """
        start         > call a, call n, call x, call y, call g
        failed a none >
        done x        > call z
        pause         >
        failed y      >
        failed g      >
        gated n       >
        done z        >
        restore       > undo y, undo g
        grant n       > call n
        pause         >
        undone g      >
        undone y      >
        done n        >
        restore       > call h, call f
        done f        > call b
        done h        >
        done b        > complete
        """,
    ),
    Case(
        "a failure under hold is carried",
        S(a={}, b={}),
        """
        start    > call a, call b
        gated b  >
        hold     >
        failed a >
        pause    >
        restore  >
        resume   > abandon b, unwind A-FAILED failed
        """,
    ),
    Case(
        "doubts, stalls and an expansion that stalled are carried",
        S(a={}, b={}, c={"for_each": True}),
        """
        start        > call a, call b, expand c
        doubt a      >
        stall b      >
        stall c      >
        restore      >
        resolve a    >
        resume       > call a, call b, expand c
        expanded c 0 >
        done a       >
        done b       > complete
        """,
    ),
]

CASES = [*GRAPH, *JOIN, *FALLBACK, *FAN_OUT, *REPEAT, *PEOPLE, *STOP, *HOLD, *CARRY]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule(case: Case) -> None:
    """Events yield exactly the commands that the rule says."""
    play(case.plan, case.script)
