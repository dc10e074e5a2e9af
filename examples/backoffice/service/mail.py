"""Mail: messages that are sent and cannot be called back.

Owns the outbox. Nothing leaves the machine: sending is writing it down. There is no undo.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated, Literal

from pydantic import Field

from .contract import Answer, Declaration, Email, Ident, Operations, Question, Shown, Work
from .refusals import Refusal
from .rows import show
from .table import Table

UNKNOWN_MESSAGE = Refusal(404, "UNKNOWN_MESSAGE", "There is no such message.")

Line = Annotated[str, Field(pattern=r"^[^|\x00-\x1f\x7f]{0,200}$")]
Text = Annotated[str, Field(max_length=100_000)]


class Message(Answer):
    """A message that was sent."""

    id: Ident
    to: Email
    subject: Line
    body: Text
    reference: Line
    status: Literal["sent"]


class Messages(Answer):
    """Messages that match a query, oldest first."""

    messages: list[Message]


MESSAGES = Table("messages", Message, "msg", indexes=("reference",))
TABLES = (MESSAGES,)
OPERATIONS = Operations()


class SendMail(Question):
    """Whom to tell what; `reference` names the occasion and, with `to`, the message."""

    to: Email
    subject: Line = ""
    body: Text = ""
    reference: Line = ""


class FindMessages(Question):
    """The occasion, and the person told."""

    to: Email
    reference: Line = ""


@OPERATIONS.declare(
    Declaration("mail.send", "POST", "/mail/messages", created=True, writes=True, irreversible=True)
)
def send(work: Work, asked: SendMail) -> Message:
    """Send a message."""
    work.effect("mail.message", asked.to, asked.reference)
    return MESSAGES.insert(
        work.db, Message(id=MESSAGES.new_id(), status="sent", **asked.model_dump())
    )


show(
    OPERATIONS,
    MESSAGES,
    "mail.get_message",
    "/mail/messages/{message}",
    UNKNOWN_MESSAGE,
    "Read a message",
)


@OPERATIONS.read("mail.find_messages", "/mail/messages")
def find_messages(work: Work, asked: FindMessages) -> Messages:
    """Find the messages to a person on an occasion; an empty list means that none was sent."""
    return Messages(messages=MESSAGES.where(work.db, **asked.model_dump()))


def state(db: sqlite3.Connection) -> Shown:
    """Messages sent. A message cannot be undone, so this grows for good."""
    return {"sent": sorted(f"{m.to}|{m.reference}|{m.subject}" for m in MESSAGES.where(db))}
