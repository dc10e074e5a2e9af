"""The worker processes of the machine: started like production's, started again when they die.

A worker is `python -m workers`; only a broken one, or one with a skewed clock, is `chaos.worker`,
which changes that one thing and then is the same program.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx2

from chaos.arena import ROOT, Arena
from remit.cli.stack.ports import choose

KEEPER = "keeper"
_READY_S = 90.0
_ASK_S = 0.1


class Worker:
    """One place in the fleet: whoever dies in it is followed by the next."""

    def __init__(self, name: str, argv: Sequence[str], variables: Mapping[str, str], log: Path):
        """Start `argv` as `name`, with its output in `log`."""
        self.name = name
        self.argv = tuple(argv)
        self.starts = 0
        self._variables = dict(variables)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0
        self.is_ready = asyncio.Event()
        self._is_over = False
        self.extra: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        """The process id; 0 while there is none."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def run(self) -> None:
        """Keep the place filled until `stop`."""
        while not self._is_over:
            await self._start()
            process = self._process
            if process is None:
                return
            waits = asyncio.create_task(self._announce(process))
            await process.wait()
            waits.cancel()
            self.is_ready.clear()

    async def ready(self) -> None:
        """Wait until the one in this place works."""
        async with asyncio.timeout(_READY_S):
            await self.is_ready.wait()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> bool:
        """Signal the process; false when there is none."""
        if not self.pid:
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return True

    def change(self, extra: Sequence[str]) -> None:
        """Let the next one in this place be started with further arguments."""
        self.extra = tuple(extra)

    async def stop(self) -> None:
        """End it for good."""
        self._is_over = True
        self.kill(signal.SIGCONT)
        self.kill(signal.SIGTERM)
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), 15)
            except TimeoutError:
                self.kill()
                await self._process.wait()

    async def _start(self) -> None:
        self._port = choose(())
        argv = self.argv
        if self.extra:
            argv = (argv[0], "-P", "-m", "chaos.worker", *self.extra, *argv[4:])
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._variables, "REMIT_METRICS_PORT": str(self._port)},
                cwd=ROOT,
                start_new_session=True,
            )
        self.starts += 1

    async def _announce(self, process: asyncio.subprocess.Process) -> None:
        url = f"http://127.0.0.1:{self._port}/metrics"
        async with httpx2.AsyncClient(trust_env=False, timeout=2) as http:
            while process.returncode is None:
                try:
                    if (await http.get(url)).status_code == 200:
                        self.is_ready.set()
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(_ASK_S)


class Fleet:
    """Several workers and one keeper."""

    def __init__(self, place: Arena, proxy_port: int, count: int, extra: Sequence[str]) -> None:
        """Make `count` workers; `extra` arguments make them `chaos.worker`s."""
        variables = place.variables(proxy_port)
        plain = (sys.executable, "-P", "-m", "workers", "--roles")
        logs = place.environment.log_dir
        self.workers = [
            Worker(f"w{n}", (*plain, "orchestrate,tools"), variables, logs / f"w{n}.log")
            for n in range(count)
        ]
        self.keeper = Worker(KEEPER, (*plain, "keeper"), variables, logs / "chaos-keeper.log")
        for worker in self.workers:
            worker.change(extra)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all and wait until they work."""
        everyone = [*self.workers, self.keeper]
        self._tasks = [asyncio.create_task(worker.run()) for worker in everyone]
        await asyncio.gather(*(worker.ready() for worker in everyone))

    async def stop(self) -> None:
        """Stop all."""
        await asyncio.gather(*(worker.stop() for worker in (*self.workers, self.keeper)))
        await asyncio.gather(*self._tasks)

    def by_pid(self, pid: int) -> Worker | None:
        """Return the worker with a process id."""
        return next((worker for worker in self.workers if worker.pid == pid), None)

    async def any_ready(self) -> None:
        """Wait until at least one worker works."""
        until = time.monotonic() + _READY_S
        while not any(worker.is_ready.is_set() for worker in self.workers):
            if time.monotonic() > until:
                raise TimeoutError("no worker came up")
            await asyncio.sleep(_ASK_S)
