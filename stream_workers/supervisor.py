"""Several processes under one supervisor: what ends unasked is started again, and all are asked to
stop at the same time, so that their group rebalances once.

asyncio does the waiting. Processes are signalled and waited for in its one thread, by `subprocess`:
no signal can reach a process that was given the number of one that has ended.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

import structlog
from msgspec import Struct

from stream_workers.lifeline import STOP_SECONDS
from stream_workers.restarts import USUAL, Ending, Restarts, in_words, is_final

log = structlog.get_logger("stream_workers.supervisor")


class Program(Struct, frozen=True):
    """What is run; `name` begins the sentences about it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]


def supervise(
    programs: Sequence[Program],
    restarts: Restarts = USUAL,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Keep programs running until SIGTERM or SIGINT; the second signal kills them at once.

    Each is the leader of a process group, so that Ctrl-C reaches it through us alone, and its
    standard input is a pipe that closes when this process ends; see `lifeline`.

    Args:
        stop_seconds: how long they may take to end when asked; then they are killed.

    Returns:
        The exit status: 0 if all ended in order when asked to. That of a program whose first runs
        show that its settings are wrong: then all are ended. Else 1.
    """
    return asyncio.run(_Supervisor(restarts, stop_seconds).run(programs))


class _Supervisor:
    def __init__(self, restarts: Restarts, stop_seconds: float) -> None:
        self._restarts = restarts
        self._stop_seconds = stop_seconds
        self._signals = 0
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._child_ended = asyncio.Event()
        self._has_run_well = False
        self._final: int | None = None

    async def run(self, programs: Sequence[Program]) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        loop.add_signal_handler(signal.SIGCHLD, self._on_child)
        lifeline, held = os.pipe()
        try:
            in_order = await asyncio.gather(*(self._keep(p, lifeline) for p in programs))
        finally:
            os.close(held)
            os.close(lifeline)
        return (0 if all(in_order) else 1) if self._final is None else self._final

    def _on_signal(self, number: signal.Signals) -> None:
        self._signals += 1
        self._stopping.set()
        if self._signals == 1:
            log.info(f"{number.name}: all processes stop")
        else:
            log.warning(f"{number.name} again: all processes are killed")
            self._at_once.set()

    def _on_child(self) -> None:
        # Wakes those who wait now; whoever waits later has looked first.
        self._child_ended.set()
        self._child_ended.clear()

    async def _keep(self, program: Program, lifeline: int) -> bool:
        """Run a program again and again until all stop; whether it ended in order then."""
        rest = 0.0
        while True:
            began = time.monotonic()
            ending = await self._run(program, lifeline)
            if self._stopping.is_set():
                return self._is_in_order(program, ending)
            ran = time.monotonic() - began
            self._has_run_well |= ran >= self._restarts.well
            # Settings that were right before are not what is wrong now: that may pass.
            if isinstance(ending, int) and is_final(ending) and not self._has_run_well:
                log.error(f"{program.name} {in_words(ending)}: a restart cannot help; all stop")
                self._final = ending
                self._stopping.set()
                return False
            rest = self._restarts.rest(rest, ran)
            log.warning(f"{program.name} {in_words(ending)}; it is started again in {rest:g} s")
            if await _set_within(self._stopping, rest):
                return True

    async def _run(self, program: Program, lifeline: int) -> Ending:
        try:
            process = subprocess.Popen(
                program.argv, env=program.environment, stdin=lifeline, process_group=0
            )
        except OSError as error:
            return error
        stop = asyncio.create_task(self._stop(program, process))
        while (status := process.poll()) is None:
            await self._child_ended.wait()
        stop.cancel()
        return status

    async def _stop(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        """Stop a process when all stop, within bounds."""
        await self._stopping.wait()
        process.terminate()
        if not await _set_within(self._at_once, self._stop_seconds):
            log.error(f"{program.name} has not ended in {self._stop_seconds:g} s; it is killed")
        process.kill()

    def _is_in_order(self, program: Program, ending: Ending) -> bool:
        # One that does not listen to SIGTERM yet is ended by it, and had nothing to finish.
        if ending in (0, -signal.SIGTERM):
            return True
        log.error(f"{program.name} {in_words(ending)} while it was to stop")
        return False


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
