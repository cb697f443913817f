"""What is wrong with this machine, and how to fix it: each part of the lab is tried, not guessed at."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from migration_lab.ground import course, engines, limits, places
from migration_lab.ground.errors import CLOSE, MORE_FILES, LabError
from migration_lab.ground.installation import requirements
from migration_lab.ground.jupyter import start, terminal
from migration_lab.ground.spine import head_at
from migration_lab.instruments.shop import PlainShop
from migration_lab.shops.git_command import OLDEST, run_git
from migration_lab.shops.scenes import write_flaskenv
from migration_lab.shops.templates import checkpoint_template
from migration_lab.teaching.kernel_trial import try_kernel

ROOM_NEEDED = 300  # megabytes: the Postgres server's data and a few dozen workspaces
SHELL_TIMEOUT = 30  # seconds; some people's start files are slow
# Variables that can keep a kernel from starting.
SUSPECTS = ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")
SUSPECTS_OF_FLASK = ("PYTHONHOME", "PYTHONPATH")
SETUP = "Run `make lab` or `python run.py lab` again; it repairs the environment."


@dataclass(frozen=True)
class Finding:
    """What was tried, and the result.

    Attributes:
        verdict: `ok`; `problem` if a lesson would fail because of it; `note` if it is only useful to know.
        says: one sentence.
        next_step: what to do about a problem, or nothing.
    """

    verdict: Literal["ok", "problem", "note"]
    subject: str
    says: str
    next_step: str = ""

    def as_text(self, width: int) -> str:
        """One line, with the subject as wide as this, and the next step below it."""
        line = f"{self.verdict:<7}  {self.subject:<{width}}  {self.says}"
        return f"{line}\n{'':<{width + 11}}{self.next_step}" if self.next_step else line


@dataclass(frozen=True)
class Examination:
    """All findings, in the order in which they were made."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every lesson can run here."""
        return not any(finding.verdict == "problem" for finding in self.findings)

    def as_text(self) -> str:
        """One line for each finding, the next step below it, and a last sentence that sums up."""
        width = max(len(finding.subject) for finding in self.findings)
        return "\n".join([*(finding.as_text(width) for finding in self.findings), "", self.summary()])

    def summary(self) -> str:
        """The sentence that sums up."""
        problems = sum(finding.verdict == "problem" for finding in self.findings)
        things = "1 thing needs" if problems == 1 else f"{problems} things need"
        return "This machine is ready for the course." if self.ok else f"{things} your attention."


def run(
    on_step: Callable[[str], object] = lambda _: None, on_finding: Callable[[Finding], object] = lambda _: None
) -> Examination:
    """Try everything that the lessons need; the last step is a real upgrade and downgrade on each engine.

    It takes four seconds, or up to twenty if the Postgres server has to be set up first.

    Args:
        on_step: called with the subject that is tried next.
        on_finding: called with the result.
    """
    findings = []
    for subject in ATTEMPTS:
        if subject == "Browser" and not importlib.util.find_spec("playwright"):
            continue
        on_step(subject)
        findings.append(examine(subject))
        on_finding(findings[-1])
    return Examination(tuple(findings))


def examine(subject: str) -> Finding:
    """Try one of the `ATTEMPTS`; an unexpected error is a finding too."""
    try:
        return ATTEMPTS[subject]()
    except LabError as error:
        return Finding("problem", subject, error.message, error.next_step)
    except Exception as error:
        return Finding("problem", subject, f"This could not be tried: {type(error).__name__}: {error}", SETUP)


def _python() -> Finding:
    from migration_lab.ground.asserts import require_asserts

    require_asserts()
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok", "Python", f"Python {version} runs the lab.")


def _packages() -> Finding:
    others = sorted(_packages_unlike_lock())
    if others:
        shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        return Finding("problem", "Packages", f"These do not match requirements.lock: {shown}.", SETUP)
    elsewhere = importlib.util.find_spec("flask")
    if elsewhere and elsewhere.origin and not Path(elsewhere.origin).is_relative_to(sys.prefix):
        says = f"Commands would run another Flask, {elsewhere.origin}."
        return Finding("problem", "Packages", says, _cure("", SUSPECTS_OF_FLASK))
    return Finding("ok", "Packages", "All packages match requirements.lock.")


def _packages_unlike_lock() -> Iterator[str]:
    from packaging.requirements import Requirement

    for block in requirements(places.course_root() / "requirements.lock"):
        wanted = Requirement(block.split("\\")[0].strip())
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{wanted.name} (missing)"
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield f"{wanted.name} {version}"


def _jupyterlab() -> Finding:
    version = importlib.metadata.version("jupyterlab")
    lab = Path(sys.prefix, "share/jupyter")
    for shipped in ("lab/settings/overrides.json", "labextensions/migration-lab/package.json"):
        if not (lab / shipped).exists():
            return Finding("problem", "JupyterLab", "JupyterLab lacks the settings of the course.", SETUP)
    return Finding("ok", "JupyterLab", f"JupyterLab {version} with the settings of the course.")


def _kernel() -> Finding:
    """A kernel, started as JupyterLab starts it."""
    tried = try_kernel()
    if tried.python and Path(tried.python).samefile(sys.executable):
        return Finding("ok", "Kernel", "Notebooks run in this Python.")
    if tried.folder and not Path(tried.folder).is_relative_to(sys.prefix):
        says = f"Notebooks would start {tried.program}, because the folder {tried.folder} comes first."
        return Finding("problem", "Kernel", says, "Remove or rename that folder; `jupyter kernelspec list` shows all.")
    if tried.python:
        return Finding("problem", "Kernel", f"Notebooks would run in another Python, {tried.python}.", SETUP)
    return Finding(
        "problem", "Kernel", f"A notebook's kernel does not start: {tried.said}", _cure(tried.said, SUSPECTS)
    )


def _cure(said: str, suspects: tuple[str, ...]) -> str:
    """What to do about a program that failed.

    Args:
        said: its last words.
        suspects: the variables that can make it fail.
    """
    if "Too many open files" in said:
        return f"{MORE_FILES}."
    if "MemoryError" in said or "Cannot allocate memory" in said:
        return CLOSE
    found = " ".join(name for name in suspects if os.environ.get(name))
    return f"Run `unset {found}` in your shell, then try again." if found else SETUP


def _open_files() -> Finding:
    if few := limits.too_few_files():
        raise few
    return Finding("ok", "Open files", "Enough files can be open at the same time.")


def _my_work() -> Finding:
    folder = places.my_work()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        says = f"Your folder cannot be written: {error.strerror}."
        return Finding(
            "problem",
            "my_work",
            says,
            f"Check who owns {folder}, and its permissions; or set LAB_WORK to another folder.",
        )
    return Finding("ok", "my_work", "Your folder is writable.")


def _disk() -> Finding:
    for folder in (places.my_work(), places.cache(), places.state()):
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free // 1_000_000
        if free < ROOM_NEEDED:
            says = f"Only {free} MB are free where {folder} is."
            return Finding("problem", "Disk", says, f"Free at least {ROOM_NEEDED} MB.")
    return Finding("ok", "Disk", "There is room for the databases.")


def _shell() -> Finding:
    """What in the shell could send a command typed outside the lab to another database or another flask."""
    ignored = [name for name in start.IGNORED if os.environ.get(name)]
    if ignored:
        says = f"Set in your shell: {', '.join(ignored)}. The lab ignores it; a command typed elsewhere would not."
        return Finding(
            "note", "Shell", says, f"Run `unset {' '.join(ignored)}` before you type flask in a terminal of your own."
        )
    flask = shutil.which("flask")
    if flask is None or Path(flask).parent != Path(sys.executable).parent:
        says = "This shell does not use the lab's `flask`."
        return Finding("note", "Shell", says, "Use a terminal in JupyterLab, which does.")
    return Finding("ok", "Shell", "This shell uses the lab's `flask`, and no other database is within reach.")


def _terminal() -> Finding:
    """Which flask a terminal of JupyterLab finds, after the learner's own start files have run."""
    shell = terminal.shell_command()
    if shell is None:
        return Finding("ok", "Terminal", "JupyterLab chooses the shell of its terminals.")
    asked = [*shell, *([] if "-i" in shell else ["-i"]), "-c", "unset -f flask; command -v flask"]
    said = subprocess.run(
        asked,
        env=start.lab_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,  # an interactive shell would take this terminal for itself
        timeout=SHELL_TIMEOUT,
    ).stdout.split("\n")
    if str(Path(sys.executable).with_name("flask")) not in said:
        says = "The JupyterLab terminal does not use the lab's `flask`: a start file of your shell prevents it."
        cure = f'First type there: export PATH="{Path(sys.executable).parent}:$PATH"'
        return Finding("problem", "Terminal", says, cure)
    return Finding("ok", "Terminal", "The JupyterLab terminal uses the lab's `flask`.")


def _git() -> Finding:
    with tempfile.TemporaryDirectory(prefix="doctor-") as temporary:
        said = run_git(PlainShop(Path(temporary), engines.engine("sqlite")), "--version").output.strip()
    found = re.search(r"\d+\.\d+", said)
    if found is None or tuple(map(int, found[0].split("."))) < OLDEST:
        newest = ".".join(map(str, OLDEST))
        return Finding("problem", "git", f"Lesson 13 needs git {newest} or newer; this one says: {said}", "Update git.")
    return Finding("ok", "git", f"git {found[0]} works in notebooks.")


def _round_trip(name: str) -> Finding:
    """A real downgrade and upgrade of the shop, in a folder and a database that are removed afterwards."""
    subject = {"sqlite": "SQLite", "postgres": "Postgres"}[name]
    engine = engines.engine(name)
    lesson = next((each for each in course.lessons() if head_at(each)), None)
    if lesson is None:
        raise LabError("The course has no migrations to try.", "Get the course again with git.")
    template = checkpoint_template(lesson, engine)
    places.trials().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="doctor-", dir=places.trials()) as temporary:
        folder = Path(temporary) / "shop"
        shutil.copytree(template.files, folder)
        write_flaskenv(folder, engine)
        try:
            engine.clone(template.key, folder)
            for command in ("downgrade", "upgrade"):
                done = PlainShop(folder, engine).flask(f"db {command}")
                if done.exit_code != 0:
                    last = (done.output.strip().splitlines() or ["It printed nothing."])[-1]
                    raise LabError(f"`flask db {command}` failed on {subject}: {last}", _cure(last, SUSPECTS_OF_FLASK))
        finally:
            engine.drop(folder)
    how = ""
    if name == "postgres":
        how = " on the server of LAB_POSTGRES_URL" if os.environ.get("LAB_POSTGRES_URL") else " on the lab's own server"
    return Finding("ok", subject, f"A downgrade and an upgrade of the shop ran{how}.")


def _browser() -> Finding:
    """For maintainers: the browser tests use the system's Chromium or Playwright's own."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
        found = own if Path(own).exists() else None
    if found is None:
        says = "Chromium is not installed, so the browser tests would be skipped."
        return Finding("note", "Browser", says, "Install it, or run `.venv/bin/playwright install chromium`.")
    return Finding("ok", "Browser", "Chromium is installed for the browser tests.")


ATTEMPTS: dict[str, Callable[[], Finding]] = {
    "Python": _python,
    "Packages": _packages,
    "JupyterLab": _jupyterlab,
    "Kernel": _kernel,
    "my_work": _my_work,
    "Open files": _open_files,
    "Disk": _disk,
    "Shell": _shell,
    "Terminal": _terminal,
    "git": _git,
    "SQLite": lambda: _round_trip("sqlite"),
    "Postgres": lambda: _round_trip("postgres"),
    "Browser": _browser,
}
WIDTH = max(map(len, ATTEMPTS))
