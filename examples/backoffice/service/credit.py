"""Credit: applicants, what the bureau knows of them, and the score made of both.

Owns applicants and the bureau's inquiries. A score is a function of an open inquiry, kept
nowhere, so whoever is told one can hold it against this. Must never read an applicant's age
band for a score: it is kept for `lending.compare_outcomes` alone.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from .contract import (
    Answer,
    Currency,
    Ident,
    Micros,
    Operations,
    Question,
    Shown,
    Word,
    Work,
)
from .refusals import Refusal, RefusedError
from .rows import show
from .table import Table

UNKNOWN_APPLICANT = Refusal(404, "UNKNOWN_APPLICANT", "There is no such applicant.")
UNKNOWN_INQUIRY = Refusal(404, "UNKNOWN_INQUIRY", "There is no such inquiry at the bureau.")
APPLICANT_CHANGED = Refusal(409, "APPLICANT_CHANGED", "The applicant's data is not what is stated.")
INQUIRY_CLOSED = Refusal(409, "INQUIRY_CLOSED", "The inquiry is closed.")

LOWEST, HIGHEST = 300, 850
Score = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Bps = Annotated[int, Field(ge=0, le=1_000_000, description="Hundredths of a percent.")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
AgeBand = Literal["18-29", "30-59", "60+"]

_HEAVY_BPS = 3_000
_SHORT_YEARS = 3
_LONG_YEARS = 5


class Applicant(Answer):
    """Somebody who asks for credit, as the company knows them."""

    id: Ident
    region: Word
    currency: Currency
    income_micros: Micros
    """A month."""
    age_band: AgeBand
    as_of: Moment
    """When the data was last confirmed."""


class Dossier(Answer):
    """What the bureau holds on somebody."""

    id: Ident
    """The applicant."""
    debt_service_micros: Micros
    """A month."""
    years_of_history: int
    flags: list[Word]


class Inquiry(Answer):
    """What the bureau told, for one application; a closed one tells nothing any more."""

    id: Ident
    applicant: Ident
    reference: Word
    debt_service_micros: Micros
    years_of_history: int
    flags: list[Word]
    """Marks of the bureau, such as `open_default`."""
    status: Literal["open", "closed"]


class Assessment(Answer):
    """A score with its reasons. What follows from it is for policy to say."""

    inquiry: Ident
    applicant: Ident
    score: Score
    debt_bps: Bps
    """The share of debt service in the income."""
    flags: list[Word]
    because: list[Literal["debt_heavy", "history_short"]]
    explanation: str


APPLICANTS = Table("applicants", Applicant, "apl")
DOSSIERS = Table("dossiers", Dossier, "dos")
INQUIRIES = Table("inquiries", Inquiry, "inq", indexes=("applicant",))
TABLES = (APPLICANTS, DOSSIERS, INQUIRIES)
OPERATIONS = Operations()


class OpenInquiry(Question):
    """Whom to ask the bureau about. Region and age of the data are stated, and held to be true."""

    applicant: Ident
    reference: Word
    region: Word
    as_of: Moment


class ScoreApplicant(Question):
    """By which inquiry."""

    inquiry: Ident


show(
    OPERATIONS,
    APPLICANTS,
    "credit.get_applicant",
    "/credit/applicants/{applicant}",
    UNKNOWN_APPLICANT,
    "Read an applicant's data",
)


def check_applicant(work: Work, applicant: str, region: str, as_of: str) -> Applicant:
    """Return the applicant, or refuse where region or age of the data is not as stated."""
    row = APPLICANTS.need(work.db, applicant, UNKNOWN_APPLICANT)
    if (row.region, row.as_of) != (region, as_of):
        raise RefusedError(APPLICANT_CHANGED, f"{applicant!r} is of {row.region}, {row.as_of}")
    return row


@OPERATIONS.write(
    "credit.open_inquiry",
    "/credit/inquiries",
    UNKNOWN_APPLICANT,
    APPLICANT_CHANGED,
    undo="credit.close_inquiry",
)
def open_inquiry(work: Work, asked: OpenInquiry) -> Inquiry:
    """Ask the bureau about an applicant."""
    check_applicant(work, asked.applicant, asked.region, asked.as_of)
    held = DOSSIERS.need(work.db, asked.applicant, UNKNOWN_APPLICANT)
    work.effect("credit.inquiry", asked.applicant, asked.reference)
    row = Inquiry(
        id=INQUIRIES.new_id(),
        applicant=asked.applicant,
        reference=asked.reference,
        debt_service_micros=held.debt_service_micros,
        years_of_history=held.years_of_history,
        flags=held.flags,
        status="open",
    )
    return INQUIRIES.insert(work.db, row)


show(
    OPERATIONS,
    INQUIRIES,
    "credit.get_inquiry",
    "/credit/inquiries/{inquiry}",
    UNKNOWN_INQUIRY,
    "Read an inquiry",
)


def open_one(work: Work, inquiry: str) -> Inquiry:
    """Return an inquiry that is open, or refuse."""
    row = INQUIRIES.need(work.db, inquiry, UNKNOWN_INQUIRY)
    if row.status != "open":
        raise RefusedError(INQUIRY_CLOSED, f"{inquiry!r} is closed")
    return row


def assess(work: Work, row: Inquiry) -> Assessment:
    """Make the score of an inquiry, of debt and history alone."""
    applicant = APPLICANTS.need(work.db, row.applicant, UNKNOWN_APPLICANT)
    share = row.debt_service_micros * 10_000 // max(applicant.income_micros, 1)
    debt_bps = min(share, 1_000_000)
    score = HIGHEST - debt_bps // 20 - max(0, _LONG_YEARS - row.years_of_history) * 30
    because: list[Literal["debt_heavy", "history_short"]] = []
    if debt_bps > _HEAVY_BPS:
        because.append("debt_heavy")
    if row.years_of_history < _SHORT_YEARS:
        because.append("history_short")
    return Assessment(
        inquiry=row.id,
        applicant=row.applicant,
        score=max(LOWEST, score),
        debt_bps=debt_bps,
        flags=row.flags,
        because=because,
        explanation=f"debt takes {debt_bps // 100} % of income, with"
        f" {row.years_of_history} years of history",
    )


@OPERATIONS.read("credit.score_applicant", "/credit/scores", UNKNOWN_INQUIRY, INQUIRY_CLOSED)
def score_applicant(work: Work, asked: ScoreApplicant) -> Assessment:
    """Score an applicant by what the bureau told, and say why."""
    return assess(work, open_one(work, asked.inquiry))


def seed(db: sqlite3.Connection) -> None:
    """Six applicants: one for each way that an application goes."""
    now = datetime.now(UTC)
    fresh, stale = (now - timedelta(days=days) for days in (1, 90))
    for name, region, income, age, as_of, debt, years, flags in (
        ("apl-good", "eu", 6000, "30-59", fresh, 600, 8, []),
        ("apl-fair", "eu", 4000, "18-29", fresh, 1400, 2, []),
        ("apl-weak", "eu", 2000, "60+", fresh, 1100, 0, []),
        ("apl-barred", "eu", 9000, "30-59", fresh, 100, 20, ["open_default"]),
        ("apl-stale", "eu", 5000, "30-59", stale, 500, 6, []),
        ("apl-abroad", "us", 5000, "18-29", fresh, 500, 6, []),
    ):
        stated = {"id": name, "region": region, "currency": "EUR", "age_band": age}
        income_micros, moment = income * 1_000_000, as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
        row = {**stated, "income_micros": income_micros, "as_of": moment}
        APPLICANTS.insert(db, Applicant.model_validate(row))
        held = Dossier(
            id=name, debt_service_micros=debt * 1_000_000, years_of_history=years, flags=flags
        )
        DOSSIERS.insert(db, held)


def state(db: sqlite3.Connection) -> Shown:
    """Open inquiries, without their ids. Applicants never change."""
    return {
        "inquiries": sorted(
            f"{one.applicant}|{one.reference}" for one in INQUIRIES.where(db, status="open")
        )
    }
