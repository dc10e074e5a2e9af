"""Templates: escaped throughout, strict about names, and given the words that pages use."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from remit.canonical import JSON
from remit.console import words
from remit.plan.graphic.svg import STYLE

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"


def templates() -> Environment:
    """Return the environment of all pages."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.loopcontrols"],
    )
    made.filters |= {
        "clean": words.clean,
        "moment": words.moment,
        "iso": words.iso,
        "duration": words.duration,
        "until": words.until,
        "money": words.money,
        "short": words.short,
        "spoken": words.spoken,
        "titled": words.titled,
        "elapsed": words.elapsed,
        "plain": words.plain,
        "drawn": _drawn,
        "tojson_plain": _written,
    }
    made.globals |= {
        "VERDICTS": words.VERDICTS,
        "ORDERS": words.ORDERS,
        "STATUSES": words.STATUSES,
        "RUN_STATES": words.RUN_STATES,
        "GATE_STATES": words.GATE_STATES,
    }
    # Every text that is put into a page goes through this, so none can repaint its line.
    made.finalize = _finalized
    return made


def _finalized(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return words.clean(value)


def _written(value: JSON) -> str:
    return words.clean(json.dumps(value, ensure_ascii=False, indent=2))


def _drawn(svg: str) -> Markup:
    """Return a drawing as part of a page: made and escaped by `remit.plan.graphic`, nobody else."""
    return Markup(svg)  # noqa: S704 (escaped where it was drawn)


def graph_style() -> str:
    """Return the style sheet of drawings inside pages."""
    return f".drawing svg {{\n{STYLE}\n}}\n"


def page(
    environment: Environment, template: str, status: int = 200, /, **values: object
) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(environment.get_template(template).render(values), status)
