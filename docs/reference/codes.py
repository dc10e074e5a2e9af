"""What every code means that a run, a tool or a command can end with, and the way out.

Codes of plans stand in `remit.plan.reference`, codes of the stack and of the client beside their
enumerations, codes of policies in the policies. A test finds each code that the source can say and
fails when one is missing here, or stands here and is said by nobody.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """One code."""

    meaning: str
    way_out: str


START: Mapping[str, Entry] = {
    "PLAN-TOO-LARGE": Entry(
        "The document is larger than 1 MiB.", "Pass data by reference; use sub-plans."
    ),
    "PLAN-INPUTS": Entry(
        "A sub-plan was given inputs that its schema does not take.",
        "Mend the step's `args`, or the sub-plan's `inputs_schema`.",
    ),
    "RUN-START-OPTIONS": Entry(
        "Started with a retry policy, cron, a timeout, or by another workflow: Temporal would end "
        "or repeat the run without its undo.",
        "Deadlines belong in `constraints.deadline`, regular starts in a Temporal schedule.",
    ),
    "RUN-FORGED-STATE": Entry(
        "The run claims to continue another one that the ledger does not know so.",
        "Start the plan; nobody hands over state.",
    ),
    "RUN-NO-PARENT": Entry("A child workflow type was started by hand.", "Start `ExecutePlan`."),
    "RUN-PARENT": Entry(
        "`RepairRun` or `RollbackRun` was started by another workflow.",
        "The keeper starts the one, `remit rollback` the other.",
    ),
    "ROLLBACK-ID": Entry(
        "A `RollbackRun` was started under another workflow id than `remit-repair/` and `run`.",
        "Use `remit rollback`.",
    ),
    "ROLLBACK-NOT-COMPLETED": Entry(
        "Only a run that completed can be rolled back, and only once.",
        "A run at work takes `rollback` as a message; see how this one ended.",
    ),
    "RUN-OPEN": Entry(
        "A repair waits until the keeper has closed its run.", "Send an open run `rollback`."
    ),
    "FAULT-POINTS-REFUSED": Entry(
        "`REMIT_FAULT_POINTS` is set, and this is not the fault machine's own stack.",
        "Unset it: it lets a process be ended on purpose.",
    ),
    "RUN-ENDED": Entry(
        "A repair was asked for a run that ended by itself.", "There is nothing to repair."
    ),
    "ADMISSION-ABSENT": Entry(
        "The ledger holds no admission for this run, path and plan: nothing was called.",
        "Start the plan from its beginning. If runs of long ago fail so, the ledger was replaced.",
    ),
    "ADMISSION-DIFFERS": Entry(
        "Another plan was admitted under this run or path.",
        "Start a new run: an admission stands for good.",
    ),
    "ADMISSION-FAULT": Entry(
        "Admission met a fault of Remit's own; nothing was called.", "Report it with the plan."
    ),
    "ORDER-NO-ANSWER": Entry(
        "Nobody answered an order in time; it may still be taken.",
        "Look at the run before you repeat it; `remit status` tells who works.",
    ),
    "AMEND-SHAPE": Entry("The message holds no proposal.", "The finding names the field."),
    "AMEND-AT-ROOT": Entry(
        "An amendment was sent to a sub-plan or to a part of a run.",
        "Send it to the top-level workflow: only the root plan can be amended.",
    ),
    "AMEND-FAULT": Entry(
        "Amending met a fault of Remit's own; nothing was changed.", "Report it with the proposal."
    ),
    "PLAN-APPROVAL": Entry(
        "Policy asks for an approval of a whole plan, which no gate can give yet; it is refused.",
        "Let policy gate the calls instead; they wait for people one by one.",
    ),
    "AMEND-NO-ANSWER": Entry(
        "No worker answered in time; the amendment may still be taken.",
        "`remit status`; the query `plan` tells what is in force.",
    ),
    "AMEND-STALE": Entry(
        "The plan in force is not the one that the proposal was made for.",
        "Look at it with the query `plan`, and propose again.",
    ),
    "AMEND-NOTHING": Entry("The proposal changes nothing.", "Nothing to do."),
    "AMEND-TWICE": Entry("The proposal names a step more than once.", "Name it once."),
    "AMEND-UNKNOWN": Entry("A step to be dropped is not in the plan.", "See the query `plan`."),
    "AMEND-BEGUN": Entry(
        "A step that the proposal replaces or drops has begun; nothing was changed.",
        "Add steps behind it, or order a rollback.",
    ),
    "AMEND-LOST": Entry(
        "A new step needs one of which nothing comes any more.", "Let it need another step."
    ),
    "AMEND-UNNAMED": Entry(
        "A step would become, or cease to be, a fallback without being named.",
        "Name it in `steps` too.",
    ),
    "MACHINE-UNKNOWN-ENGINE": Entry(
        "The plan was compiled for scheduling rules that this worker does not know.",
        "Run a worker of the version that compiled it, or start the plan again.",
    ),
    "MACHINE-SNAPSHOT": Entry(
        "Carried-over state does not fit the plan.", "A bug, or an edited history: report it."
    ),
    "MACHINE-NOT-IDLE": Entry("State was carried over while calls were in flight.", "A bug."),
}

STEP: Mapping[str, Entry] = {
    "REQUIRE-FALSE": Entry(
        "A precondition did not hold; nothing was called.", "See the expression in the message."
    ),
    "ENSURE-FALSE": Entry(
        "The call happened, but not so that `ensure` holds; it is undone.",
        "See the expression in the message.",
    ),
    "ENSURE-ERROR": Entry(
        "The call happened, and `ensure` could not be evaluated; it is undone.",
        "Guard with `has()`.",
    ),
    "EXPRESSION-ERROR": Entry(
        "`when`, `require` or `until` could not be evaluated.", "Guard with `has()`."
    ),
    "REFERENCE-ABSENT": Entry(
        "A `${…}` in the arguments leads nowhere; nothing was called.",
        "Refer to a step that is never skipped, or give this one a `when` with `has()`.",
    ),
    "ARGUMENTS-SCHEMA": Entry(
        "The tool's contract does not take these arguments; nothing was called.",
        "The message names the place. Mend the plan, or what it refers to.",
    ),
    "ARGUMENTS-NOT-JSON": Entry(
        "The arguments have no canonical JSON; nothing was called.",
        "Send integers beyond 2^53 as text.",
    ),
    "ARGUMENTS-TOO-LARGE": Entry(
        "More than 512 KiB of arguments; nothing was called.", "Pass data by reference."
    ),
    "OUTPUT-SCHEMA": Entry(
        "The call happened, and its answer breaks the tool's contract; it is undone.",
        "Mend the tool or its contract.",
    ),
    "OUTPUT-NOT-JSON": Entry(
        "The call happened, and its answer has no canonical JSON; it is undone.", "Mend the tool."
    ),
    "OUTPUT-TOO-LARGE": Entry(
        "The call happened, and its answer is larger than 1 MiB; it is undone.",
        "Let the tool answer with a reference.",
    ),
    "READ-BACK-DIFFERS": Entry(
        "The tool answered that it happened; reading back says otherwise. It is undone.",
        "Look at the tool: it lies, or takes effect later than `read_back.within_s` says.",
    ),
    "READ-BACK-FAILED": Entry(
        "Nobody could read back what a call did: the read is denied, lost or outside its contract. "
        "It is undone.",
        "Look at the tool that reads; the message names it.",
    ),
    "OUTPUT-NOT-REDACTED": Entry(
        "The call happened; policy wants something taken out of its answer, and that cannot be "
        "done, or the rest is none of the tool's. Nothing of the answer is kept; it is undone.",
        "Let the contract's `output_schema` take `[redacted]` there, or change the policy.",
    ),
    "DATA-QUALITY": Entry(
        "An answer misses its contract's bounds of quality; it is in quarantine.",
        "`remit quarantine show REF`; have the source mended, or "
        "[release it](../data-care.md) and start the plan again.",
    ),
    "DATA-STALE": Entry(
        "An answer is older than its contract lets it be, or does not tell; it is in quarantine.",
        "`remit quarantine show REF`; ask when the source is fresh, or "
        "[release it](../data-care.md) and start the plan again.",
    ),
    "FOR-EACH-ITEMS": Entry("`for_each.items` is no list.", "Refer to a list."),
    "FOR-EACH-TOO-LONG": Entry("More than 10,000 items.", "Split the list over several runs."),
    "STEP-ABSENT": Entry(
        "The admitted plan has no such step; or a probe says that the call did not happen.",
        "In the second case it is tried again by itself.",
    ),
    "STEP-NOT-A-PLAN": Entry("A sub-plan was asked for at a step that is none.", "A bug."),
    "STEP-CANCELLED": Entry("Stopped before it was called.", "Nothing to do."),
    "STEP-UNKNOWN": Entry(
        "The activity failed in a way that says nothing of its effect.",
        "Unwinding asks the ledger. See the worker's log.",
    ),
    "STEP-JOIN-IMPOSSIBLE": Entry(
        "Too few of the steps that it needs are done.", "See which of them failed or were skipped."
    ),
    "STEP-REPEAT-EXHAUSTED": Entry(
        "`until` did not hold within `max_times`.", "Repeat more often, or with a pause."
    ),
    "STEP-TOO-MANY-GATES": Entry(
        "A step that was asked about twelve times was to be asked about again; it is refused.",
        "See why the action, or the policy, changes while it waits.",
    ),
    "GATE-NOT-GRANTED": Entry("A gate closed without a grant.", "See who closed it."),
    "GATE-REJECTED": Entry("Somebody said no; the run is undone.", "The reason names who."),
    "GATE-EXPIRED": Entry(
        "Nobody of the role answered in time; the run is undone.",
        "Start again, or let the rule's `expires_in_ms` be longer.",
    ),
    "PLAN-STUCK": Entry("Steps were left that nothing could begin.", "A bug: report the plan."),
    "PART-UNDONE": Entry("A sub-plan was undone with its run.", "Nothing to do."),
    "PART-UNKNOWN": Entry("A part of a run ended without a cause.", "A bug."),
    "ACTIVITY-MISMATCH": Entry(
        "The activity's name is not the step's tool; nothing was called.",
        "Nobody schedules tool activities but a run.",
    ),
    "ACTIVITY-STANDALONE": Entry(
        "An activity was started without a workflow; nothing was called.", "Start a plan."
    ),
    "CALL-SHAPE": Entry(
        "The activity's input is no step call; nothing was called.", "Start a plan."
    ),
}

RUN: Mapping[str, Entry] = {
    "RUN-CANCELLED": Entry("The run was cancelled, and undone.", "The reason is Temporal's."),
    "RUN-ROLLED-BACK": Entry("An operator ordered it back.", "The reason is the operator's."),
    "RUN-DEADLINE": Entry(
        "The deadline passed while a step waited; the run holds.",
        "See what it waited for; then `rollback`. By now policy allows nothing but undos.",
    ),
    "RUN-PAST-DEADLINE": Entry(
        "`resume` came after the run's deadline: nothing but undos would be allowed.",
        "`rollback`; then start the plan again with a later `constraints.deadline`.",
    ),
    "RUN-ABANDONED": Entry(
        "The run was ended from outside; this repair undid what it left.", "See its `residue`."
    ),
    "RUN-TERMINATED": Entry(
        "Terminated in Temporal; the keeper undoes what it left.",
        "Look at `remit-repair/<run id>`.",
    ),
    "RUN-TIMED-OUT": Entry("Temporal timed the run out.", "As above."),
    "RUN-FAILED": Entry("The run failed without a result of ours.", "See the worker's log."),
    "RUN-RESULT": Entry("The result is in no form that this version reads.", "Use its version."),
    "UNDO-IRREVERSIBLE": Entry("It happened, and nothing undoes it.", "Its owner looks after it."),
    "UNDO-NO-ARGUMENTS": Entry(
        "It happened, and its outcome left nothing to undo it with.",
        "Its owner undoes it by hand.",
    ),
    "UNDO-FAILED": Entry(
        "Its undo was refused or failed; the run waits in `needs_repair`.", "Send `repair`."
    ),
    "UNDO-HANDED-OVER": Entry("A person has taken it over.", "Its owner looks after it."),
    "UNDO-NOT-DONE": Entry("There is nothing to undo.", "Nothing to do."),
    "REMIT-BUG": Entry(
        "Something that cannot be. A run in which it happens is undone from the ledger.",
        "Report it.",
    ),
}

MESSAGE: Mapping[str, Entry] = {
    "MESSAGE-UNKNOWN": Entry("No message has this name.", "See the table of messages."),
    "MESSAGE-MALFORMED": Entry(
        "The payload is no object with the fields that the message needs.",
        "See the table of messages.",
    ),
    "RUN-NOT-AT-WORK": Entry(
        "`hold`, `resume`, `rollback` and `amend` are for a run at work; this one is not.",
        "See its status.",
    ),
    "FAULT-POINTS-REFUSED": Entry(
        "`REMIT_FAULT_POINTS` is set, and this is not the fault machine's own light stack.",
        "Unset it: it lets a process be ended on purpose.",
    ),
    "RUN-ENDED": Entry("The run has ended.", "Nothing to do."),
    "ROLLBACK-AT-ROOT": Entry(
        "A sub-plan is rolled back with its run.", "Send it to the top-level workflow."
    ),
    "VOTE-MALFORMED": Entry(
        "`step` or `by` is missing or no text.", 'Send `{"step", "digest", "by"}`.'
    ),
    "VOTE-NO-GATE": Entry("No gate stands at this step.", "Query `pending`."),
    "VOTE-NO-DIGEST": Entry(
        "An approval names what it approves.", "Add the digest of the message."
    ),
    "VOTE-DIGEST": Entry(
        "The digest is that of another action.", "Query `pending`: the arguments have changed."
    ),
    "VOTE-NO-ANSWER": Entry(
        "Nobody answered a vote in time; it may still be taken.",
        "Look at the gate again before you repeat it; `remit status` tells whether workers run.",
    ),
    "VOTE-REFUSED": Entry(
        "A run refused a vote without saying why: it is of another version.",
        "Use the console of the version that its workers have.",
    ),
    "VOTE-LATE": Entry("The gate is closed, or has expired.", "Nothing to do."),
    "VOTE-CLAIMED": Entry(
        "Somebody else has the gate in hand.", "Wait half an hour at most, or ask for a `release`."
    ),
    "VOTE-DELEGATED": Entry(
        "This vote was handed over, and is not handed on.", "`release` takes it back."
    ),
    "VOTE-NOT-HELD": Entry("There is no claim and no vote handed over to give up.", "Nothing."),
    "VOTE-QUORUM": Entry(
        "Other approvals come before a call is taken over.", "Approve, or wait for them."
    ),
    "VOTE-TOGETHER": Entry(
        "Of several calls that a message answers one refuses, so none of it counts.",
        "See what the other says; answer it by itself.",
    ),
    "VOTE-UNDO": Entry(
        "What undoes a call was fixed with it, and is not changed.",
        "Approve or reject it, or order a `repair`.",
    ),
    "VOTE-EDIT-INVALID": Entry(
        "The tool does not take the edited arguments.", "The message says where and why."
    ),
    "VOTE-EDIT-SAME": Entry("The edit changes nothing.", "Approve it as it is."),
    "VOTE-BY-HAND": Entry(
        "The tool is a task for a person (kind `human`): approving it would do nothing.",
        "`remit take-over --output JSON` when it is done, or `remit reject`.",
    ),
    "VOTE-OUTPUT-INVALID": Entry(
        "The tool would not have answered so.", "Give `output` as the tool's contract says."
    ),
    "EDIT-FORGOTTEN": Entry(
        "Edited arguments that nobody keeps any more; nothing was called.", "Start again."
    ),
    "GATE-CHANGES-REQUESTED": Entry(
        "Changes were asked for, and nobody amended the step in time; the run is undone.",
        "Plan it again with what the reason says.",
    ),
    "VOTE-REPEATED": Entry("This person has voted here.", "Distinct people count once."),
    "VOTE-DIFFERENT": Entry(
        "Only gates of equal request are approved together.", "Approve them one by one."
    ),
    "NOT-IN-DOUBT": Entry("Nobody asks whether this call happened.", "Query `pending`."),
    "STEP-PATH": Entry("`step` is no path of a step.", "Copy it from `pending`."),
    "REPAIR-UNKNOWN": Entry("`do` is none of the three.", "`retry`, `mark_done` or `hand_over`."),
    "REPAIR-RETRY": Entry("Recorded: the undo is tried once more.", "Nothing to do."),
    "REPAIR-DONE": Entry("Recorded: a person undid it by hand.", "Nothing to do."),
}

LEDGER: Mapping[str, Entry] = {
    "LEDGER-UNAVAILABLE": Entry(
        "The ledger did not answer in time; what is recorded decides how it goes on.",
        "[Runbook](../runbooks/ledger-down.md).",
    ),
    "LEDGER-TOO-OLD": Entry(
        "An older Remit made this ledger, and who asks may only read it.",
        "Start this Remit's workers first; they upgrade it.",
    ),
    "LEDGER-TOO-NEW": Entry("A newer Remit made this ledger.", "Run that version."),
    "LOG-BROKEN": Entry(
        "The log's tables are not the tree that was signed last: nothing more is signed.",
        "[The log is refused](../runbooks/log-refused.md).",
    ),
    "LOG-OTHER-KEY": Entry(
        "The signing key is the key of another log.",
        "Put the log's own key back; a new one comes by `remit evidence rotate-key`.",
    ),
    "CONTENT-FORGOTTEN": Entry(
        "The value was deleted on purpose; the record that is named says why.",
        "[Forgetting](../runbooks/forgetting.md).",
    ),
    "CONTENT-KEY": Entry(
        "Contents are encrypted with a key that is not at hand, or a reference leads to no key. "
        "Nothing is written, nothing is lost.",
        "Put the key where `REMIT_CONTENT_KEYS` says; [runbook](../runbooks/forgetting.md).",
    ),
    "FORGET-OPEN": Entry(
        "The run is not over, or a call of it is open or in doubt: it needs its contents.",
        "Wait for its end; settle what is in doubt.",
    ),
    "QUARANTINE-ABSENT": Entry(
        "No answer in quarantine is called so.",
        "`remit quarantine list` names those that are held.",
    ),
    "QUARANTINE-ENDED": Entry(
        "Somebody released or discarded this answer already.",
        "`remit quarantine show REF` says who.",
    ),
    "FORGET-RETAINED": Entry(
        "Somebody retains the run: nothing of it is forgotten.",
        "`remit retain RUN --release` ends it.",
    ),
    "FORGET-BUSY": Entry(
        "Too much is new in the ledger, or another order about the run is on its way.",
        "Ask again; the activity does so by itself.",
    ),
    "ROLLBACK-FORGOTTEN": Entry(
        "Contents of the run were forgotten, so nothing could undo it wholly.",
        "Undo by hand what is still to be undone.",
    ),
    "LEDGER-BROKEN-RULE": Entry("The tables themselves refused a write.", "A bug: report it."),
    "DECISION-ABSENT": Entry("An intent without a decision and revision is refused.", "A bug."),
    "STEP-OPEN": Entry("An attempt's outcome is not known yet.", "Looked at again by itself."),
    "STEP-HAPPENED": Entry("It happened already.", "Its outcome is returned."),
    "STEP-IN-DOUBT": Entry("Nobody can tell whether it happened.", "Send `resolve_doubt`."),
    "STEP-EXHAUSTED": Entry("Its attempts are used up.", "Raise `retry.max_attempts` in the plan."),
    "STEP-UNDONE": Entry("Its undo has begun; it is not done any more.", "Start a new run."),
    "CALL-STOPPED": Entry("Somebody stopped such calls.", "`remit stops` tells who and why."),
    "STEP-FENCED": Entry("What it stands in is being undone.", "Start a new run."),
    "STEP-SUPERSEDED": Entry(
        "A higher generation of it has begun, or an amendment took its place.", "Nothing to do."
    ),
    "STEP-SKIPPED": Entry("It was skipped.", "Nothing to do."),
    "STEP-BEGUN": Entry("It was begun, and cannot be skipped.", "Nothing to do."),
    "STEP-NOT-DONE": Entry("There is nothing to undo.", "Nothing to do."),
    "LEASE-HELD": Entry("An earlier attempt may still land.", "Waited for by itself."),
    "LEASE-RAN-OUT": Entry(
        "Its lease ended before the call could be sent; nothing was sent.", "Tried again by itself."
    ),
    "LEASE-LOST": Entry("Somebody else took the attempt over.", "Looked at again by itself."),
    "GRANT-USED": Entry("A grant does not cover this call.", "It is decided again."),
    "RATE-LIMITED": Entry(
        "The tool's rate limit is reached; nothing was called.", "It waits its turn by itself."
    ),
    "SLOTS-TAKEN": Entry(
        "As many calls of this tool, agent or tenant as may be made at once are under way, over "
        "all workers; nothing was called.",
        "It waits its turn by itself. See [limits](../limits.md).",
    ),
    "TOOL-CROWDED": Entry(
        "The tool holds its share of this worker's slots, and its calls are slow; nothing was "
        "called.",
        "It waits its turn by itself, on no slot. See [limits](../limits.md).",
    ),
    "BREAKER-OPEN": Entry(
        "The service behind the tool failed too often; the ledger lets no call begin.",
        "Told as `host:breaker_open`.",
    ),
    "RESERVE-CONFLICT": Entry(
        "A counter had no room and then had some, again and again.",
        "It is decided again with the counters' values; policy refuses or asks where none is left.",
    ),
    "RUN-ABSENT": Entry("The run was never admitted.", "Start the plan."),
    "RUN-CLOSED": Entry("The run is over; nothing of it begins.", "Start a new run."),
    "CONTENT-ABSENT": Entry("A value is missing.", "The ledger's file is damaged: restore it."),
    "CONTENT-ALTERED": Entry("A value is not what its digest names.", "As above."),
    "CONTENT-DIFFERS": Entry("A value is not what its digest names.", "As above."),
    "CHAIN-ABSENT": Entry("A chain could not be begun.", "As above."),
}

IDENTITY: Mapping[str, Entry] = {
    "PLAN-UNAUTHENTICATED": Entry(
        "Names must be proven here, and nobody proved to have started the plan; nothing of it was "
        "looked at.",
        '`remit run --key FILE`, or a second argument `{"token": …}`.',
    ),
    "TOKEN-MALFORMED": Entry(
        "It is no token, or for something that has no canonical form.", "Sign again."
    ),
    "TOKEN-ALGORITHM": Entry(
        "Signed by an algorithm that is not taken, or that the key is not for.",
        "Remit's own tokens are EdDSA; of an OIDC issuer, what the file lists.",
    ),
    "TOKEN-SIGNATURE": Entry("The signature is not of this key.", "Sign again, with your own key."),
    "TOKEN-KEY-UNKNOWN": Entry(
        "The file of whom to trust has no such key of this issuer.", "Have `remit keys show` added."
    ),
    "TOKEN-KEY-REVOKED": Entry("The key was revoked.", "Make another: `remit keys new`."),
    "TOKEN-KEY-EXPIRED": Entry("The key's `not_after` is over.", "Make another."),
    "TOKEN-KEYS-AWAY": Entry(
        "The OIDC issuer's keys could not be fetched or read; nothing is believed meanwhile.",
        "Try again; see that the workers reach the issuer.",
    ),
    "TOKEN-UNTRUSTED": Entry(
        "A token came, and the file of whom to trust is not there, or cannot be read.",
        "Name it (`[identity]` in `remit.toml`, `REMIT_IDENTITY`), mend it; no restart is needed.",
    ),
    "TOKEN-SELF-ISSUED": Entry(
        "The key may not speak for whom the token names.", "Sign with your own key."
    ),
    "TOKEN-PERSON": Entry(
        "The token names another person than the message, or one whose address nobody verified.",
        "`by` is whoever signs.",
    ),
    "TOKEN-AUDIENCE": Entry("It is for another namespace or client.", "Sign for this one."),
    "TOKEN-PURPOSE": Entry(
        "It is for something else (vote, order, start), or its issuer is not trusted with it.",
        "Sign what you send; see `purposes` in the file.",
    ),
    "TOKEN-RUN": Entry("It is for another run.", "Sign for this one."),
    "TOKEN-ACTION": Entry(
        "It is for another gate, action or plan.", "Look at what stands there now; sign again."
    ),
    "TOKEN-MESSAGE": Entry(
        "The message is not the one that was signed.", "Sign again; nothing is added afterwards."
    ),
    "TOKEN-LIFE": Entry("A token lives 15 minutes at most.", "Sign for less."),
    "TOKEN-EARLY": Entry("It is of a time that has not come.", "Compare the clocks: 30 s."),
    "TOKEN-EXPIRED": Entry("Its time is over.", "Sign again."),
    "TOKEN-REPLAYED": Entry(
        "It proved something before, and proves one thing only.", "Sign again."
    ),
    "IDENTITY-UNREADABLE": Entry(
        "The file of whom to trust, or an issuer's keys, cannot be read.",
        "The message says why; until it is mended nobody is believed.",
    ),
    "IDENTITY-SHAPE": Entry(
        "The file of whom to trust is not of its form.",
        "The path names the place: docs/identity.md.",
    ),
    "IDENTITY-KEY-TWICE": Entry("Two parties share a key.", "Give each a key of their own."),
    "KEY-FILE": Entry("There is no Ed25519 key in this file.", "`remit keys new`."),
    "KEY-EXISTS": Entry("There is a file already.", "Choose another."),
    "KEY-OPEN": Entry("Others may read the key.", "`chmod 600`."),
    "KEY-PERSON": Entry("Nobody is named.", "`--as NAME`, or `REMIT_AS`."),
}

TOOL: Mapping[str, Entry] = {
    "TOOL-DRIFTED": Entry(
        "The tool's contract changed, or is gone, since the plan was admitted; nothing was called.",
        "Start the plan again: it is admitted with today's contract.",
    ),
    "TOOL-REFUSED": Entry(
        "The tool said no, certainly without effect (a status that its contract lists).",
        "The message holds the tool's own words.",
    ),
    "TOOL-STATUS": Entry(
        "The tool answered a status that its contract does not list: unknown. At load: a list of "
        "statuses that cannot be.",
        "Asked again as its idempotency allows.",
    ),
    "TOOL-TIMEOUT": Entry("No answer before the deadline: unknown.", "As above."),
    "TOOL-CONNECTION": Entry("The connection was lost after sending: unknown.", "As above."),
    "TOOL-CANCELLED": Entry(
        "A tool that lets itself be cancelled was given up: unknown.", "As above."
    ),
    "TOOL-RAISED": Entry("The function raised: unknown.", "See type and line in the message."),
    "TOOL-REDIRECT": Entry(
        "The tool answered a redirect; none is followed.", "Put the right address in the contract."
    ),
    "TOOL-UNREACHABLE": Entry("No connection; nothing was sent.", "Tried again by itself."),
    "TOOL-DEADLINE": Entry(
        "The deadline was over before sending (`sql`: before COMMIT).", "Tried again by itself."
    ),
    "TOOL-BUSY": Entry(
        "No thread, process or connection was free; nothing was called.", "Tried again by itself."
    ),
    "TOOL-EGRESS": Entry(
        "Host or address is not what the contract's `destinations` allow, or the proxy refuses; "
        "nothing was sent.",
        "Look at what the name resolves to; list host or network, or mark the host `private`.",
    ),
    "TOOL-ARTIFACT": Entry(
        "An artifact cannot be read or kept: the message says which code. At load: the contract "
        "cannot bring or send one.",
        "[Artifacts](../artifacts.md).",
    ),
    "TOOL-MEDIA-TYPE": Entry(
        "A 2xx of a media type that `artifact` does not list: a failure with effect.",
        "List it, if it may come.",
    ),
    "ARTIFACT-MEDIA-TYPE": Entry(
        "An artifact is of a media type that `upload` does not list; nothing was sent.",
        "List it, if it may be sent.",
    ),
    "TOOL-SECRET": Entry(
        "A secret cannot be had; nothing was sent. At load: its reference is malformed, or no "
        "`[oauth.NAME]` is declared for it.",
        "See the `SECRET-…` code in the message.",
    ),
    "TOOL-REQUEST": Entry("No request can be made of these arguments.", "See the message."),
    "TOOL-HUMAN": Entry(
        "A task for a person was reached without an answer: an undo, a probe, or all approved it.",
        "The `repair` order with `mark_done`, when somebody did it by hand.",
    ),
    "TOOL-SQL-REFUSED": Entry(
        "The database refused a statement; it was rolled back.",
        "See SQLSTATE and constraint in the message.",
    ),
    "TOOL-SQL-BUSY": Entry(
        "Another transaction was in the way (lock, deadlock, serialisation); rolled back.",
        "Tried again by itself.",
    ),
    "TOOL-SQL-ROWS": Entry(
        "A statement met another number of rows than `rows` says; it was rolled back.",
        "Read the rows first, or mend the contract.",
    ),
    "TOOL-SQL-VALUE": Entry(
        "A column holds what JSON cannot hold exactly; the transaction was rolled back.",
        "CAST it to text in the statement.",
    ),
    "TOOL-SQL-KEY": Entry(
        "The step key stands in the table under another tool; nothing was done.",
        "Give each tool that is another a step of its own.",
    ),
    "TOOL-MODEL-AWAY": Entry(
        "No endpoint of a model answered, or too little time was left for any, and the contract "
        "declares no answer for that.",
        "Tried again by itself. `call.when_away` declares an answer, marked `degraded`.",
    ),
    "TOOL-MODEL-ANSWER": Entry(
        "No answer of a model fitted its schema after all repairs; or a contract's answer is "
        "described in a way that no model can be told. Not asked again: it would cost again.",
        "Make the schema or the prompt easier, or allow more `repairs`.",
    ),
    "TOOL-MODEL-ROUTE": Entry(
        "No endpoint of a model may be asked this: by what it `sees`, or by the risk of the call; "
        "nothing was sent. At load: the conditions would bar an endpoint, or all, for ever.",
        "See the message. Have policy redact the data, or name an endpoint that may see it.",
    ),
    "TOOL-MODEL-BUDGET": Entry(
        "One more request could cost more than `bounds` allow, at any endpoint that may be asked, "
        "or an answer did; what was spent is booked.",
        "Raise `bounds`, or ask for less.",
    ),
    "TOOL-FUNCTION": Entry("The function is not there.", "Mend `tools/`, restart the workers."),
    "TOOL-PROCESS": Entry(
        "The process of a function could not be made, or ended without an answer: unknown once the "
        "function was called, else nothing was.",
        "See exit status or signal in the message; asked again as its idempotency allows.",
    ),
    "TOOL-BOUND": Entry(
        "A function's process took more than its contract allows, and was killed: unknown once the "
        "function was called, else nothing was.",
        "Raise the bound that the message names, or ask for less.",
    ),
    "TOOL-ANSWER": Entry("The function returned no JSON: a failure with effect.", "Mend it."),
    "TOOL-NOT-JSON": Entry("A 2xx without JSON: a failure with effect.", "Mend the tool."),
    "TOOL-BAD-JSON": Entry("A 2xx with ambiguous JSON: a failure with effect.", "Mend the tool."),
    "TOOL-ANSWER-PART": Entry("Nothing at `output`: a failure with effect.", "Mend the contract."),
    "TOOL-ANSWER-ENCODED": Entry("A compressed 2xx: a failure with effect.", "Mend the tool."),
    "TOOL-ANSWER-TOO-LARGE": Entry(
        "An answer larger than the contract allows: a failure with effect (`sql`: rolled back).",
        "Answer with a reference, or ask for less.",
    ),
    "TOOL-LISTING-CHANGED": Entry(
        "An MCP server lists the tool otherwise than its contract pins it, or not at all; nothing "
        "was called.",
        "`remit tools import mcp` shows what changed; start the plan again after the review.",
    ),
    "TOOL-EXTRA": Entry(
        "The worker lacks an extra that this kind of tool needs; nothing was called.",
        "Install what the message names, restart the workers.",
    ),
    "TOOL-ERROR": Entry(
        "The tool's answer is marked as an error, and its contract does not say that errors have "
        "no effect: unknown.",
        "Write `errors: refused` if that is true of the tool.",
    ),
    "TOOL-ASKED": Entry(
        "An MCP server asked for a completion, a form or folders in place of an answer; nobody "
        "gives it.",
        "Use a tool that needs none.",
    ),
    "TOOL-CONTENT": Entry(
        "The answer has no content of the kind that the contract takes: a failure with effect.",
        "Mend `answer` in the contract.",
    ),
    "TOOL-FLOOD": Entry(
        "An MCP server sent more unasked than is listened to, and was let go: unknown.",
        "Asked again as its idempotency allows.",
    ),
    "TOOL-PROTOCOL": Entry(
        "What came back is no answer of an MCP tool: unknown.", "Mend the server."
    ),
    "PROBE-ABSENT": Entry("The contract names no probe, or none that is pinned.", "Name one."),
    "PROBE-ARGUMENTS": Entry("The probe's arguments lead nowhere.", "Mend the contract."),
    "PROBE-DENIED": Entry("Policy denies the read.", "Give the agent a scope in its domain."),
    "PROBE-FAILED": Entry("The probe could not tell.", "Asked again, then in doubt."),
}

CONTRACT: Mapping[str, Entry] = {
    "TOOL-SHAPE": Entry("A contract has a wrong or unknown field.", "`remit schema tool`."),
    "TOOL-BLANK": Entry("Owner or description is blank.", "Fill it in."),
    "TOOL-DUPLICATE": Entry("Two contracts have one `name@major`.", "Drop one."),
    "TOOL-INPUT-SCHEMA": Entry("The input schema is none, or not of an object.", "Put it right."),
    "TOOL-OUTPUT-SCHEMA": Entry("The output schema is no JSON Schema.", "Put it right."),
    "TOOL-INPUT": Entry("Arguments break the input schema.", "See the path."),
    "TOOL-OUTPUT": Entry("An output breaks the output schema.", "See the path."),
    "TOOL-HINTS": Entry("A function lacks types that have a JSON form.", "Annotate it."),
    "TOOL-KEY-UNUSED": Entry("Idempotency `key`, and nothing takes the key.", "Pass it on."),
    "TOOL-KEY-ARGUMENT": Entry(
        "Plans could set the argument that carries the step key.",
        "Drop it from `input_schema`.",
    ),
    "TOOL-MCP-SERVER": Entry(
        "The command or the environment of an MCP server holds what may not stand there.",
        "Secrets by reference, in `environment` alone.",
    ),
    "IMPORT-TOOL": Entry("A tool was not imported.", "See the message; the others were."),
    "IMPORT-HINTS": Entry(
        "A tool calls itself harmless; that is not believed.",
        "Write into the overrides what is true, or import with `--trust-annotations`.",
    ),
    "IMPORT-TEXT": Entry(
        "A tool's texts speak to a model, or hide letters; the contract does without them.",
        "Read what the server lists before you use it.",
    ),
    "IMPORT-SERVER": Entry("The server could not be asked.", "Start it by hand."),
    "TOOL-PROBE-MISSING": Entry("Idempotency `probe` without a probe.", "Name the read tool."),
    "TOOL-PROBE-NOT-READ": Entry("The probe has an effect.", "Name a read tool."),
    "TOOL-READ-BACK-NOT-READ": Entry("The read-back has an effect.", "Name a read tool."),
    "TOOL-READ-BACK-EXPECT": Entry(
        "A read-back expects what its read tool can never answer.",
        "Hold `expect` against the `output_schema` of the tool that reads.",
    ),
    "TOOL-UNKNOWN-PROBE": Entry("The probe is not in the catalogue.", "Add its contract."),
    "TOOL-UNKNOWN-READ-BACK": Entry("The read-back is not in the catalogue.", "Add its contract."),
    "TOOL-UNKNOWN-COMPENSATION": Entry("The undo is not in the catalogue.", "Add its contract."),
    "TOOL-QUALITY": Entry(
        "A bound leads nowhere, cannot be met, or asks again what has an effect or a cost.",
        "Hold `quality` against the `output_schema`; [bounds](../data-care.md).",
    ),
    "TOOL-SEMANTICS": Entry(
        "`x-unit` or `x-currency` says nothing.", "A unit; a currency's code, or a member's name."
    ),
    "TOOL-UPCAST": Entry("`upcast` is not of an earlier major.", "Name one."),
    "CONTRACT-REMOVED": Entry(
        "A contract is gone, and no `upcast` takes its plans over.", "Keep it beside the new major."
    ),
    "CONTRACT-ARGUMENTS": Entry(
        "Arguments that were right may be refused.", "Keep them as wide, or make a new major."
    ),
    "CONTRACT-ANSWER": Entry(
        "An answer may lack, or be, what nobody expects.", "Keep it as narrow, or make a new major."
    ),
    "CONTRACT-WIDENED": Entry(
        "It does, reaches or touches more than before.", "Make a new major: others look at it."
    ),
    "CONTRACT-IDEMPOTENCY": Entry("Idempotency changed.", "Make a new major."),
    "CONTRACT-UNDO": Entry("It is undone or read back otherwise.", "Make a new major."),
    "CONTRACT-COST": Entry("A call may cost more, or is priced otherwise.", "Make a new major."),
    "CONTRACT-CHANGED": Entry(
        "A field changed, and whether it breaks anybody cannot be told.", "Make a new major."
    ),
    "CONTRACT-VERSION": Entry("A contract changed under its version.", "Raise the version."),
    "EXPECTATION-SHAPE": Entry(
        "A file of expectations has a wrong or unknown field, or no JSON Schema in `reads`.",
        "docs/contracts.md shows one.",
    ),
    "EXPECTATION-TOOL": Entry(
        "A consumer calls a tool that is gone.", "Keep it, or let a later major serve it."
    ),
    "EXPECTATION-VERSION": Entry(
        "A consumer cannot do with this version of a contract.", "Talk to its owner."
    ),
    "EXPECTATION-ANSWER": Entry(
        "A consumer reads what the contract does not promise.", "Promise it, or make a new major."
    ),
    "EXPECTATION-ARGUMENTS": Entry(
        "A consumer makes a call that the contract does not take.", "Take it, or make a new major."
    ),
    "EXPECTATION-DRIFT": Entry(
        "A service answers, or refuses, otherwise than a consumer expects.",
        "`remit explain RUN` tells the run that tried it; mend the service, or the expectation.",
    ),
    "EXPECTATION-NOT-TRIED": Entry(
        "Policy, a wait or the run's end kept a call from being tried.",
        "Let the consumer's agent make that call, or drop the example.",
    ),
    "EXPECTATION-LEFT": Entry(
        "What was tried in a sandbox is not undone.", "Settle the run that it names."
    ),
    "EXPECTATION-UNKNOWN": Entry(
        "Nobody of that name states what it expects, or nobody at all.", "See the hint."
    ),
    "BASELINE-UNREADABLE": Entry(
        "What contracts are held against cannot be read.", "Name an export, a folder or a commit."
    ),
    "TOOL-COST-MISSING": Entry("A `spend` tool does not say what it costs.", "Give `cost`."),
    "TOOL-HUMAN-CALL": Entry(
        "A task for a person says that it is called like a tool.", "See the hint."
    ),
    "TOOL-SQL-STATEMENT": Entry(
        "A statement is not plainly one, or does what the contract's operation does not.",
        "See the message, and docs/tools.md.",
    ),
    "TOOL-SQL-PARAMETER": Entry(
        "A statement's parameters and those declared differ.", "Declare what it takes."
    ),
    "TOOL-SQL-URL": Entry("The URL of a database is of no form that is taken.", "See the hint."),
    "TOOL-SQL-ROLE": Entry("Warning: a read with all rights of its account.", "Name a `role`."),
    "TOOL-MODEL-OPERATION": Entry(
        "A tool of kind `model` says that it writes, deletes or triggers.", "`read` or `spend`."
    ),
    "TOOL-MODEL-KEEP": Entry(
        "Answers are to be kept that may differ, or that a miss would be asked again for.",
        "`temperature: 0`, and `quality.on_miss` other than `again`; or drop `keep_s`.",
    ),
    "TOOL-MODEL-PRICE": Entry(
        "Money is bounded, and an endpoint has no price, or `cost` does not follow the bound.",
        "State prices in one currency, `cost.estimate` and `cost.actual_output`.",
    ),
    "TOOL-POINTER": Entry("A JSON pointer leads nowhere.", "See the schema it points into."),
    "TOOL-TEMPLATE": Entry("A template refers to what is not there.", "See the message."),
    "TOOL-URL": Entry("The URL is of no form that is taken.", "See `remit/tool/address.py`."),
    "TOOL-HEADER": Entry("A header is not one that may be set.", "Drop it."),
    "TOOL-DESTINATION": Entry(
        "A host is not among the destinations, or one of them means nothing.", "See the message."
    ),
    "TOOL-MODULE": Entry("A module of `tools/` cannot be imported.", "See the message."),
    "TOOL-NO-UNDO": Entry("Warning: an effect without undo or `irreversible`.", "Add one."),
    "TOOL-ALREADY": Entry(
        "Warning: a repeatable deletion is refused for having been done.", "State `already`."
    ),
    "TOOL-UNDO-BOTH": Entry("Warning: `irreversible`, and an undo.", "Keep one."),
    "TOOL-READ-UNDO": Entry("Warning: a read with an undo.", "Drop it."),
    "PLAN-UNNAMED": Entry("A file in `plans/` is no plan.", "Give it `name` and `version`."),
    "PLAN-DUPLICATE": Entry("Two files hold one `name@version`.", "Give one a new version."),
    "PROJECT-NOT-READ": Entry("A file is not readable JSON or YAML.", "Put the text right."),
    "PROJECT-UNREADABLE": Entry("A file cannot be opened.", "See its rights."),
    "PROJECT-TOO-LARGE": Entry("Too many or too large files.", "See the message."),
}

HOST: Mapping[str, Entry] = {
    "host:opa_unavailable": Entry("OPA cannot be reached, or answers 5xx.", "wait"),
    "host:deadline": Entry("OPA did not answer within its deadline.", "wait"),
    "host:no_bundle": Entry("OPA has no policy bundle yet.", "wait"),
    "host:unauthorized": Entry("OPA does not know our token.", "wait"),
    "host:stale_allow": Entry("The allow is older than 5 s.", "wait"),
    "host:stale_bundle": Entry(
        "OPA has heard of no policies for too long, or is behind the newest release for too long.",
        "wait",
    ),
    "host:canary_unknown": Entry(
        "The ledger does not say whether a canary decides for the run.", "wait"
    ),
    "host:canary_foreign": Entry(
        "A canary decides for the run, and its OPA has other policies than the canary's.", "wait"
    ),
    "host:revision_below_floor": Entry(
        "OPA decides with a release that must not decide any more.", "deny"
    ),
    "host:stopped": Entry("Somebody stopped such calls.", "wait"),
    "host:breaker_open": Entry(
        "The service behind a tool failed too often, so calls wait until its breaker closes; with "
        "`while_open: fail` they fail.",
        "wait",
    ),
    "host:undefined": Entry("The entry point is undefined.", "deny"),
    "host:bad_answer": Entry("The answer is not JSON, or ambiguous.", "deny"),
    "host:bad_decision": Entry("The decision is malformed.", "deny"),
    "host:bad_facts": Entry("The facts have no canonical form.", "deny"),
    "host:bad_question": Entry("OPA cannot read the facts.", "deny"),
    "host:answer_too_large": Entry("The answer exceeds 256 KiB.", "deny"),
    "host:digest_mismatch": Entry("The decision is about another call.", "deny"),
    "host:revision_mismatch": Entry("Decided under another revision than is active.", "deny"),
    "host:evaluation_failed": Entry(
        "The policy contradicts itself, or a rule fails on such facts.", "deny"
    ),
    "host:redirect": Entry("OPA answered with a redirect.", "deny"),
    "host:obligation_unsupported": Entry("The call needs what cannot be done here.", "deny"),
    "host:obligation_failed": Entry("With its obligations the tool would not take it.", "deny"),
}
"""The second word says what follows: `wait` (asked again, no attempt used) or `deny`."""

SECRET: Mapping[str, Entry] = {
    "SECRET-MISSING": Entry("A reference leads to nothing, or to nothing but blanks.", "Set it."),
    "SECRET-REFERENCE": Entry("A reference is malformed, or goes up a folder.", "See its form."),
    "SECRET-PRINCIPAL": Entry(
        "`{agent}` or `{tenant}` stands for nobody here, or for a name that could lead elsewhere.",
        "For a command: `--agent`, `--tenant`.",
    ),
    "SECRET-FORM": Entry(
        "The value is too large, has line breaks or other than ASCII, or is itself a reference.",
        "Keep one line of printable ASCII there.",
    ),
    "SECRET-OUTSIDE": Entry(
        "The file lies, links followed, outside the project.",
        "Allow its folder in `[secrets] folders` or `REMIT_SECRET_FOLDERS`.",
    ),
    "SECRET-UNREADABLE": Entry("It is there and cannot be read.", "See the message."),
    "SECRET-DENIED": Entry(
        "Vault, or whoever gives access tokens, does not give it.",
        "See Vault's token and its policies; client, secret and scope of `[oauth.NAME]`.",
    ),
    "SECRET-UNREACHABLE": Entry(
        "Keyring, Vault or the giver of access tokens did not answer in time, or not now.",
        "Tried again by itself; see `VAULT_ADDR`, or `token_url`.",
    ),
    "SECRET-TOKEN": Entry(
        "What came for an access token is none of type Bearer with an end.",
        "See `token_url`; `lifetime_s` for a giver that names no end.",
    ),
    "SECRET-EXTRA": Entry("It needs an extra that is not installed.", "Install what is named."),
    "SECRET-FOUND": Entry(
        "A scan found a secret where none may be.", "Rotate it, then find out how it came there."
    ),
    "SECRET-SCAN-UNREAD": Entry("A scan could not look into a file.", "See the message."),
    "SECRET-NOTHING": Entry("A scan has nothing to look for.", "See the message."),
    "SECRET-SHORT": Entry("A value is too short to be looked for.", "Leave it out."),
}

COMMAND: Mapping[str, Entry] = {
    "OAUTH-INVALID": Entry(
        "A table `[oauth.NAME]` of `remit.toml` cannot be used.", "docs/egress.md shows it."
    ),
    "LIMITS-INVALID": Entry(
        "The table `[limits]` of `remit.toml` cannot be used.", "docs/limits.md shows it."
    ),
    "DATA-INVALID": Entry(
        "The table `[data]` of `remit.toml` cannot be used, or asks for what is not installed; no "
        "worker starts.",
        "See the message, and docs/data-care.md.",
    ),
    "CONSOLE-NOT-INSTALLED": Entry(
        "The console's packages are an extra, and not installed.", "`pip install 'remit[console]'`."
    ),
    "MCP-NOT-INSTALLED": Entry(
        "The packages of MCP are an extra, and not installed.", "`pip install 'remit[mcp]'`."
    ),
    "SCHEMA-STRICT": Entry("Only plans have a strict schema.", "`remit schema plan --strict`."),
    "MCP-KEY": Entry(
        "Names are proven in this project, and `remit mcp` was given nobody's key, or another's.",
        "`--key FILE`; leave out `--on-behalf-of`, or name whose key it is.",
    ),
    "MCP-PORT": Entry("The port is taken.", "Name another one after `--http`."),
    "MCP-BUSY": Entry(
        "One MCP server is asked too much at once.", "Wait for an answer before the next question."
    ),
    "MCP-AGENT": Entry(
        "A plan names another agent than the one that the MCP server speaks for.",
        "Write the agent that `list_tools` tells.",
    ),
    "MCP-TENANT": Entry("A plan names another tenant than the MCP server's.", "Write that one."),
    "MCP-PRINCIPAL": Entry(
        "A plan acts for another person than the MCP server does.", "Write that one."
    ),
    "CONSOLE-PORT": Entry("The port is taken.", "Name another `--port`, or none."),
    "CONSOLE-SETTINGS": Entry(
        "Under these settings the console does not start: `REMIT_LEDGER_URL` must say which ledger "
        "it reads; without `[console.oidc]` it listens on loopback alone, and with it `base_url` "
        "is needed, by https unless it is on this machine.",
        "`remit up` sets what it needs; see [the console](../console.md).",
    ),
    "WORKER-SETTINGS": Entry(
        "A worker does not start with these `REMIT_*` variables; the line names the one and says "
        "why. `REMIT_LEDGER_URL` has no default: a ledger that nobody chose would hold what nobody "
        "looks for.",
        "Set it, e.g. `sqlite:////srv/remit/ledger.db`; `remit up` sets all that it needs.",
    ),
    "CODEC-OFF": Entry(
        "Payloads of this stack are not encrypted, so there is nothing to be let in to.",
        "`[payloads]` in remit.toml; [payloads](../payloads.md).",
    ),
    "CODEC-KEYS": Entry(
        "The project names its keys itself; a stack's own key would not be used.",
        "Put the new key first in `[payloads] keys`, and leave the old ones behind it.",
    ),
    "CODEC-SETTINGS": Entry("The codec server was started without a key or token.", "`remit up`."),
    "ARTIFACT-ABSENT": Entry(
        "The store holds no such artifact of that tenant: never brought, or forgotten.",
        "Look at `REMIT_ARTIFACTS`; run the step again.",
    ),
    "ARTIFACT-DIFFERS": Entry(
        "What is stored is not what the digest names: altered, cut, or the disk's fault.",
        "Find out who wrote to the folder; run the step again.",
    ),
    "ARTIFACT-NO-ROOM": Entry(
        "The store cannot be written, or its disk is nearly full; nothing was sent.",
        "Make room; tried again by itself.",
    ),
    "ARTIFACT-TOO-LARGE": Entry("It is larger than `max_bytes`.", "Raise that, or ask for less."),
    "ARTIFACT-FILE": Entry("The file cannot be written, or is there.", "Name another."),
    "CLI-USAGE": Entry("The command line is not what the command takes.", "`--help`."),
    "CLI-INPUT": Entry("`--input` is neither `NAME=VALUE` nor an object.", "See the message."),
    "CLI-AMEND": Entry(
        "The file is no proposal, or nobody states who and why.", "See the message."
    ),
    "STOP-UNKNOWN": Entry("No such thing can be stopped.", "See the message."),
    "STOP-BUSY": Entry("Another order about the same is on its way.", "Order again."),
    "NOTIFY-INVALID": Entry(
        "`[notify]` of the project cannot be used: an unknown channel, or an address in place of "
        "where it is kept.",
        "See the message; addresses are named as `env:NAME` or `file:PATH`.",
    ),
    "NOTIFY-NO-CHANNEL": Entry(
        "No channel tells this role.", "Name one under `[notify.roles]`, or a `default`."
    ),
    "CLI-ABORTED": Entry("Stopped by hand; nothing was done.", "Nothing to do."),
    "POLICY-NOT-PROMOTED": Entry(
        "Policies are reviewed here, and those in force do not permit this successor.",
        "See the message; what is in force stays.",
    ),
    "RELEASE-UNKNOWN": Entry(
        "The ledger has no such release, or several begin so.", "`remit policy releases`."
    ),
    "RELEASE-BELOW-FLOOR": Entry(
        "A release that must not decide any more cannot be gone back to.",
        "Put its policies right and publish them anew.",
    ),
    "RELEASE-OVERTAKEN": Entry(
        "Somebody else released policies in the meantime; nothing was released.",
        "See what they did, then again.",
    ),
    "FILE-UNREADABLE": Entry("A file cannot be read.", "See the message."),
    "STEP-NOT-RECORDED": Entry(
        "A question about a past run names a step of which nothing is recorded.",
        "`remit state` lists the run's steps.",
    ),
    "RECORD-UNREADABLE": Entry(
        "A run's records cannot be followed: one does not follow from those before it.",
        "`remit evidence verify` tells what was altered.",
    ),
    "OPA-NOT-READY": Entry(
        "An OPA started for `decision replay` or `dry-run --why` does not serve the bundle.",
        "The bundle may be of another version of OPA; compare with `remit status`.",
    ),
    "AGENT-UNKNOWN": Entry(
        "Neither the policies in force nor the ledger know an agent of this name.",
        "`remit agents` lists them.",
    ),
    "AGENTS-UNREADABLE": Entry(
        "The policies in force have agents in a form that this version does not read.",
        "Publish the policies anew with this version.",
    ),
    "VENDORS-UNREADABLE": Entry(
        "The policies in force have vendors in a form that this version does not read.",
        "Publish the policies anew with this version.",
    ),
    "SHADOW-NONE": Entry(
        "No candidate for the policies was ever asked here, or none of this revision.",
        "`remit policy shadow start DIR` asks one.",
    ),
    "CANARY-NO-RELEASE": Entry(
        "A canary stands beside a release, and the ledger has none.",
        "`remit policy publish` makes the first.",
    ),
    "CANARY-RUNNING": Entry(
        "A canary decides for a share of the runs already; there is one at a time.",
        "`remit policy canary stop` takes it back.",
    ),
    "CANARY-SAME": Entry(
        "The candidate's policies are in force already.", "Name the folder of the candidate."
    ),
    "CANARY-OVERTAKEN": Entry(
        "Another release came while the canary was prepared.",
        "Start it again: it is held against the policies in force.",
    ),
    "WHATIF-NO-BASE": Entry(
        "A what-if has no policies to compare with: none were in force, or their bundle is not "
        "kept.",
        "`remit up` publishes the project's policies; `--base` names a revision that is kept.",
    ),
    "PROMOTION-REPORT": Entry(
        "A candidate is to be approved or promoted without a report that can be read.",
        "`remit policy what-if --candidate DIR --report FILE` writes one.",
    ),
    "PROMOTION-OTHER-CANDIDATE": Entry(
        "The report is about other policies than those to be promoted.",
        "Make it again: every edit of a policy makes another candidate.",
    ),
    "PROMOTION-FOREIGN": Entry(
        "The report was made with another ledger.", "Make it with this project's ledger."
    ),
    "PROMOTION-DIFFERS": Entry(
        "The report does not come out again: it was changed, or what was recorded was.",
        "Make it again; `remit evidence verify` tells whether records were altered.",
    ),
    "FILE-UNWRITABLE": Entry("A file cannot be written.", "See the message."),
    "PROJECT-EXISTS": Entry("The folder is not empty.", "Name another one."),
    "PLAN-INVALID": Entry("The plan is too broken to be drawn.", "`remit validate`."),
    "TOOL-UNKNOWN": Entry("There is no such tool.", "`remit tools` lists them."),
    "TOOL-SQL-KEYS": Entry("No tool keeps step keys.", "Name a table in `call.step_keys`."),
    "RUN-ID-TAKEN": Entry(
        "The id is that of a run of another plan, or of other inputs.", "Another `--id`, or none."
    ),
    "BACKUP-FOLDER": Entry("The folder for a backup is not empty.", "Name a new one."),
    "BACKUP-NOTHING": Entry("There is no database to back up.", "`remit up` makes them."),
    "BACKUP-FAILED": Entry("The copy was not completed.", "See the disk; take another."),
    "BACKUP-FORMAT": Entry("The folder holds no backup that is known.", "Name another."),
    "BACKUP-ALTERED": Entry("A file is not the one backed up.", "Take an older backup."),
    "RESTORE-RUNNING": Entry("The stack is up; nothing was replaced.", "`remit down` first."),
    "OPA-TOKEN": Entry("OPA's token cannot be read.", "`remit up`."),
}

IMPORT: Mapping[str, Entry] = {
    "IMPORT-PLACE": Entry(
        "Tools are imported into YAML files of the project's `tools` alone.",
        "`--into tools/X.yaml`.",
    ),
    "IMPORT-TAKEN": Entry("The file was written by somebody else.", "Name another with `--into`."),
    "IMPORT-EDITED": Entry(
        "The imported file was edited by hand; the edit would be lost.",
        "Put it into `NAME.overrides.yaml`, then `--discard-edits`.",
    ),
    "IMPORT-DOMAIN": Entry("That is no name of a domain.", "Small letters, digits, `_`."),
    "IMPORT-EMPTY": Entry("No tool is taken.", "See the findings after it, and `--only`."),
    "IMPORT-PRIVATE": Entry(
        "The host of an import is at a private address; the contracts allow it that.",
        "See that it is the host you mean.",
    ),
    "IMPORT-SECRET": Entry("A secret is named by a reference.", "`--secret SCHEME=env:NAME`."),
    "IMPORT-FETCH": Entry("The description cannot be fetched.", "Fetch it, and import the file."),
    "TOOL-OVERRIDE": Entry(
        "Overrides reach no tool, or are of no form that is read.", "`docs/openapi.md`."
    ),
    "OPENAPI-TOO-LARGE": Entry(
        "The document, or what one schema reaches, is beyond the bound.", "Split it."
    ),
    "OPENAPI-NOT-READ": Entry(
        "The document is no strict JSON or YAML; aliases are not read.", "Put the text right."
    ),
    "OPENAPI-VERSION": Entry("Only OpenAPI 3.0 and 3.1 are read.", "Convert it."),
    "OPENAPI-DIALECT": Entry("A schema is of another dialect than 2020-12.", "Write it so."),
    "OPENAPI-SHAPE": Entry("A part of the document is of another form.", "See the path."),
    "OPENAPI-SERVER": Entry(
        "The document names no server that can be called; or, beside tools that were taken, which "
        "one was.",
        "`--server URL`.",
    ),
    "OPENAPI-SERVER-PRIVATE": Entry(
        "The document names an address inside a network as its server.", "`--server URL`."
    ),
    "OPENAPI-SERVER-PLAIN": Entry("Noted: the service is called without encryption.", "https."),
    "OPENAPI-REF": Entry("A reference leads nowhere.", "Name a part of the document."),
    "OPENAPI-REF-REMOTE": Entry("A reference leads out of the document.", "Bundle it."),
    "OPENAPI-REF-CYCLE": Entry("References lead in a circle and say nothing.", "Break it."),
    "OPENAPI-SCHEMA": Entry("A schema changes what references mean.", "Drop `$id`, `$anchor`."),
    "OPENAPI-PARAMETER": Entry(
        "A parameter is in a form that is not sent: left out, or its operation if it is required.",
        "Write the contract by hand.",
    ),
    "OPENAPI-PATH": Entry("Path and path parameters do not fit.", "Declare each placeholder."),
    "OPENAPI-BODY": Entry("The body is not JSON.", "Write the contract by hand."),
    "OPENAPI-ANSWER": Entry("No success in JSON is declared.", "Say what a success answers."),
    "OPENAPI-LATER": Entry(
        "Noted: 202 is taken for done, though it will happen later.", "Wait in a step after it."
    ),
    "OPENAPI-ARTIFACT": Entry(
        "Noted: a body or an answer is a file, which goes by the artifact store.",
        "See docs/artifacts.md.",
    ),
    "OPENAPI-AUTH": Entry("No way to authenticate can be gone.", "See the message."),
    "OPENAPI-SECRET": Entry("Noted: which secret an operation needs.", "Set it for the workers."),
    "OPENAPI-METHOD": Entry("Tools are not called by HEAD, OPTIONS or TRACE.", "Nothing to do."),
    "OPENAPI-DUPLICATE-ID": Entry("An operation id stands more than once.", "One for each."),
    "OPENAPI-NAME": Entry("Two operations would have one name.", "`x-remit-name`."),
    "OPENAPI-NO-ID": Entry("Noted: a name follows from method and path.", "Give it an id."),
    "OPENAPI-SKIPPED": Entry("The document says `x-remit-skip`.", "Nothing to do."),
    "OPENAPI-ANNOTATION": Entry(
        "Noted: an annotation is left aside: unknown, malformed, or it would lower the risk.",
        "Say it in the overrides, if it is so.",
    ),
    "OPENAPI-NO-UNDO": Entry(
        "Noted: nothing is said to undo an effect; it is `irreversible`.", "`x-remit-compensate`."
    ),
    "OPENAPI-NO-KEY": Entry(
        "Noted: a call takes no key; a lost answer leaves it in doubt.", "`Idempotency-Key`."
    ),
}

EVIDENCE: Mapping[str, Entry] = {
    "EVIDENCE-FORMAT": Entry(
        "It is no archive of evidence, or a part of it is malformed.",
        "Ask for it again; look at the part that is named.",
    ),
    "EVIDENCE-VERSION": Entry(
        "It has a format that this verifier does not know.", "Verify with a newer Remit."
    ),
    "EVIDENCE-TOO-LARGE": Entry(
        "It is beyond the verifier's bounds, or unpacks out of proportion.",
        "Do not unpack it; ask where it comes from.",
    ),
    "EVIDENCE-EDITED": Entry(
        "A record or a content is not what its hash names.",
        "The place says which: compare with the ledger's backup.",
    ),
    "EVIDENCE-MISSING": Entry(
        "Records between others are not there.",
        "The place says which: compare with the ledger's backup.",
    ),
    "EVIDENCE-REORDERED": Entry(
        "Records stand in another order than they were written in, or twice.",
        "The place says where it begins.",
    ),
    "EVIDENCE-CHAIN": Entry(
        "A record does not follow the one before it, or is another run's.",
        "It or the one before it was exchanged.",
    ),
    "EVIDENCE-TRUNCATED": Entry(
        "The tail was cut: of the run, or of the log since a kept checkpoint.",
        "Compare with the ledger's backup; keep the checkpoint.",
    ),
    "EVIDENCE-FORKED": Entry(
        "It is not the history that was signed: written anew, or different for different readers.",
        "Keep both; somebody with access to the ledger or the key did this.",
    ),
    "EVIDENCE-SIGNATURE": Entry(
        "No known key signed the checkpoint, or its signature is wrong.",
        "Get the public key from its owner, not from the archive's sender.",
    ),
    "EVIDENCE-KEY": Entry(
        "A key is malformed, or signed a tree that it may not sign.",
        "Look at the sizes in the key file; after a rotation the old key signs no more.",
    ),
    "EVIDENCE-PROOF": Entry(
        "A proof does not lead to the signed root.", "The proof was altered; export again."
    ),
    "EVIDENCE-UNPROVEN": Entry(
        "What would prove it is not in the archive.",
        "Export again, with the checkpoint that was kept.",
    ),
    "EVIDENCE-ACTION-UNRECORDED": Entry(
        "The workflow's history has an action that the ledger has not.",
        "Treat it as an effect without a decision.",
    ),
    "EVIDENCE-ACTION-UNKNOWN": Entry(
        "The ledger has an attempt that no activity of the history made.",
        "Somebody wrote into the ledger, or called past the workflow.",
    ),
    "EVIDENCE-UNCOVERED": Entry(
        "The newest records are not in the signed tree yet. Refutes nothing.",
        "Export again a second later.",
    ),
    "EVIDENCE-UNSEALED": Entry(
        "No seal ends the run: its tail may have been cut. Refutes nothing.",
        "Export again when the run is closed.",
    ),
    "EVIDENCE-CONTENT-ABSENT": Entry(
        "A content that a record names is not in the archive, and no record says it was forgotten.",
        "It was taken away: compare with the ledger's backup.",
    ),
    "EVIDENCE-POLICY-ABSENT": Entry(
        "A policy bundle that decided is not in the archive. Refutes nothing.",
        "The keeper did not have it when it sealed the run.",
    ),
    "EVIDENCE-HISTORY-ABSENT": Entry(
        "No history to compare with: it was deleted before the run was closed. Refutes nothing.",
        "Missing actions cannot be found without it.",
    ),
}

PROPOSAL: Mapping[str, Entry] = {
    "PROPOSAL-REQUEST": Entry(
        "What a plan is wanted for is not told as it must be; nobody was asked.",
        "The finding names the field.",
    ),
    "PROPOSAL-MANDATE": Entry(
        "A planner wrote another goal, agent, person, tenant, owner, input or bound than given.",
        "It is asked again; let it leave out what is settled.",
    ),
    "PROPOSAL-ANSWER": Entry(
        "A planner answered something that is no plan document, or too large a one.",
        "It is asked again; see `max_bytes` of `[planner]`.",
    ),
    "PROPOSAL-EXHAUSTED": Entry(
        "The planner was asked as often as it may be, and no plan would be admitted.",
        "The findings say why: another goal, more rounds, or a better planner.",
    ),
    "PROPOSAL-FAULT": Entry(
        "A proposal met a fault of Remit's own; no run was started.", "Report it with the request."
    ),
    "PROPOSAL-ID-TAKEN": Entry("There is a proposal of this id.", "Choose another `--id`."),
    "PROPOSAL-WHOM": Entry(
        "Nobody says for which agent, person, tenant or owner.", "The message names the option."
    ),
    "PLANNER-RAISED": Entry(
        "The project's planner raised an error; the message names its type and line.",
        "It is asked again after a pause. See what it raised.",
    ),
    "PLANNER-TIMEOUT": Entry(
        "The planner did not answer in time.",
        "It is asked again after a pause; see `deadline_s` of `[planner]`.",
    ),
    "PLANNER-MISSING": Entry(
        "The project names no planner.", "`[planner]` in remit.toml, see [agents](../agents.md)."
    ),
    "PLANNER-INVALID": Entry("`[planner]` cannot be used.", "The message names the key."),
    "PLANNER-FUNCTION": Entry(
        "The function that `[planner]` names is not there, cannot be imported, or is not `async`.",
        "Name it `module:function`; see the message.",
    ),
}

GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "Starting and admission": START,
    "Proposals": PROPOSAL,
    "Steps": STEP,
    "How a run ends": RUN,
    "Messages and votes": MESSAGE,
    "Who said it": IDENTITY,
    "The ledger": LEDGER,
    "Calling tools": TOOL,
    "Reading tool contracts and plans of a project": CONTRACT,
    "Importing tools": IMPORT,
    "Secrets": SECRET,
    "Commands": COMMAND,
    "Evidence": EVIDENCE,
}
