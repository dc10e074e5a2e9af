"""Spans from a start through workflow, policy and tool: where they go, and who makes them.

Every process that talks to Temporal uses this one place, so that one trace covers them all. Without
an endpoint nothing is set up and nothing is paid. Spans carry ids and codes, never arguments. A run
that the Temporal CLI or a schedule started has no span of its starter: each of its activities is a
trace of its own, found by the run's id.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import Interceptor

ENDPOINT = "REMIT_OTLP_ENDPOINT"
"""Variable with the OTLP/HTTP address that spans are posted to; without it none are made."""
_EXPORT_S = 5


@contextmanager
def tracing(endpoint: str, service: str) -> Iterator[list[Interceptor]]:
    """Export this process's spans to `endpoint` until the block ends.

    Yields:
        What a Temporal client, and through it its workers, is intercepted by: nothing without an
        endpoint.
    """
    if not endpoint:
        yield []
        return
    # Imported here: exporter and SDK cost every start of a process a quarter of a second.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import TracingInterceptor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield [TracingInterceptor()]
    finally:
        provider.shutdown()
