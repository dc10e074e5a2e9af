"""What stands before a real server, and hands everything on."""

import asyncio


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
    """Let one connection speak to whoever listens at `address` (host and port)."""
    host, port = address.rsplit(":", 1)
    there, back = await asyncio.open_connection(host, int(port))
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one end is gone, and so is the other
    finally:
        writer.close()
