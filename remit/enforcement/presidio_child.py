"""What runs in the process that reads texts by presidio.

    python -I presidio_child.py LANGUAGE MODEL

Says `ready`, then answers each line, a JSON list of texts, by one: for each text a list of
`[begin, end, class, confidence]`, or `null` when one of them cannot be read. `MODEL` is a model of
spaCy, a folder or a name; empty: a blank pipeline, so that patterns alone find something. Never
downloads, and asks nobody: recognisers that do (of e-mail addresses and URLs) are left out, and the
default detector finds the first. Imports nothing of Remit, and is never imported by it.
"""

import json
import os
import sys
from collections.abc import Iterator

CLASSES = {
    "CREDIT_CARD": "payment_card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip_address",
    "PHONE_NUMBER": "phone",
    "PERSON": "person",
    "LOCATION": "location",
    **dict.fromkeys(
        (
            *("DE_ID_CARD", "DE_SOCIAL_SECURITY", "DE_TAX_ID", "ES_NIE", "ES_NIF"),
            *("FI_PERSONAL_IDENTITY_CODE", "IT_FISCAL_CODE", "KR_RRN", "PL_PESEL"),
            *("SE_PERSONNUMMER", "SG_NRIC_FIN", "UK_NINO", "US_ITIN", "US_MBI", "US_SSN"),
        ),
        "national_id",
    ),
}
"""What is taken of presidio's entities, and as which class. Numbers of which the check digit lets
one in ten pass are not: most long numbers would be somebody's."""
LEAST = 0.3
"""What presidio is less sure of is nothing."""
PIECE, OVERLAP = 4000, 200
"""Texts are read in pieces of so many characters: presidio's time goes with their square."""


def analyzer(language: str, model: str) -> "AnalyzerEngine":
    """Return presidio with the recognisers that find something of `CLASSES`."""
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model}])
    # Not its `load`: that one downloads what is not there.
    engine.nlp = {language: spacy.load(model) if model else blank(language)}
    registry = RecognizerRegistry(recognizers=[], supported_languages=[language])
    for name in dir(predefined_recognizers):
        kind = getattr(predefined_recognizers, name)
        if not isinstance(kind, type) or not issubclass(kind, PatternRecognizer | PhoneRecognizer):
            continue
        made = None if kind is PatternRecognizer else kind(supported_language=language)
        if made is not None and CLASSES.keys() & set(made.supported_entities):
            registry.add_recognizer(made)
    registry.add_recognizer(SpacyRecognizer(supported_language=language))
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=engine,
        supported_languages=[language],
        log_decision_process=False,
    )


def blank(language: str) -> "Language":
    """Return a pipeline that only cuts words, and takes each for its own lemma: words near a number
    that speak for it are looked for among these."""

    def as_written(doc: "Doc") -> "Doc":
        for token in doc:
            token.lemma_ = token.lower_
        return doc

    Language.component("as_written", func=as_written)
    pipeline = spacy.blank(language)
    pipeline.add_pipe("as_written")
    return pipeline


def found(
    engine: "AnalyzerEngine", text: str, language: str
) -> Iterator[tuple[int, int, str, int]]:
    """Yield what presidio finds in a text; pieces overlap, so some of it twice."""
    for begin in range(0, max(len(text), 1), PIECE - OVERLAP):
        piece = text[begin : begin + PIECE]
        for one in engine.analyze(piece, language=language, score_threshold=LEAST):
            if one.entity_type in CLASSES:
                known, sure = CLASSES[one.entity_type], round(one.score * 100)
                yield begin + one.start, begin + one.end, known, sure


def answered(engine: "AnalyzerEngine", texts: list[str], language: str) -> object:
    """Return what is found in each text; `None` when presidio cannot take one of them."""
    try:
        return [list(dict.fromkeys(found(engine, text, language))) for text in texts]
    except Exception:
        return None


def main(language: str, model: str) -> None:
    """Answer until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a package prints is no answer
    engine = analyzer(language, model)
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(answered(engine, json.loads(line), language)) + "\n")
        answers.flush()


if __name__ == "__main__":
    import spacy
    from presidio_analyzer import (
        AnalyzerEngine,
        PatternRecognizer,
        RecognizerRegistry,
        predefined_recognizers,
    )
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer, SpacyRecognizer
    from spacy.language import Language
    from spacy.tokens import Doc

    main(*sys.argv[1:])
