"""A GitHub workflow, as far as it decides whether a command runs for every change, where, and with which environment.

Nothing runs here. A job that is skipped counts as green, so whatever can skip a step is worth a rejection.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from migration_lab.teaching.judging.workflow_run import calls, handed_on

RUNS_ALWAYS = {"always()", "!cancelled()", "success()", "success()||failure()", "true"}  # as an `if`, without spaces
SERVED = {"main", "master"}  # branches into which changes are merged
STOPS_AT_A_FAILURE = ("", "bash", "sh")  # with a template such as `bash {0}` a script goes on
TOP = ("", ".", "${{github.workspace}}")  # working directories, without spaces
OF_MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}")


@dataclass(frozen=True)
class Step:
    """A step of a job that runs a command, with what it is in; all three as YAML gives them.

    Args:
        given: what the step's script puts into the command's environment.
    """

    workflow: dict[str, Any]
    job: dict[str, Any]
    step: dict[str, Any]
    given: dict[str, str]

    @property
    def why_not_binding(self) -> str:
        """Why the step may be skipped, or its failure may count for nothing; empty if neither can be."""
        for part in (self.step, self.job):
            if part.get("continue-on-error"):
                return "`continue-on-error` is set."
            if not _always(part):
                return f"`if: {part['if']}` is set."
        jobs, needed = self.workflow["jobs"], self._needed()
        missing = [name for name in needed if name not in jobs]
        if missing:
            return f"GitHub refuses the workflow: there is no job `{missing[0]}`, which the job needs."
        if any(jobs[name] is self.job for name in needed):
            return "GitHub refuses the workflow: the job needs itself."
        skipped = [name for name in needed if not _always(jobs[name])]
        if skipped and "if" not in self.job:
            return f"The job needs `{skipped[0]}`, which has an `if`. Where that one is skipped, this one is as well."
        return ""

    @property
    def why_elsewhere(self) -> str:
        """Why the step does not see the files of the change; empty if it does."""
        takes = [each for each in self._before() if str(each.get("uses", "")).startswith("actions/checkout")]
        if not takes:
            return "No step before it has `uses: actions/checkout`, so its folder is empty."
        options = takes[-1].get("with") or {}
        ref = str(options.get("ref", ""))
        if ref and "github." not in ref:
            return f"The files are those of `{ref}`, not those of the change."
        folder = _setting("working-directory", self.step, self.job, self.workflow)
        if "path" not in options and folder.replace(" ", "").rstrip("/") not in TOP:
            return f"It runs in `{folder}`."
        return ""

    def values_of(self, variable: str) -> list[str]:
        """The values of a variable of the environment, one for each row of the matrix that runs; empty ones left out.

        A name that the matrix does not have gives the empty text, as it does on GitHub.
        """
        around = (_env(self.step), handed_on(self._before()), _env(self.job), _env(self.workflow))
        said = [env[variable] for env in (self.given, *around) if variable in env]
        if not said:
            return []
        found = (_filled_in(str(said[0]), row) for row in _rows(self.job))
        return list(filter(None, dict.fromkeys(found)))

    def why_unreachable(self, url: str, driver: str) -> str:
        """Why the commands of the step do not find one and the same database; empty if they do, as far as one can see.

        Args:
            driver: of Postgres, the one that is installed: `psycopg`.
        """
        try:
            wanted = make_url(url)
        except (ArgumentError, ValueError):
            return "" if "${{" in url else f"`{url}` is not a URL of SQLAlchemy's."
        if wanted.get_backend_name() == "sqlite":
            lives_in_memory = not wanted.database or ":memory:" in wanted.database or "memory" in wanted.query.values()
            return f"`{url}` is a database in memory: each command has an empty one." if lives_in_memory else ""
        if wanted.drivername != f"postgresql+{driver}":
            return f"`{wanted.drivername}:` asks for another driver than the installed one, {driver}."
        services = self.job.get("services") or {}
        by_hand = any("postgres" in str(each.get("run", "")) for each in self.job.get("steps") or ())
        if not services:
            return "" if by_hand else "No Postgres runs beside the job: it has no `services`."
        if "container" in self.job:
            there = services.get(wanted.host)
            lost = f"The job runs in a container. There, the host is the name of the service, not `{wanted.host}`."
        else:
            port = f"{wanted.port or 5432}:"
            there = next(
                (each for each in services.values() if any(str(p).startswith(port) for p in _ports(each))), None
            )
            lost = f"No service publishes the port {port[:-1]}: `ports` is missing, or names another one."
        return lost if there is None else _refusal(_env(there), wanted)

    def _before(self) -> list[dict[str, Any]]:
        """The steps of its job that come before it."""
        steps = self.job.get("steps") or []
        return list(steps[: next(number for number, each in enumerate(steps) if each is self.step)])

    def _needed(self) -> list[str]:
        """The names of the jobs that run before its own."""
        found: list[str] = []
        ahead = _listed(self.job.get("needs"))
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.append(name)
                ahead += _listed((self.workflow["jobs"].get(name) or {}).get("needs"))
        return found


def steps_that_run(workflow: Any, command: re.Pattern[str]) -> list[Step]:
    """The steps of a workflow that run a command on a line of its own; one that runs it twice counts twice."""
    return [
        Step(workflow, job, step, given)
        for job in (workflow.get("jobs") or {}).values()
        for step in job.get("steps") or ()
        if (shell := _setting("shell", step, job, workflow)) in STOPS_AT_A_FAILURE
        or "\n" not in str(step.get("run", "")).strip()
        for given in calls(step, command, shell)
    ]


def _setting(name: str, step: dict[str, Any], *around: dict[str, Any]) -> str:
    """A step's `shell` or `working-directory`: its own, or the default of its job or workflow; empty without one."""
    parts = (step, *((part.get("defaults") or {}).get("run") or {} for part in around))
    return next((str(each[name]) for each in parts if name in each), "")


def why_not_every_change(workflow: Any, files: tuple[str, ...]) -> str:
    """Why a change may be merged before the workflow has run; empty if none can be.

    Args:
        files: a change to any of these has to start it.
    """
    events = workflow.get("on", workflow.get(True)) or ()  # to YAML `on` is a boolean
    named = events if isinstance(events, dict) else dict.fromkeys(_listed(events))
    why = [_why_missed(event, named[event] or {}, files) for event in ("push", "pull_request") if event in named]
    if not why:
        return "It waits until something else starts it."
    return "" if "" in why else why[-1]


def _why_missed(event: str, only: dict[str, Any], files: tuple[str, ...]) -> str:
    branches = _listed(only.get("branches"))
    if event == "push" and ({"tags", "branches-ignore"} & only.keys() or (branches and "**" not in branches)):
        return "It waits until the change is on a branch that `push` names."
    if branches and not any(_matches(each, branches) for each in SERVED):
        return (
            f"Changes that go to another branch than {' or '.join(f'`{each}`' for each in branches)} do not start it."
        )
    if any(_matches(each, _listed(only.get("branches-ignore"))) for each in SERVED):
        return "`branches-ignore` leaves out changes that go to `main`."
    if "types" in only and not {"opened", "synchronize"} <= {*_listed(only["types"])}:
        return "`types` leaves out `opened` or `synchronize`: a new change, or a change to it."
    for file in files:
        if not _matches(file, _listed(only.get("paths", "**"))) or _matches(file, _listed(only.get("paths-ignore"))):
            return f"A change to nothing but `{file}` does not start it."
    return ""


def _matches(file: str, patterns: list[str]) -> bool:
    """Whether a filter for paths takes a file; the last pattern that fits decides."""
    taken = False
    for each in patterns:
        if fnmatch(file, each.removeprefix("!")):
            taken = not each.startswith("!")
    return taken


def _rows(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a job's matrix that run; one without values if there is no matrix."""
    matrix = (job.get("strategy") or {}).get("matrix")
    if not isinstance(matrix, dict):
        return [{}]
    axes = {name: values for name, values in matrix.items() if name not in ("include", "exclude")}
    lists = [values if isinstance(values, list) else [values] for values in axes.values()]
    rows = [dict(zip(axes, values, strict=True)) for values in product(*lists)] if axes else []
    rows = [row for row in rows if not any(each.items() <= row.items() for each in _written(matrix.get("exclude")))]
    for each in _written(matrix.get("include")):
        given = {name: value for name, value in each.items() if name in axes}
        fitting = [row for row in rows if axes and all(row.get(name) == value for name, value in given.items())]
        for row in fitting:
            row.update(each)
        rows += [] if fitting else [dict(each)]
    return rows


def _written(rows: Any) -> list[dict[str, Any]]:
    """The rows that stand in the file; an expression that GitHub computes has none."""
    return [each for each in _listed(rows) if isinstance(each, dict)]


def _filled_in(text: str, row: dict[str, Any]) -> str:
    return OF_MATRIX.sub(lambda name: _value_in(row, name[1]), text)


def _value_in(row: dict[str, Any], path: str) -> str:
    """A value in a row of the matrix: `database`, or `database.url`."""
    value: Any = row
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return str(value)


def _refusal(env: dict[str, Any], wanted: Any) -> str:
    """Why a server with this environment does not let somebody in with a URL; empty if it does."""
    if any("${{" in str(value) for value in env.values()):
        return ""
    user = env.get("POSTGRES_USER", "postgres")
    by_setting = {
        "username": ("POSTGRES_USER", user),
        "database": ("POSTGRES_DB", env.get("POSTGRES_DB", user)),
        "password": ("POSTGRES_PASSWORD", env.get("POSTGRES_PASSWORD")),
    }
    if env.get("POSTGRES_HOST_AUTH_METHOD") == "trust":
        del by_setting["password"]
    for part, (name, value) in by_setting.items():
        if str(value) != str(getattr(wanted, part)):
            return f"The {part} in the URL is not the one that the service has: see `{name}`."
    return ""


def _always(part: dict[str, Any]) -> bool:
    """Whether an `if` of a step or a job lets it run each time."""
    condition = str(part.get("if", "true")).replace("${{", "").replace("}}", "")
    return "".join(condition.split()).lower() in RUNS_ALWAYS


def _env(part: dict[str, Any]) -> dict[str, Any]:
    env = part.get("env")
    return env if isinstance(env, dict) else {}


def _ports(service: dict[str, Any]) -> list[Any]:
    return _listed(service.get("ports"))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
