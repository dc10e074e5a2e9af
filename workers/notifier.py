"""The notifier: tells people by the channels of their roles what waits for them.

It runs in the keeper, reads the ledger every second, and remembers there what it sent to which
channel: a restart sends nothing twice and leaves nothing out. Only a crash between the sending and
the remembering repeats a message. Each channel has a queue, a thread and a pace of its own, so a
sick one holds up no other.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import Counter, Gauge

from remit.ledger.errors import LedgerUnavailableError
from remit.ledger.notices import News, Sent
from remit.notify import settings as reading
from remit.notify.message import Links, Message, due
from remit.notify.sending import DEADLINE_S, Channel
from remit.notify.settings import NotifyError, NotifySettings
from remit.stores.sent import NoticeStore
from workers.rounds import repeat

QUEUE = 1000
"""Most messages that wait for one channel; what has no room is found again later."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
GIVE_UP_S = 6 * 3600.0
"""How long a message is tried."""
_OVERLAP_MS = 60_000
"""Records may be committed later than they are dated."""
_LATEST_MS = 7 * 86400 * 1000
"""How far back ends and notices are told of after a long silence."""
_STEP_MS = 5000
_FINISH_S = DEADLINE_S + 2

NOTIFICATIONS = Counter(
    "remit_notifications_total",
    "Messages to people by channel and by what came of each try",
    ["channel", "outcome"],
)
WAITING = Gauge(
    "remit_notifications_waiting", "Messages that are to be sent, by channel", ["channel"]
)
_log = structlog.get_logger("workers.notifier")
_Pair = tuple[str, str]
"""Name of a message, and of a channel."""


@dataclass(frozen=True, slots=True)
class _Lane:
    channel: Channel
    queue: asyncio.Queue[Message]
    task: asyncio.Task[None]


class Notifier:
    """Finds what people are to be told of, and sends it."""

    def __init__(
        self, store: NoticeStore, project: Path, links: Links, clock: Callable[[], int]
    ) -> None:
        """Tell what `store` knows, by the channels of `project`."""
        self._store = store
        self._project = project
        self._links = links
        self._clock = clock
        self._settings = NotifySettings()
        self._read_at: Sequence[object] = ()
        self._lanes: dict[str, _Lane] = {}
        self._settled: set[_Pair] = set()
        self._waiting: set[_Pair] = set()
        self._open: set[tuple[str, str]] = set()

    async def run(self, stop: asyncio.Event, every_s: float) -> None:
        """Tell people until `stop`; a fault of one round is logged and the next one tries again."""
        try:
            await repeat(self.round, stop, every_s, (LedgerUnavailableError, NotifyError), _log)
        finally:
            await self._close()

    async def round(self) -> None:
        """Look once at what there is to tell, and queue what is new."""
        await self._reload()
        if not self._lanes:
            return
        now_ms = self._clock()
        mark = await self._store.mark()
        if mark is None:
            # What ended before anybody was to be told of it is no news.
            mark = now_ms
            await self._store.move_mark(mark)
        news = await self._store.news(max(mark, now_ms - _LATEST_MS) - _OVERLAP_MS)
        self._open = {(asked.place.root, asked.gate) for asked in news.open}
        await self._offer(list(due(news, self._told_links(), now_ms)), mark, news)

    async def _offer(self, messages: Sequence[Message], mark: int, news: News) -> None:
        wanted = {
            (one.name, channel): one
            for one in messages
            for channel in self._settings.channels_of(one.roles)
        }
        self._settled &= wanted.keys()
        new = wanted.keys() - self._settled - self._waiting
        if new:
            self._settled |= await self._store.sent({name for name, _ in new}) & wanted.keys()
        for pair, message in wanted.items():
            if pair in new and pair not in self._settled:
                self._queue(pair, message)
        await self._move(wanted, mark, news)

    def _queue(self, pair: _Pair, message: Message) -> None:
        with suppress(asyncio.QueueFull):
            self._lanes[pair[1]].queue.put_nowait(message)
            self._waiting.add(pair)
            self._count_waiting(pair[1])

    async def _move(self, wanted: Mapping[_Pair, Message], mark: int, news: News) -> None:
        """Move the mark to the first record that is not settled, else behind the last one."""
        left = [
            one.at_ms
            for pair, one in wanted.items()
            if one.at_ms is not None and pair not in self._settled
        ]
        seen = [*(one.at_ms for one in news.ended), *(one.at_ms for one in news.noted)]
        reached = min(left, default=max(seen, default=mark))
        if reached - mark >= _STEP_MS or (not news.is_all and reached > mark):
            await self._store.move_mark(reached)

    async def _deliver(self, channel: Channel, queue: asyncio.Queue[Message]) -> None:
        while True:
            message = await queue.get()
            await self._try(channel, message)
            self._waiting.discard((message.name, channel.name))
            self._count_waiting(channel.name)

    async def _try(self, channel: Channel, message: Message) -> None:
        """Send a message until it is taken, or what it asks for is over."""
        clock = asyncio.get_running_loop().time
        until, pause_s = clock() + GIVE_UP_S, FIRST_PAUSE_S
        while message.gate is None or message.gate in self._open:
            try:
                await _whole(self._send(channel, message))
                return
            except NotifyError as error:
                NOTIFICATIONS.labels(channel.name, "failed").inc()
                told = {"channel": channel.name, "message": message.name, "error": str(error)}
                if clock() + pause_s > until:
                    NOTIFICATIONS.labels(channel.name, "given_up").inc()
                    _log.error("given up", **told)
                    await self._remember(Sent(message.name, channel.name, "given_up"))
                    return
                _log.warning("not sent", **told)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _send(self, channel: Channel, message: Message) -> None:
        await channel.send(message)
        NOTIFICATIONS.labels(channel.name, "sent").inc()
        await self._remember(Sent(message.name, channel.name, "sent"))

    async def _remember(self, sent: Sent) -> None:
        while True:
            try:
                await self._store.settle([sent])
                self._settled.add((sent.notice, sent.channel))
                return
            except LedgerUnavailableError as error:
                # Not sent again for it: only this process knows that it was.
                _log.warning("not remembered", message=sent.notice, error=str(error))
                await asyncio.sleep(FIRST_PAUSE_S)

    async def _reload(self) -> None:
        """Read the settings again when their files changed; bad ones leave those that stand."""
        found = [_stamp(file) for file in reading.files(self._project, self._settings)]
        if found == self._read_at:
            return
        self._read_at = found
        settings = reading.load(self._project)
        self._read_at = [_stamp(file) for file in reading.files(self._project, settings)]
        if settings == self._settings and self._lanes:
            return
        await self._close()
        self._settings = settings
        for name, kept in settings.channels.items():
            channel = Channel(name, kept, self._project)
            queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE)
            task = asyncio.create_task(self._deliver(channel, queue))
            self._lanes[name] = _Lane(channel, queue, task)
            self._count_waiting(name)
        _log.info("channels", names=sorted(self._lanes))

    async def _close(self) -> None:
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            lane.task.cancel()
        await asyncio.gather(*(lane.task for lane in lanes.values()), return_exceptions=True)
        for lane in lanes.values():
            lane.channel.close()
        # What was not sent is no longer waiting anywhere: the next round finds it again.
        self._waiting.clear()

    def _count_waiting(self, channel: str) -> None:
        WAITING.labels(channel).set(sum(1 for _, name in self._waiting if name == channel))

    def _told_links(self) -> Links:
        own = self._settings
        ui = own.temporal_ui or self._links.temporal_ui
        return Links(ui, self._links.namespace, own.console or self._links.console)


async def _whole(work: Coroutine[None, None, None]) -> None:
    """Finish what was begun when cancelled, for a while: what is sent is to be remembered."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_FINISH_S)
        task.cancel()
        raise


def _stamp(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
