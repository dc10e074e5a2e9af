"""Lending: credit limits in the core banking system, their bookings, and how outcomes compare.

Owns limits. What a limit is said to rest on (score, debt, marks, region and age of the data) is
held against the inquiry, so that nobody can have one judged by other facts than the bureau's.
A limit is withdrawn and an inquiry closed only when nothing rests on it any more.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

from .contract import (
    Amount,
    Answer,
    Currency,
    Ident,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .credit import (
    APPLICANT_CHANGED,
    APPLICANTS,
    INQUIRIES,
    INQUIRY_CLOSED,
    UNKNOWN_APPLICANT,
    UNKNOWN_INQUIRY,
    Bps,
    Inquiry,
    Moment,
    Score,
    assess,
    check_applicant,
    open_one,
)
from .finance import CURRENCY_MISMATCH, same_currency
from .refusals import Refusal, RefusedError
from .rows import show, undo
from .table import Table

INQUIRY_IN_USE = Refusal(
    409, "INQUIRY_IN_USE", "A limit rests on the inquiry; withdraw that first."
)
UNKNOWN_LIMIT = Refusal(404, "UNKNOWN_LIMIT", "There is no such limit.")
UNKNOWN_BOOKING = Refusal(404, "UNKNOWN_BOOKING", "There is no such booking of a limit.")
FILE_MISMATCH = Refusal(409, "FILE_MISMATCH", "The inquiry does not say what is stated.")
LIMIT_STANDS = Refusal(409, "LIMIT_STANDS", "The applicant has a limit already.")
LIMIT_WITHDRAWN = Refusal(409, "LIMIT_WITHDRAWN", "The limit is withdrawn.")
LIMIT_BOOKED = Refusal(409, "LIMIT_BOOKED", "The limit is booked; reverse that first.")


class Limit(Answer):
    """How much an applicant may draw."""

    id: Ident
    applicant: Ident
    inquiry: Ident
    reference: Word
    amount_micros: Amount
    currency: Currency
    status: Literal["set", "withdrawn"]


class Booking(Answer):
    """A limit in the bank's books."""

    id: Ident
    limit: Ident
    status: Literal["booked", "reversed"]


class Group(Answer):
    """Applications of one age band that were decided."""

    age_band: str
    decided: int
    granted: int


class Outcomes(Answer):
    """Decided applications by age band, which no score and no rule may read."""

    groups: list[Group]
    ratio_bps: int | None
    """Lowest rate of grants over the highest; null where fewer than two groups, or none, have any.

    Below 8000 ("four fifths") somebody should look; of few applications it says little.
    """


LIMITS = Table("limits", Limit, "lim", indexes=("applicant",))
BOOKINGS = Table("bookings", Booking, "bkg", indexes=("limit",))
TABLES = (LIMITS, BOOKINGS)
OPERATIONS = Operations()


class SetLimit(Question):
    """How much, for whom, and on what grounds."""

    applicant: Ident
    inquiry: Ident
    amount_micros: Amount
    currency: Currency
    region: Word
    as_of: Moment
    score: Score
    debt_bps: Bps
    flags: list[Word]


class BookLimit(Question):
    """Which limit to book."""

    limit: Ident


class CompareOutcomes(Question):
    """All of them."""


@undo(
    OPERATIONS,
    INQUIRIES,
    "credit.close_inquiry",
    "/credit/inquiries/{inquiry}/close",
    UNKNOWN_INQUIRY,
    INQUIRY_IN_USE,
    status="closed",
    debt_service_micros=0,
    years_of_history=0,
    flags=[],
)
def close_inquiry(work: Work, row: Inquiry) -> None:
    """Close an inquiry and forget what it told, unless a limit rests on it."""
    if LIMITS.where(work.db, inquiry=row.id, status="set"):
        raise RefusedError(INQUIRY_IN_USE, f"a limit rests on {row.id!r}")
    work.effect("credit.inquiry", row.applicant, row.reference, direction="undo")


@OPERATIONS.write(
    "credit.set_limit",
    "/credit/limits",
    UNKNOWN_APPLICANT,
    UNKNOWN_INQUIRY,
    APPLICANT_CHANGED,
    INQUIRY_CLOSED,
    FILE_MISMATCH,
    CURRENCY_MISMATCH,
    LIMIT_STANDS,
    undo="credit.withdraw_limit",
)
def set_limit(work: Work, asked: SetLimit) -> Limit:
    """Set an applicant's limit, if the inquiry says what is stated."""
    applicant = check_applicant(work, asked.applicant, asked.region, asked.as_of)
    inquiry = open_one(work, asked.inquiry)
    same_currency(asked.currency, applicant.currency)
    true = assess(work, inquiry)
    stated = (asked.applicant, asked.score, asked.debt_bps, asked.flags)
    if stated != (true.applicant, true.score, true.debt_bps, true.flags):
        raise RefusedError(FILE_MISMATCH, f"{inquiry.id!r} says something else")
    if LIMITS.where(work.db, applicant=asked.applicant, status="set"):
        raise RefusedError(LIMIT_STANDS, f"{asked.applicant!r} has one")
    work.effect("credit.limit", asked.applicant, inquiry.reference)
    row = Limit(
        id=LIMITS.new_id(),
        applicant=asked.applicant,
        inquiry=inquiry.id,
        reference=inquiry.reference,
        amount_micros=asked.amount_micros,
        currency=asked.currency,
        status="set",
    )
    return LIMITS.insert(work.db, row)


show(
    OPERATIONS, LIMITS, "credit.get_limit", "/credit/limits/{limit}", UNKNOWN_LIMIT, "Read a limit"
)


@undo(
    OPERATIONS,
    LIMITS,
    "credit.withdraw_limit",
    "/credit/limits/{limit}/withdraw",
    UNKNOWN_LIMIT,
    LIMIT_BOOKED,
    status="withdrawn",
)
def withdraw_limit(work: Work, row: Limit) -> None:
    """Withdraw a limit that is not booked."""
    if BOOKINGS.where(work.db, limit=row.id, status="booked"):
        raise RefusedError(LIMIT_BOOKED, f"{row.id!r} is booked")
    work.effect("credit.limit", row.applicant, row.reference, direction="undo")


@OPERATIONS.write(
    "credit.book_limit",
    "/credit/bookings",
    UNKNOWN_LIMIT,
    LIMIT_WITHDRAWN,
    LIMIT_BOOKED,
    undo="credit.reverse_booking",
)
def book_limit(work: Work, asked: BookLimit) -> Booking:
    """Book a limit, so that it can be drawn."""
    limit = LIMITS.need(work.db, asked.limit, UNKNOWN_LIMIT)
    if limit.status != "set":
        raise RefusedError(LIMIT_WITHDRAWN, f"{limit.id!r} is withdrawn")
    if BOOKINGS.where(work.db, limit=limit.id, status="booked"):
        raise RefusedError(LIMIT_BOOKED, f"{limit.id!r} is booked")
    work.effect("credit.booking", limit.applicant, limit.reference)
    row = Booking(id=BOOKINGS.new_id(), limit=limit.id, status="booked")
    return BOOKINGS.insert(work.db, row)


show(
    OPERATIONS,
    BOOKINGS,
    "credit.get_booking",
    "/credit/bookings/{booking}",
    UNKNOWN_BOOKING,
    "Read a booking",
)


@undo(
    OPERATIONS,
    BOOKINGS,
    "credit.reverse_booking",
    "/credit/bookings/{booking}/reverse",
    UNKNOWN_BOOKING,
    status="reversed",
)
def reverse_booking(work: Work, row: Booking) -> None:
    """Take a limit out of the books."""
    limit = LIMITS.need(work.db, row.limit, UNKNOWN_BOOKING)
    work.effect("credit.booking", limit.applicant, limit.reference, direction="undo")


@OPERATIONS.read("credit.compare_outcomes", "/credit/outcomes")
def compare_outcomes(work: Work, asked: CompareOutcomes) -> Outcomes:
    """Count decided applications and grants by age band."""
    granted = {one.inquiry for one in LIMITS.where(work.db, status="set")}
    counted: dict[str, list[bool]] = {}
    for one in INQUIRIES.where(work.db):
        if one.id in granted or one.status == "closed":
            band = APPLICANTS.need(work.db, one.applicant, UNKNOWN_APPLICANT).age_band
            counted.setdefault(band, []).append(one.id in granted)
    rates = [sum(each) / len(each) for each in counted.values()]
    is_telling = len(rates) > 1 and max(rates) > 0
    return Outcomes(
        groups=[
            Group(age_band=band, decided=len(each), granted=sum(each))
            for band, each in sorted(counted.items())
        ],
        ratio_bps=int(min(rates) / max(rates) * 10_000) if is_telling else None,
    )


def state(db: sqlite3.Connection) -> Shown:
    """Limits that stand, without their ids, and whether they are booked."""
    booked = {one.limit for one in BOOKINGS.where(db, status="booked")}
    return {
        "limits": sorted(
            f"{one.applicant}|{one.reference}: {one.amount_micros} {one.currency}"
            f" {'booked' if one.id in booked else 'set'}"
            for one in LIMITS.where(db, status="set")
        )
    }
