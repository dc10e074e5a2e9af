"""Logs and metrics of a worker process.

One JSON line per event, with run, step and trace ids bound where they are known. Payloads are never
logged. Workflow code logs through `workflow.logger`, which is silent during replay.
"""

import http.client
import logging
import sys
from collections.abc import Iterator

import structlog
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from temporalio import activity, workflow
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from workers.settings import WorkerSettings

NOISY = ("httpx2", "httpcore2", "urllib3", "hvac", "alembic", "aiohttp.access")
"""Libraries that tell too much; at DEBUG some of them tell every header that a server answered."""


def set_up_logging(settings: WorkerSettings, role: str) -> None:
    """Make structlog and the standard library write one JSON line per event to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Without it an event below the level is put together first and thrown away then.
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    structlog.contextvars.bind_contextvars(role=role)


def serve_metrics(port: int, sdk_port: int) -> None:
    """Serve `GET /metrics`: ours, and the SDK's own beside it. That it answers means: ready."""
    REGISTRY.register(_SdkMetrics(sdk_port))
    start_http_server(port, addr="127.0.0.1")


def runtime(role: str, sdk_port: int) -> Runtime:
    """Return the SDK's runtime, its metrics on a loopback port when there is one."""
    if not sdk_port:
        return Runtime(telemetry=TelemetryConfig())
    metrics = PrometheusConfig(
        bind_address=f"127.0.0.1:{sdk_port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics, global_tags={"role": role}))


class _SdkMetrics(Collector):
    """The SDK serves its metrics on a port of its own; people want one page."""

    def __init__(self, port: int) -> None:
        self._port = port

    def collect(self) -> Iterator[Metric]:
        # A client for TLS too would read all certificates of the machine at each look.
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            return
        finally:
            connection.close()
        yield from text_string_to_metric_families(text)

    def describe(self) -> Iterator[Metric]:
        return iter(())
