"""The load generator, a process of its own: sends requests at a steady pace and writes a line about each.

Standard input: a line of JSON with the plan (see `plan.py`), then lines that change it, `{"targets": [[port, weight]]}`
or `{"stop": true}`. It is the lease too: it ends when the parent closes it or dies, and so does this process.
Standard output: `began SECONDS`, then a JSON list for each request; seconds are of `time.monotonic()`, which is one
clock for all processes of a machine.
"""

import json
import os
import queue
import random
import sys
import threading
import time
from contextlib import suppress
from itertools import cycle
from typing import Any

from migration_lab.instruments.traffic.senders import HttpSender, Sender, SqlSender

OPEN_SECONDS = 5.0  # for the clients to connect before the first request
LEAD_SECONDS = 0.05  # until the first request is due, so that its threads are there

Job = tuple[float, dict[str, Any], dict[str, object]]  # when it is due, the request, what stands for `{...}` in it


class Generator:
    """Sends the requests of a plan; each of its clients sends one at a time."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._targets: list[list[float]] = plan["targets"]
        self._stopping = threading.Event()
        self._jobs: dict[bool, queue.SimpleQueue[tuple[int, Job] | None]] = {}
        self._unanswered: dict[int, Job] = {}
        self._open = threading.Barrier(plan["readers"] + plan["writers"] + 1)
        self._lock = threading.Lock()
        self._random = random.Random(1)  # the same requests in each run

    def run(self) -> None:
        """Pace until told to stop, then wait a while for what is under way."""
        threading.Thread(target=self._obey, daemon=True).start()
        clients = []
        for writes, count in ((False, self._plan["readers"]), (True, self._plan["writers"])):
            self._jobs[writes] = queue.SimpleQueue()
            clients += [threading.Thread(target=self._client, args=(writes,), daemon=True) for _ in range(count)]
        for client in clients:
            client.start()
        self._wait_until_all_are_open()
        self._pace()
        for writes, jobs in self._jobs.items():
            for _ in range(self._plan["writers" if writes else "readers"]):
                jobs.put(None)
        until = time.monotonic() + self._plan["drain"]
        for client in clients:
            client.join(max(until - time.monotonic(), 0))
        for due, request, _ in list(self._unanswered.values()):  # else a stall without an end would not be seen
            self._note(due, request, 0, False, "no answer until the end of the run")
        os._exit(0)  # a client that waits for ever must not keep the process

    def _pace(self) -> None:
        began = time.monotonic() + LEAD_SECONDS
        self._say(f"began {began!r}")
        pause = 1 / self._plan["per_second"]
        for number, request in enumerate(cycle(self._plan["mix"])):
            due = began + number * pause
            if self._stopping.wait(max(due - time.monotonic(), 0)):
                return
            values = {"id": self._random.choice(self._plan["ids"]), "new": f"{os.getpid()}-{number}"}
            self._unanswered[number] = job = due, request, values
            self._jobs[request["writes"]].put((number, job))

    def _client(self, writes: bool) -> None:
        sender: Sender = SqlSender(self._plan["url"]) if self._plan["url"] else HttpSender(self._port)
        sender.open()
        self._wait_until_all_are_open()
        while (taken := self._jobs[writes].get()) is not None:
            number, (due, request, values) = taken
            status, ok, reason = sender.send(request, values)
            if self._unanswered.pop(number, None):
                self._note(due, request, status, ok, reason)

    def _wait_until_all_are_open(self) -> None:
        """So that no request's wait is one for a connection."""
        with suppress(threading.BrokenBarrierError):
            self._open.wait(OPEN_SECONDS)

    def _note(self, due: float, request: dict[str, Any], status: int, ok: bool, reason: str) -> None:
        waited = time.monotonic() - due
        self._say(json.dumps([due, waited, request["name"], request["writes"], status, ok, reason]))

    def _port(self) -> int:
        """One of the targets, by their weights; 0 when there is none."""
        ports, weights = zip(*self._targets, strict=True) if self._targets else ((0,), (1,))
        return int(self._random.choices(ports, weights)[0])

    def _obey(self) -> None:
        # Not `sys.stdin`: a thread that waits in it would hold the lock that the interpreter needs to end.
        rest = b""
        while data := os.read(0, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                self._targets = said.get("targets", self._targets)
                if said.get("stop"):
                    self._stopping.set()
        if not self._stopping.is_set():
            os._exit(0)  # the parent is gone

    def _say(self, line: str) -> None:
        with self._lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _first_line() -> bytes:
    """The plan; read byte by byte, so that what follows is left for `_obey`."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def main() -> None:
    """Read the plan and carry it out."""
    line = _first_line()
    if line:
        Generator(json.loads(line)).run()


if __name__ == "__main__":
    main()
