"""The lab in a terminal: `lab doctor`, `lab open 02`, `lab check 02.1`.

What a command needs is imported when it runs, so that `lab --help` answers at once.
"""

import difflib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from migration_lab.ground import course, limits, places, way
from migration_lab.ground.errors import LabError, from_the_machine

if TYPE_CHECKING:
    from migration_lab.ground.engines import Engine
    from migration_lab.shops.workspace import Opened

AFTER = 2.0  # seconds without a message
STOPPED = 130  # the exit code after Ctrl+C, as in a shell

engine_option = click.option(
    "--engine",
    type=click.Choice(["sqlite", "postgres"]),
    envvar="LAB_ENGINE",
    default="sqlite",
    show_default=True,
    help="The database to work on.",
)


class Lab(click.Group):
    """Commands whose errors are two sentences: what is wrong, and what to do."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a LabError, or a refusal by the machine, becomes a message and exit code 1.

        A slow command says so after a while.
        """
        patience = threading.Timer(AFTER, lambda: _say_step("this can take a few more seconds"))
        patience.daemon = True
        patience.start()
        try:
            return super().invoke(ctx)
        except LabError as error:
            said = error
        except (OSError, RuntimeError, MemoryError) as error:
            refused = from_the_machine(error)
            if refused is None:
                raise
            said = refused
        finally:
            patience.cancel()
        click.echo(f"{said.message}\n{said.next_step}", err=True)
        ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which a learner needs them."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the message for an unknown one lists the existing ones."""
        if self.get_command(ctx, args[0]) is None:
            names = [name for name, command in self.commands.items() if not command.hidden]
            close = difflib.get_close_matches(args[0], names, 1)
            meant = f" Did you mean `lab {close[0]}`?" if close else ""
            ctx.fail(f"There is no command {args[0]!r}.{meant} The commands are {', '.join(names)}.")
        return super().resolve_command(ctx, args)


@click.group(cls=Lab, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The course in a terminal. A lesson is named by its number (02), an exercise by lesson and number (02.1)."""
    places.ensure_home()
    limits.raise_open_files()


@main.command(short_help="Start JupyterLab.", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def start(options: tuple[str, ...]) -> None:
    """Start JupyterLab on your own folder. Options such as --port=8890 are passed on to it."""
    from migration_lab.teaching.progress import first_page

    sys.exit(first_page.main(list(options)))


@main.command("open", short_help="Open a lesson or exercise.")
@click.argument("lesson")
@click.option("--scene", metavar="NAME", help="A prepared situation of the lesson instead of its start.")
@engine_option
def open_(lesson: str, scene: str | None, engine: str) -> None:
    """Open a lesson (02) with fresh files and a fresh database, or an exercise (02.1) with your work in it.

    Your work in an earlier one is kept aside. `lab reset` starts an exercise over.
    """
    from migration_lab.shops import identity, workspace

    exercise_id = identity.exercise_in(lesson)
    if exercise_id:
        if scene:
            raise LabError("An exercise has its own scene.", f"Run `lab open {lesson}` without --scene.")
        _say(workspace.open_exercise(exercise_id, _engine_of(lesson, engine)))
    else:
        _say(workspace.open_lesson(course.lesson(lesson), _engine_of(lesson, engine), scene))


@main.command(short_help="Bring a lesson or exercise back to its start.")
@click.argument("lesson")
@engine_option
def reset(lesson: str, engine: str) -> None:
    """Bring the files and the database of a lesson (02) or an exercise (02.1) back to their start.

    Your work in them is kept aside.
    """
    from migration_lab.shops import workspace

    _say(workspace.reset(lesson, _engine_of(lesson, engine)))


@main.command(short_help="Bring back work that was kept aside.")
@click.argument("name", required=False)
def restore(name: str | None) -> None:
    """Bring back work that was kept aside, with files and database; without a NAME, list it.

    The NAME is one from the list, or a lesson (02) or an exercise (02.1) for its newest kept work. The work that it
    replaces is kept aside in turn.
    """
    from migration_lab.shops import kept, workspace

    if name is not None:
        _say(workspace.restore(name, leased=False))
        return
    there = kept.all_kept()
    click.echo("This work is kept aside:" if there else "No work is kept aside.")
    for each in there:
        click.echo(f"  {each.name}  ({each.identity.title}, {each.moment:%Y-%m-%d at %H:%M})")


@main.command(short_help="Bring back the course's version of a notebook.")
@click.argument("name")
def notebook(name: str) -> None:
    """Bring back the course's version of the notebook of a lesson (03), or of its exercises (03.1).

    Your own is kept beside it.
    """
    from migration_lab.ground import my_work

    click.echo(my_work.renew(name))


@main.command(short_help="Judge your answer to an exercise.")
@click.argument("exercise")
@engine_option
def check(exercise: str, engine: str) -> None:
    """Judge your answer to an exercise (02.1). The exit code is 0 when it passes and 1 when it does not."""
    from migration_lab.shops import finding, workspace
    from migration_lab.teaching import judging
    from migration_lab.teaching.judging import report

    course.exercise(exercise)  # report a wrong name before a missing workspace
    found = workspace.find(finding.meant(exercise, _engine_of(exercise, engine)))
    verdict = judging.check(exercise, found, on_step=lambda engine, looks_at: _say_step(f"{engine}: {looks_at}"))
    click.echo(report.as_text(verdict))
    if verdict.passed:
        click.echo(f"\nNext: {way.after_exercise(exercise).words}")
    sys.exit(0 if verdict.passed else 1)


def _say_step(words: str) -> None:
    """Print the current activity, for a person who waits."""
    if sys.stderr.isatty():
        click.echo(click.style(f"… {words}", dim=True), err=True)


@main.command(short_help="Give the next hint for an exercise.")
@click.argument("exercise")
@click.argument("step", type=int, required=False)
def hint(exercise: str, step: int | None) -> None:
    """Give the next hint for an exercise (02.1): first a question, then a pointer, then the solution.

    With a STEP (1, 2 or 3), give that one.
    """
    from migration_lab.teaching import hints

    course.exercise(exercise)
    found = hints.next_hint(exercise) if step is None else hints.hint(exercise, step)
    click.echo(found.as_text())


@main.command(short_help="Explain an error.")
@click.argument("text", nargs=-1)
def explain(text: tuple[str, ...]) -> None:
    """Explain an error: give its text, or pipe a command's output in.

    For example: flask db upgrade 2>&1 | lab explain
    """
    from migration_lab.teaching import explain as guide

    said = " ".join(text)
    if not text and not sys.stdin.isatty():
        said = sys.stdin.buffer.read().decode(errors="replace")
    if not said.strip():
        raise LabError("There is nothing to explain.", 'Give the error in quotes: lab explain "NOT NULL constraint..."')
    click.echo((guide.explain(said) or guide.not_known(said)).as_text())


@main.command(short_help="Show what you have done.")
@click.option("--export", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file: .md or .csv.")
@click.option("--forget", metavar="LESSON", help="Mark a lesson (03) as not begun, to go through it again.")
def progress(export: Path | None, forget: str | None) -> None:
    """Show what you have done."""
    from migration_lab.teaching import progress as record

    if forget is not None:
        click.echo(record.begin_anew(course.lesson(forget)))
    elif export is None:
        click.echo(record.summary().as_text())
    else:
        click.echo(f"Wrote {record.export(export)}")


@main.command(short_help="Find out what is wrong with this machine.")
def doctor() -> None:
    """Try a real upgrade and downgrade on both databases, and say what is wrong with this machine."""
    from migration_lab.teaching import doctor as examination

    report = examination.run(
        on_step=lambda subject: _say_step(f"trying {subject}"),
        on_finding=lambda finding: click.echo(finding.as_text(examination.WIDTH)),
    )
    click.echo(f"\n{report.summary()}")
    sys.exit(0 if report.ok else 1)


@main.command(hidden=True)
def server() -> None:
    """Start the course's own Postgres server if it is not running; the terminal's `flask` asks for it."""
    from migration_lab.ground.engines import postgres

    postgres.attach()


@main.command(short_help="Make the notebooks from lessons/ (for authors).")
@click.option("--check", is_flag=True, help="Change nothing; fail when something is out of date.")
@click.argument("lesson", required=False)
def build(lesson: str | None, check: bool) -> None:
    """Make notebooks/, exercises/, solutions/ and everything else from lessons/, or only those of one lesson."""
    from migration_lab.making import build as building

    building.build(lesson, check=check, say=click.echo)


@main.group(short_help="Begin a lesson or an exercise (for authors).")
def new() -> None:
    """Begin a lesson or an exercise: create its files, each with lines that say what belongs there."""


@new.command("lesson")
@click.argument("name")
def new_lesson(name: str) -> None:
    """Create what a planned lesson (04) or a new one (18_a_few_words) lacks, with a first exercise."""
    from migration_lab.making import new as beginning

    beginning.new_lesson(name, say=click.echo)


@new.command("exercise")
@click.argument("exercise")
def new_exercise(exercise: str) -> None:
    """Create an exercise (04.2): ticket, solution, judge, answers, hints."""
    from migration_lab.making import new as beginning

    beginning.new_exercise(exercise, say=click.echo)


@main.command(short_help="Prove a lesson or an exercise (for authors).")
@click.argument("lesson")
@click.option("--keep-going", is_flag=True, help="Go on after the first fault.")
def prove(lesson: str, keep_going: bool) -> None:
    """Prove everything about a lesson (04), or the answers of an exercise (04.1), on both engines.

    The exit code is 0 if everything passes, and 1 otherwise.
    """
    click.echo(f"Proving {lesson}.")  # before the imports, which take a second
    from migration_lab.making import prove as proving

    try:
        sys.exit(0 if proving.prove(lesson, keep_going=keep_going, say=click.echo, on_step=_say_step) else 1)
    except KeyboardInterrupt:
        sys.exit(STOPPED)


@main.command(short_help="Show what lessons leave in the shop (for authors).")
@click.argument("lesson", required=False)
def spine(lesson: str | None) -> None:
    """Show what each lesson leaves in the shop: revisions, head, files; for one lesson (10) the diff of its files."""
    from migration_lab.making import spine_text

    if lesson is None:
        click.echo(spine_text.table())
        return
    styles: dict[str, dict[str, Any]] = {
        "+++": {"bold": True}, "---": {"bold": True}, "@@": {"fg": "cyan"}, "+": {"fg": "green"}, "-": {"fg": "red"}
    }  # fmt: skip
    for line in spine_text.of_lesson(lesson).splitlines():
        style = next((style for start, style in styles.items() if line.startswith(start)), {})
        click.echo(click.style(line, **style))


def _engine_of(lesson: str, engine: str) -> "Engine":
    """The engine to use; if an exercise does not support LAB_ENGINE, its own engine."""
    from migration_lab.shops import finding

    source = click.get_current_context().get_parameter_source("engine")
    asked = engine if source is click.core.ParameterSource.COMMANDLINE else None
    return finding.engine_for(lesson, asked=asked, usual=engine)


def _say(opened: "Opened") -> None:
    """Print where the files are, and where earlier work was kept."""
    workspace = opened.workspace
    click.echo(f"{workspace.lesson.manifest.title}: {workspace.folder}")
    if workspace.lesson.planned:
        click.echo(workspace.lesson.planned)
    if opened.kept:
        click.echo(f"Your earlier work is kept in {opened.kept}")
    elif opened.goes_on:
        click.echo(f"It holds your earlier work. To start afresh: lab reset {workspace.identity.typed}")
    if opened.dropped:
        click.echo(f"To make room for it, the oldest kept one, {opened.dropped.name}, was removed.")
    click.echo("In a terminal in that folder, `flask db current` says where the database stands.")


if __name__ == "__main__":
    main()
