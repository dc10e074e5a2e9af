"""Speaking to one OpenAI-compatible endpoint by pydantic-ai: a request, and what came of it.

The only module that loads the model packages. Tries once: which endpoint is asked next, and whether
an answer is sent back, others decide. Follows no redirect, reads a bounded body, knows no proxy.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    RetryFeedbackPart,
    RetryInfo,
    SystemPromptPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from activities.tools.egress import EgressError, is_encoded
from activities.tools.sending import Sending
from activities.tools.tunnel import ProxyRefusedError
from remit.canonical import JSON, JSONObject
from remit.tool.document import DocumentError, parse_json
from remit.tool.language_model import ANSWER, Endpoint, ModelKind


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one request."""

    away: str = ""
    """Why the endpoint did not answer; empty when it did."""
    was_sent: bool = True
    is_open: bool = False
    """Whether it was sent, and nobody knows whether it was answered and charged."""
    value: JSON = None
    problem: str = ""
    """Why the answer holds no value, for the model to read."""
    response: ModelResponse | None = None
    input_tokens: int = 0
    output_tokens: int = 0


class _TooLargeError(httpx2.ReadError):
    """A response is larger than is read, or in an encoding that could hide that."""


class Talk:
    """One conversation with one endpoint."""

    def __init__(
        self,
        kind: ModelKind,
        endpoint: Endpoint,
        url: str,
        key: str,
        schema: JSONObject,
        transport: httpx2.AsyncBaseTransport,
    ) -> None:
        """Prepare; nothing is sent."""
        self._kind, self._endpoint, self._schema = kind, endpoint, schema
        self._bounded = _Bounded(transport, kind.max_bytes)
        http = httpx2.AsyncClient(
            transport=self._bounded,
            headers={"accept-encoding": "identity"},
            trust_env=False,
            follow_redirects=False,
        )
        client = AsyncOpenAI(
            base_url=url, api_key=key or "none", max_retries=0, http_client=http, timeout=None
        )
        provider = OpenAIProvider(openai_client=client)
        self._model = OpenAIChatModel(endpoint.model, provider=provider)
        self._messages: list[ModelMessage] = []

    @property
    def size(self) -> int:
        """Bytes of all that the next request says to the model."""
        told = sum(len(str(message).encode("utf-8", "replace")) for message in self._texts())
        return told + len(json.dumps(self._schema))

    def begin(self, question: str) -> None:
        """Put the question."""
        system = self._kind.prompt.system
        parts: list[ModelRequestPart] = [SystemPromptPart(system)] if system else []
        self._messages = [ModelRequest(parts=[*parts, UserPromptPart(question)])]

    def repair(self, said: Said, problem: str) -> None:
        """Send an answer back with what is wrong with it."""
        if said.response is None:
            return
        retry: ModelRequestPart
        retry = RetryFeedbackPart(problem, retry=RetryInfo(cause="validation_error"))
        for one in said.response.tool_calls[:1]:
            retry = ToolReturnPart(one.tool_name, problem, one.tool_call_id, outcome="retried")
        self._messages += [said.response, ModelRequest(parts=[retry])]

    async def ask(self, deadline: float) -> Said:
        """Send what stands, once."""
        until = min(deadline, asyncio.get_running_loop().time() + self._endpoint.timeout_s)
        self._bounded.sending = Sending()
        try:
            async with asyncio.timeout_at(until):
                response = await model_request(
                    self._model,
                    self._messages,
                    model_settings=self._settings(),
                    model_request_parameters=self._parameters(),
                    instrument=False,
                )
        except TimeoutError:
            sent = self._bounded.sending.began
            return Said("no answer in time", was_sent=sent, is_open=sent)
        except ModelHTTPError as error:
            return Said(f"status {error.status_code}")
        except Exception as error:
            # Whatever the packages make of a bad answer: nothing of it can be used.
            return self._lost(error)
        return self._read(response)

    def _lost(self, error: Exception) -> Said:
        sent = self._bounded.sending.began
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, _TooLargeError):
                return Said(str(cause), is_open=True)
            if isinstance(cause, EgressError | ProxyRefusedError):
                return Said(f"egress: {cause}"[:200], was_sent=False)
            cause = cause.__cause__ or cause.__context__
        why = "an answer that is none" if self._bounded.was_answered else "no connection"
        return Said(f"{why} ({type(error).__name__})", was_sent=sent, is_open=sent)

    def _settings(self) -> ModelSettings:
        settings = ModelSettings(
            max_tokens=self._kind.bounds.output_tokens, temperature=self._kind.temperature
        )
        if self._kind.seed is not None:
            settings["seed"] = self._kind.seed
        return settings

    def _parameters(self) -> ModelRequestParameters:
        if self._kind.structure == "native":
            told = OutputObjectDefinition(json_schema=dict(self._schema), name=ANSWER)
            return ModelRequestParameters(output_mode="native", output_object=told)
        tool = ToolDefinition(
            name=ANSWER,
            parameters_json_schema=dict(self._schema),
            description="Give the answer.",
            kind="output",
        )
        return ModelRequestParameters(
            output_mode="tool", output_tools=[tool], allow_text_output=False
        )

    def _read(self, response: ModelResponse) -> Said:
        usage = response.usage
        counted = usage.input_tokens > 0 or usage.output_tokens > 0
        value, problem = _value(response)
        if response.finish_reason == "length":
            value, problem = None, "it was cut off: be shorter"
        return Said(
            value=value,
            problem=problem,
            response=response,
            # An endpoint that counts nothing is counted by its bytes, which are never too few.
            input_tokens=usage.input_tokens if counted else self.size,
            output_tokens=usage.output_tokens if counted else self._bounded.read,
        )

    def _texts(self) -> list[object]:
        return [
            getattr(part, "content", None) or getattr(part, "args", "")
            for message in self._messages
            for part in message.parts
        ]


def _value(response: ModelResponse) -> tuple[JSON, str]:
    """Return the one value that a response holds, or what is wrong with it."""
    calls = response.tool_calls
    if len(calls) > 1:
        return None, "answer once"
    text = calls[0].args if calls else response.text
    if isinstance(text, dict):
        text = json.dumps(text)
    try:
        return parse_json(text or ""), ""
    except DocumentError as error:
        return None, f"it is not JSON: {error}"[:300]


class _Bounded(httpx2.AsyncBaseTransport):
    """Somebody else's pool, for one conversation: watched, bounded, and not closed with it."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, most: int) -> None:
        self._transport = transport
        self._most = most
        self.sending = Sending()
        self.was_answered = False
        self.read = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; the response's body ends where it becomes too large."""
        self.was_answered, self.read = False, 0
        request.extensions = {**request.extensions, "trace": self.sending}
        response = await self._transport.handle_async_request(request)
        self.was_answered = True
        if is_encoded(response):
            await response.aclose()
            raise _TooLargeError("an answer in an encoding nobody asked for")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Capped(response, self),
            extensions=response.extensions,
        )

    def count(self, size: int) -> None:
        """Take so many bytes as read.

        Raises:
            _TooLargeError: they are too many.
        """
        self.read += size
        if self.read > self._most:
            raise _TooLargeError(f"an answer of more than {self._most} bytes")


class _Capped(httpx2.AsyncByteStream):
    """A body that ends with an error when it becomes too large."""

    def __init__(self, response: httpx2.Response, bound: _Bounded) -> None:
        self._response, self._bound = response, bound

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces."""
        async for piece in self._response.aiter_raw():
            self._bound.count(len(piece))
            yield piece

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._response.aclose()
