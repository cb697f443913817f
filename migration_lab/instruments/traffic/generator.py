"""The load generator, a process of its own: sends requests at a steady pace and writes a line about each.

It is told the plan (see `plan.py`), then what changes it, `{"targets": [[port, weight]], "move": NUMBER}` or
`{"stop": true}`. It says `{"began": SECONDS}`, then a list for each request, and `{"moved": NUMBER}` when none is under
way any more to the targets before that move; seconds are of `time.monotonic()`, which is one clock for all processes of
a machine.
"""

import os
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any

from migration_lab.instruments.traffic.senders import HttpSender, Sender, SqlSender
from migration_lab.shops.companion import say, told

OPEN_SECONDS = 20.0  # for the clients to connect before the first request
LEAD_SECONDS = 0.05  # until the first request is due, so that its threads are there

Job = tuple[float, dict[str, Any], dict[str, object]]  # when it is due, the request, what stands for `{...}` in it


class Generator:
    """Sends the requests of a plan; each of its clients sends one at a time.

    `changes` of the plan end when its parent is gone.
    """

    def __init__(self, plan: dict[str, Any], changes: Iterator[dict[str, Any]]) -> None:
        self._plan = plan
        self._changes = changes
        self._targets: list[list[float]] = plan["targets"]
        self._moving = threading.Lock()
        self._move = self._moved = 0
        self._under_way: Counter[int] = Counter()  # requests, by the move after which they were begun
        self._stopping = threading.Event()
        self._jobs: dict[bool, queue.SimpleQueue[tuple[int, Job] | None]] = {}
        self._unanswered: dict[int, Job] = {}
        self._noting = threading.Lock()
        self._answered_at = 0.0
        self._open = threading.Barrier(plan["readers"] + plan["writers"] + 1)
        self._random = random.Random(1)  # the same requests in each run

    def run(self) -> None:
        """Pace until told to stop, then work off what is due, as long as answers come."""
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
        self._answered_at = time.monotonic()
        for client in clients:
            while client.is_alive() and (left := self._answered_at + self._plan["drain"] - time.monotonic()) > 0:
                client.join(left)
        with self._noting:  # an answer that arrives now is noted first, or too late
            for due, request, _ in list(self._unanswered.values()):  # else a stall without an end would not be seen
                self._note(due, request, 0, False, "no answer until the end of the run")
            os._exit(0)  # a client that waits for ever must not keep the process

    def _pace(self) -> None:
        began = time.monotonic() + LEAD_SECONDS
        say({"began": began})
        pause = 1 / self._plan["per_second"]
        for number, request in enumerate(cycle(self._plan["mix"])):
            due = began + number * pause
            if self._stopping.wait(max(due - time.monotonic(), 0)):
                return
            values = {"id": self._random.choice(self._plan["ids"]), "new": f"{os.getpid()}-{number}"}
            self._unanswered[number] = job = due, request, values
            self._jobs[request["writes"]].put((number, job))

    def _client(self, writes: bool) -> None:
        url = self._plan["url"]
        sender: Sender = SqlSender(url) if url else HttpSender(self._port, self._plan["headers"])
        sender.open()
        self._wait_until_all_are_open()
        while (taken := self._jobs[writes].get()) is not None:
            number, (due, request, values) = taken
            with self._counted():
                status, ok, reason = sender.send(request, values)
            with self._noting:
                if self._unanswered.pop(number, None):
                    self._answered_at = time.monotonic()
                    self._note(due, request, status, ok, reason)

    def _wait_until_all_are_open(self) -> None:
        """So that no request's wait is one for a connection."""
        with suppress(threading.BrokenBarrierError):
            self._open.wait(OPEN_SECONDS)

    def _note(self, due: float, request: dict[str, Any], status: int, ok: bool, reason: str) -> None:
        waited = time.monotonic() - due
        say([due, waited, request["name"], request["writes"], status, ok, reason])

    def _port(self) -> int:
        """One of the targets, by their weights; 0 when there is none."""
        ports, weights = zip(*self._targets, strict=True) if self._targets else ((0,), (1,))
        return int(self._random.choices(ports, weights)[0])

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a request as under way within the block."""
        with self._moving:
            move = self._move
            self._under_way[move] += 1
        try:
            yield
        finally:
            with self._moving:
                self._under_way[move] -= 1
                self._report_move()

    def _report_move(self) -> None:
        earlier = (count for move, count in self._under_way.items() if move < self._move)
        if self._moved < self._move and not any(earlier):
            self._moved = self._move
            say({"moved": self._move})

    def _obey(self) -> None:
        for change in self._changes:
            with self._moving:
                self._targets = change.get("targets", self._targets)
                self._move = change.get("move", self._move)
                self._report_move()
            if change.get("stop"):
                self._stopping.set()
        if not self._stopping.is_set():
            os._exit(0)  # the parent is gone


def main() -> None:
    """Carry out the plan that is told first."""
    orders = told()
    plan = next(orders, None)
    if plan is not None:
        Generator(plan, orders).run()


if __name__ == "__main__":
    main()
