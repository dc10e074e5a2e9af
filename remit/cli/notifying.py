"""`remit notify test`: whether messages to a role arrive. Prints no address."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from remit.canonical import JSON
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.notify.message import Links, Message, trial
from remit.notify.sending import Channel
from remit.notify.settings import NotifyError, NotifySettings, load


def send(role: str, project: Path | None, *, as_json: bool) -> int:
    """Send a test message to a role and tell which channels took it."""
    folder = find_project(project)
    try:
        settings = load(folder)
    except NotifyError as error:
        raise usage("NOTIFY-INVALID", str(error), "put the project's [notify] right") from error
    channels = settings.channels_of([role])
    if not channels:
        hint = "name some under [notify.roles], or a `default` in [notify]"
        raise usage("NOTIFY-NO-CHANNEL", f"nothing tells {role!r}", hint)
    message = trial(role, Links(settings.temporal_ui, "", settings.console))
    failed = asyncio.run(_sent(message, channels, settings, folder))
    told: list[JSON] = [
        {"channel": name, "sent": why is None, "error": why or ""}
        for name, why in zip(channels, failed, strict=True)
    ]
    lines = [
        f"{name}: {'sent' if why is None else f'not sent: {why}'}"
        for name, why in zip(channels, failed, strict=True)
    ]
    answer({"ok": not any(failed), "role": role, "channels": told}, lines, as_json=as_json)
    return ExitCode.STACK if any(failed) else ExitCode.OK


async def _sent(
    message: Message, names: Sequence[str], settings: NotifySettings, folder: Path
) -> Sequence[str | None]:
    """Return for each channel why it did not take the message; `None`: it did."""
    return await asyncio.gather(
        *(_try(Channel(name, settings.channels[name], folder), message) for name in names)
    )


async def _try(channel: Channel, message: Message) -> str | None:
    try:
        await channel.send(message)
    except NotifyError as error:
        return str(error)
    finally:
        channel.close()
    return None
