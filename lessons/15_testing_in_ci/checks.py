"""Lesson 15: what the result of each exercise must be."""

import difflib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from migration_lab.checking import Database, Judge
from migration_lab.checking.words import text_of
from migration_lab.errors import LabError
from migration_lab.process import StoppedError
from migration_lab.schema import diff
from migration_lab.script import Ran

SCENES = Path(__file__).parent / "scenes"
HIDDEN = SCENES / "green_in_ci/hidden"
GATE, WORKFLOW = "ci/gate.sh", ".github/workflows/ci.yml"
RUNS_THE_GATE = re.compile(r"(?:(?:ba)?sh )?(?:-\w+ )?(?:\./)?ci/gate\.sh")


class FilesStay(Judge):
    """Of work on tests and CI: the shop itself is not to be changed."""

    first = ()
    stay: tuple[str, ...] = ("shop/", "migrations/")

    def _planted(self, name: str, *layers: Path, database: Database | None = None) -> Database:
        """The answer's files with a change laid over them, and an empty database unless one is given."""
        planted = database or self.empty(name)
        for layer in layers:
            shutil.copytree(layer, planted.folder, dirs_exist_ok=True)
        return planted

    def shop_stays(self) -> None:
        """the shop and its history are as they were: the answer is in the tests and in CI"""
        shipped = [each.relative_to(self.traces.original) for each in self.traces.original.rglob("*.*")]
        gone = [each.as_posix() for each in shipped if not (self._files.folder / each).exists()]
        touched = {*self.traces.changed, *self.traces.added, *gone}
        others = [each for each in touched if each.startswith(self.stay) and "__pycache__" not in each]
        self.expect_none(
            sorted(others),
            heading="These files are not:",
            expected=f"The files in {' and '.join(f'`{each}`' for each in self.stay)} are as they were.",
            next_step="Put them back: `lab.reset` gives a fresh shop, and keeps yours.",
        )


class WeakGate(FilesStay):
    exercise = "15.1"
    stub_fails = "eight"
    stay = ("shop/", "migrations/", "schema/")
    last = ("job", "shop_stays")
    only_on = {"others": "sqlite", "job": "sqlite"}
    # The faults are of one kind on both engines. The gate runs once more on Postgres for those that differ there.
    on_postgres = ("5_longer_notes", "8_channel")

    def readable(self) -> None:
        """each line of `ci/gate.sh` is one command, `flask ...` or `python -m pytest ...`"""
        try:
            self._sound = self._gate(self._planted("a sound change", SCENES / "weak_gate/hidden/sound"))
        except StoppedError:
            raise
        except LabError as error:
            self.miss(expected="A script that the check can run.", found=error.message, next_step=error.next_step)

    def sound(self) -> None:
        """a change that adds a column in the right way passes"""
        ran = self._sound
        self.expect(
            ran.exit_code == 0,
            expected="A sound change passes the gate.",
            found=f"It fails at `{ran.failed[-1]}`." if ran.failed else f"The exit code is {ran.exit_code}.",
            cause="" if ran.failed else "The script ends itself with this number.",
            next_step="A gate that is always red is soon ignored. Run it on `shop.copy(empty=True)`.",
        )

    def eight(self) -> None:
        """each of the eight changes in `changes/` is stopped"""
        self._expect_stopped(SCENES / "weak_gate/files/changes", "passes, with its fault")

    def others(self) -> None:
        """other faulty changes are stopped: a service that answers wrongly, a forgotten golden file or revision"""
        self._expect_stopped(SCENES / "weak_gate/hidden", "is not shown, and passes")

    def job(self) -> None:
        """the workflow is valid, and runs the gate on SQLite and on Postgres; a red gate makes the job red"""
        text = (self._files.folder / WORKFLOW).read_text(encoding="utf-8")
        checked = self._files.run(f"check-jsonschema --builtin-schema vendor.github-workflows {WORKFLOW}")
        self.expect(
            checked.exit_code == 0,
            expected=f"`{WORKFLOW}` has the form of a workflow.",
            found=checked.output.strip()[-400:],
            next_step="Look at how the lines are indented, and at the names of the keys.",
        )
        found = list(_gates_in(yaml.safe_load(text)))
        self.expect(
            found,
            expected=f"A step that has `sh {GATE}` and nothing else after `run:`.",
            found="No step has.",
            cause="Whatever follows the gate in the line may hide its exit code." if GATE in text else "",
            next_step=f"Write `- run: sh {GATE}`.",
        )
        self.expect(
            not any(part.get("continue-on-error") for job, step in found for part in (job, step)),
            expected="A red gate makes the job red.",
            found="`continue-on-error` is set.",
            next_step="Take it out.",
        )
        engines = [each for each in ("sqlite:", "postgresql") if any(each in str(job) for job, _ in found)]
        self.expect(
            len(engines) == 2,
            expected="The gate gets the URL of an SQLite database once, and once that of a Postgres database.",
            found="The jobs that run it name " + (engines[0].rstrip(":") if engines else "neither") + " only.",
            next_step="Add the other URL to the matrix.",
        )

    def _gate(self, database: Database) -> Ran:
        return database.run(f"sh {GATE}")

    def _expect_stopped(self, folder: Path, passes: str) -> None:
        there = sorted(each for each in folder.iterdir() if each.name != "sound")
        faulty = [each for each in there if self.engine == "sqlite" or each.name in self.on_postgres]
        passed = [each.name for each in faulty if self._gate(self._planted(each.name, each)).exit_code == 0]
        self.expect_none(
            [f"`{each}` {passes}." for each in passed],
            most=8,
            expected="None of them passes.",
            cause="Without `set -e`, the last command alone gives the exit code."
            if not re.search(r"^set -\w*e", (self._files.folder / GATE).read_text(encoding="utf-8"), re.MULTILINE)
            else "",
            next_step="Take the first of them. What is wrong with it, and which command would fail because of it?",
        )


def _gates_in(workflow: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The jobs and steps of a workflow that run the gate, and nothing else in the same step."""
    for job in (workflow.get("jobs") or {}).values():
        for step in job.get("steps") or ():
            if RUNS_THE_GATE.fullmatch(str(step.get("run", "")).strip()):
                yield job, step


class GoldenFiles(FilesStay):
    exercise = "15.2"
    stub_fails = "golden"
    stay = ("shop/", "migrations/", "tests/", "ci/", ".github/")
    last = ("gate", "staging", "shop_stays")

    def golden(self) -> None:
        """the file of each engine in `schema/` is what the revisions make of an empty database"""
        name = f"schema/{'sqlite' if self.engine == 'sqlite' else 'postgresql'}.txt"
        made = self._planted("a new database", SCENES / "two_changes/files")
        shutil.copy2(SCENES.parent.with_name("16_deploying") / "checkpoint/shop/schema.py", made.folder / "shop")
        given = text_of(self._files.folder / name)
        for command in ("db upgrade", "schema write"):
            made.must(command)
        lines = difflib.unified_diff(given.splitlines(), text_of(made.folder / name).splitlines(), n=0, lineterm="")
        differ = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        self.expect_none(
            differ,
            most=6,
            heading=f"In `{name}`, with - for a line that should not be there and + for one that is missing:",
            expected=f"`{name}` shows what the revisions make, and nothing else.",
            cause="It shows an index that was tried on staging." if "ix_users_timezone" in given else "",
            next_step="Let the revisions make a database from nothing, on this engine, and dump that one.",
        )

    def gate(self) -> None:
        """`ci/gate.sh` passes"""
        ran = self.empty("a new database").run(f"sh {GATE}")
        self.expect(
            ran.exit_code == 0,
            expected="The gate passes.",
            found=f"It fails at `{(*ran.failed, 'exit')[-1]}`.",
            next_step="Run it on `shop.copy(empty=True)`.",
        )

    def staging(self) -> None:
        """staging keeps its index, and its rows"""
        if self.learners is None:
            return
        changed = [str(each) for each in diff(self.start.schema, self.learners.schema)]
        self.expect_none(
            changed,
            expected="Staging is as it was.",
            next_step="Make again what is missing there; `shop.copy(...)` is the place for trials.",
        )


class Dirt(FilesStay):
    exercise = "15.3"
    stub_fails = "dirt"
    stay = ("shop/", "migrations/", "schema/", "ci/", "tests/conftest.py", "tests/dirt.sql")
    last = ("other_rows", "suite", "shop_stays")

    def dirt(self) -> None:
        """with `0034` as it is, and the rows of `tests/dirt.sql`, the test fails"""
        self._expect(1, "with `0034` as it is", "The upgrade fails over these rows. Does the test run it?")

    def empty_database(self) -> None:
        """with `0034` as it is, and no rows in `dirt.sql`, the test passes"""
        self._expect(
            0,
            "with `0034` as it is and no rows",
            "What does the test take for granted about the rows?",
            rows="-- none\n",
        )

    def repaired(self) -> None:
        """with a right repair of `0034`, the test passes"""
        self._expect(0, "with a right repair", "Compare with the ticket what the test wants of each row.", "repaired")

    def losses(self) -> None:
        """with a repair that loses a number, a user or something else, the test fails"""
        for wrong in sorted((HIDDEN / "wrong").iterdir()):
            what = wrong.name.replace("_", " ")
            self._expect(
                1,
                f"with a repair after which {what}",
                "What must be the same afterwards, and what must be different? Compare all rows, column by column.",
                f"wrong/{wrong.name}",
            )

    def other_rows(self) -> None:
        """with other rows in `dirt.sql`, the test tells `0034` as it is from a right repair"""
        rows = (HIDDEN / "other_rows.sql").read_text(encoding="utf-8")
        step = "Let the test work out what it wants from the rows that it finds, and name no row."
        self._expect(0, "with other rows and a right repair", step, "repaired", rows=rows)
        self._expect(1, "with other rows and `0034` as it is", step, rows=rows)

    def suite(self) -> None:
        """with a right repair, all tests of the shop pass"""
        ran = self._repaired("repaired").run("python -m pytest")
        self.expect(
            ran.exit_code == 0,
            expected="All tests pass when `0034` is right.",
            found=_summary(ran),
            next_step="Run `python -m pytest` in your shop. Only the new test may fail there.",
        )

    def _repaired(self, repair: str = "", rows: str | None = None) -> Database:
        shop = self._planted("a new database", *([HIDDEN / repair] if repair else []))
        if rows is not None:
            (shop.folder / "tests/dirt.sql").write_text(rows, encoding="utf-8")
        return shop

    def _expect(self, exit_code: int, when: str, step: str, repair: str = "", rows: str | None = None) -> None:
        ran = self._repaired(repair, rows).run("python -m pytest tests/test_0034.py")
        self.expect(
            ran.exit_code == exit_code,
            expected=f"{when[:1].upper()}{when[1:]}, `python -m pytest tests/test_0034.py` "
            + ("passes." if exit_code == 0 else "has a test that fails."),
            found=_summary(ran),
            next_step=step,
        )


def _summary(ran: Ran) -> str:
    """The last line that pytest printed, without its seconds, and the first reason for a failure."""
    lines = [line.strip("= ") for line in ran.output.strip().splitlines()]
    reasons = [line for line in lines if line.startswith("E ")]
    last = re.sub(r" in [\d.]+s.*", "", lines[-1]) if lines else "pytest printed nothing"
    return f"{last}." + (f" {reasons[0][1:].strip()[:200]}" if reasons else "")
