"""The previous release and the learner's, side by side on one database: what may be deployed when; for judges."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dotenv import set_key

from migration_lab.ground.course import Lesson
from migration_lab.ground.spine import lay_checkpoint
from migration_lab.instruments.schema import diff
from migration_lab.instruments.service import Service, serve
from migration_lab.instruments.shop import PlainShop
from migration_lab.instruments.traffic import Request
from migration_lab.teaching.judging.database import Database, Snapshot
from migration_lab.teaching.judging.expectations import Miss
from migration_lab.teaching.judging.words import listed, revision_names


def release_before(copy: Database, lesson: Lesson) -> PlainShop:
    """The shop as it is at a lesson's start, in a folder beside the copy's, on the copy's database."""
    before = PlainShop(copy.folder.with_name(f"{copy.folder.name}-before"), copy.engine, copy.url)
    lay_checkpoint(lesson, before.folder)
    shutil.copy2(copy.folder / ".flaskenv", before.folder)
    if copy.engine.name == "sqlite":  # whose file is named as seen from the folder
        set_key(before.folder / ".flaskenv", "DATABASE_URL", copy.url)
    return before


@dataclass(frozen=True)
class Served:
    """A release that serves a copy's database; `name` is how sentences call it: "the old release"."""

    copy: Database
    service: Service
    name: str

    def unanswered(self, *requests: Request) -> list[str]:
        """Which requests it answers wrongly, and why: "POST /orders: ..."."""
        answers = [(f"{method} {path}", self.service.send(method, path, body)) for method, path, body in requests]
        said = {409: " (The shop says so whenever a constraint refuses a row.)"}
        return [
            f"{request}: {answer.reason}{said.get(answer.status, '')}" for request, answer in answers if not answer.ok
        ]

    def expect(self, *requests: Request, since: Snapshot | None = None, next_step: str = "") -> None:
        """It answers each request as it should, with the database as it is now.

        Args:
            since: what the database held when it still did; the difference is the cause.

        Raises:
            Miss: it does not.
        """
        if refused := self.unanswered(*requests):
            differs = [str(each) for each in diff(since.schema, self.copy.schema())] if since else []
            raise Miss(
                expected=f"At {revision_names(self.copy.stands_at())} {self.name} serves.",
                found=listed(refused),
                cause=listed(["Compared with the way up:", *differs]) if differs else "",
                next_step=next_step or "Read the first reason: it says what the release misses in the database.",
            )


@contextmanager
def both_releases(copy: Database, lesson: Lesson) -> Iterator[tuple[Served, Served]]:
    """Serve a copy's database with two releases while a block runs: the shop at a lesson's start, and the copy's files.

    Both are started before the block, whatever the database holds: a shop looks only when a request arrives.

    Raises:
        LabError: one of them does not start.
    """
    with serve(release_before(copy, lesson)) as old, serve(copy.workspace) as new:
        yield Served(copy, old, "the old release"), Served(copy, new, "the new release")


def revisions_ahead(copy: Database) -> list[str]:
    """The revisions that have not run on the copy's database, in the order in which they run, without forks."""
    ids = list(reversed(copy.history().ids))
    return ids[max((ids.index(each) + 1 for each in copy.stands_at() if each in ids), default=0) :]
