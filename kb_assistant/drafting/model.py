"""A language model as a stream of text, whoever serves it; LangChain is met here and nowhere else.

Every attempt runs on one background event loop, because only a cancelled coroutine ends a silent
connection at once, whatever the provider's own timeouts are.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any, Protocol, cast

from kb_assistant.drafting.prompts import Message
from kb_assistant.errors import ModelUnavailable
from kb_assistant.settings import Settings

_CHARACTERS_PER_TOKEN = 8  # above what any tokenizer packs into one on average; bounds endless output
_CLOSE_WAIT_S = 1.0  # how long closing waits until the connection is released
_LOOP_GRACE_S = 5.0  # the loop keeps the limits itself; beyond them it is not running
_CUT_OFF = ("length", "max_tokens")  # how providers say that the limit ended the text
_NO_KEY = "none"  # servers of one's own often want none, but OpenAI's client insists on one

logger = logging.getLogger(__name__)


class ModelFailed(Exception):
    """An attempt brought no whole text; `reason` (Chinese) holds nothing the endpoint said.

    `again` says whether another attempt is worth the agent's time.
    """

    def __init__(self, reason: str, *, again: bool) -> None:
        """Keep what the agent may read."""
        super().__init__(reason)
        self.reason = reason
        self.again = again


class ReplyWriter(Protocol):
    """Anything that writes a reply from messages."""

    @property
    def name(self) -> str:
        """What records name as the author, for instance `openai:qwen3-8b`."""

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yield the text piece by piece as it is written; closing it ends the request at once.

        Every fault of model or connection is raised as ModelFailed.
        """


def open_writer(settings: Settings) -> ReplyWriter | None:
    """Return the configured model, None where `settings.model` is empty; nothing is sent yet.

    Args:
        settings: Model, endpoint, key and limits.

    Returns:
        The writer; one for the life of the process is enough, streams may run side by side.

    Raises:
        ModelUnavailable: If the name has no known provider or its package is not installed.
    """
    if not settings.model:
        return None
    provider, _, name = settings.model.partition(":")
    if not provider or not name:
        raise ModelUnavailable(
            f"model {settings.model!r} names no provider; write provider:name, "
            "for example KB_MODEL=openai:qwen3-8b"
        )
    # customers' messages go to the configured endpoint only; both are read at import or at opening
    os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
    os.environ["LANGSMITH_GATEWAY"] = "false"
    try:
        from langchain.chat_models import init_chat_model
        from langsmith import tracing_context
    except ImportError as error:
        raise ModelUnavailable(
            f"model {settings.model!r} needs an extra that is not installed; "
            "install it with: pip install 'kb-assistant[models]'"
        ) from error
    try:
        model = init_chat_model(name, model_provider=provider, **_options(provider, settings))
    except ImportError as error:  # says which package and how to install it
        raise ModelUnavailable(f"model {settings.model!r} cannot be opened: {error}") from error
    # the border: each provider refuses a name, an option or a missing key in its own way, quoting it perhaps
    except Exception as error:
        raise ModelUnavailable(
            f"model {settings.model!r} cannot be opened ({type(error).__name__}); check KB_MODEL, written "
            "provider:name, and KB_MODEL_KEY"
        ) from None
    return _LangChainWriter(model, settings, tracing_context)


def _options(provider: str, settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": 0}
    if settings.model_url:
        options["base_url"] = settings.model_url
    if key := settings.model_key.get_secret_value():
        options["api_key"] = key
    if provider == "ollama":
        return options | {"num_predict": settings.model_max_tokens}
    options["max_retries"] = 0  # we have attempts of our own, within one time limit
    if provider == "openai" and settings.model_url:
        # a key that stands in OPENAI_API_KEY is not for somebody else's endpoint
        options.setdefault("api_key", _NO_KEY)
        # LangChain renames max_tokens to a newer name that not every compatible server knows
        return options | {"extra_body": {"max_tokens": settings.model_max_tokens}}
    return options | {"max_tokens": settings.model_max_tokens}


class _LangChainWriter:
    def __init__(self, model: Any, settings: Settings, tracing_context: Callable[..., Any]) -> None:
        self.name = settings.model
        self._model = model
        self._timeout_s = settings.model_timeout_s
        self._silence_s = min(settings.model_silence_s, settings.model_timeout_s)
        self._max_characters = settings.model_max_tokens * _CHARACTERS_PER_TOKEN
        self._ends_with_reason = settings.model.startswith("openai:")
        self._tracing_context = tracing_context

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yield the pieces; see ReplyWriter."""
        pieces: SimpleQueue[str | ModelFailed | None] = SimpleQueue()
        finished = threading.Event()
        running = asyncio.run_coroutine_threadsafe(self._read(messages, pieces, finished), _event_loop())
        try:
            while (piece := pieces.get(timeout=self._timeout_s + _LOOP_GRACE_S)) is not None:
                if isinstance(piece, ModelFailed):
                    raise piece
                yield piece
        except Empty:  # a provider's package blocks the loop, or the process was forked without its thread
            raise ModelFailed("模型的连接卡住了", again=False) from None
        finally:
            running.cancel()
            finished.wait(_CLOSE_WAIT_S)

    async def _read(
        self,
        messages: Sequence[Message],
        pieces: SimpleQueue[str | ModelFailed | None],
        finished: threading.Event,
    ) -> None:
        try:
            # set in this context, whatever the environment said when LangSmith was imported
            with self._tracing_context(enabled=False):
                await self._read_within_limits(messages, pieces)
            pieces.put(None)
        except ModelFailed as failed:
            pieces.put(failed)
        except Exception:  # nobody would wake the reader: it must not wait for ever
            logger.exception("the reader of the language model broke")
            pieces.put(ModelFailed("读取模型输出时程序出错", again=False))
        finally:
            finished.set()

    async def _read_within_limits(
        self, messages: Sequence[Message], pieces: SimpleQueue[str | ModelFailed | None]
    ) -> None:
        received = 0
        reason = ""
        try:
            async with (
                asyncio.timeout(self._timeout_s) as whole,
                aclosing(cast(AsyncGenerator[Any, None], self._model.astream(list(messages)))) as chunks,
            ):
                while True:
                    async with asyncio.timeout(self._silence_s):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    reason = _end_reason(chunk) or reason
                    text = str(chunk.text)
                    received += len(text)
                    if received > self._max_characters:
                        raise ModelFailed("模型写个不停，超过了长度上限", again=False)
                    if text:
                        pieces.put(text)
        except ModelFailed:
            raise
        except TimeoutError as error:
            limit = self._timeout_s if whole.expired() else self._silence_s
            what = "没有写完" if whole.expired() else "没有新的文字"
            raise ModelFailed(f"模型 {limit:g} 秒内{what}", again=False) from error
        except Exception as error:  # the border: each provider has its own exceptions
            failed = _as_failed(error, received)
            logger.warning("the language model failed: %s", failed.reason)
            raise failed from None  # the original may quote the key
        if reason in _CUT_OFF:
            raise ModelFailed("模型写到长度上限还没有写完", again=True)
        if self._ends_with_reason and not reason:
            raise ModelFailed("模型的回答中途断了", again=True)


def _end_reason(chunk: Any) -> str:
    told = chunk.response_metadata or {}
    reason = told.get("finish_reason") or told.get("stop_reason") or told.get("done_reason") or ""
    return str(reason).lower()


def _as_failed(error: Exception, received: int) -> ModelFailed:
    """Say what happened without quoting the endpoint, whose words may hold the key or the prompt."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return ModelFailed(f"模型服务返回 HTTP {status}", again=status >= 500)
    if received:
        return ModelFailed(f"模型的回答中途断了（{type(error).__name__}）", again=True)
    return ModelFailed(f"模型服务没有给出回答（{type(error).__name__}）", again=False)


@lru_cache(maxsize=1)
def _event_loop() -> asyncio.AbstractEventLoop:
    """Return the one loop, running in a daemon thread: providers keep connections that belong to a loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="language-model", daemon=True).start()
    return loop
