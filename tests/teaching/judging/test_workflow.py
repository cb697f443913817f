"""What a workflow does with a step: whether it runs, in which files, and on which database."""

import re

import pytest
import yaml

from migration_lab.teaching.judging.workflow import Step, steps_that_run, why_not_every_change

GATE = "ci/gate.sh"
URL = "postgresql+psycopg://postgres:postgres@localhost/postgres"
WORKFLOW = """
on: [push, pull_request]
jobs:
  gate:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        database:
          - sqlite:///ci.db
          - postgresql+psycopg://postgres:postgres@localhost/postgres
    services:
      postgres:
        image: postgres:18
        env:
          POSTGRES_PASSWORD: postgres
        ports: ["5432:5432"]
    steps:
      - uses: actions/checkout@v5
      - run: sh ci/gate.sh
        env:
          DATABASE_URL: ${{ matrix.database }}
"""
RUN = "      - run: sh ci/gate.sh\n"
ON = "on: [push, pull_request]"
CHECKOUT = "actions/checkout@v5\n"


def step(*edits: tuple[str, str]) -> Step:
    """The only step that runs the gate, after edits of the workflow."""
    text = WORKFLOW
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (found,) = steps_that_run(yaml.safe_load(text), re.compile("sh ci/gate.sh"))
    return found


def test_a_good_workflow() -> None:
    gate = step()

    assert (gate.why_not_binding, gate.why_elsewhere) == ("", "")
    assert gate.values_of("DATABASE_URL") == ["sqlite:///ci.db", URL]
    assert gate.why_unreachable(URL, "psycopg") == ""
    assert why_not_every_change(gate.workflow, (GATE,)) == ""


@pytest.mark.parametrize(
    "events",
    [
        "on: pull_request",
        "on: {push: , pull_request: {branches: [release]}}",  # `push` sees every change
        "on: {pull_request: {branches: [main]}, merge_group: }",
        "on: {pull_request: {branches: ['m*', 'release/**']}}",
        "on: {pull_request: {types: [opened, reopened, synchronize]}}",
        "on: {pull_request: {paths: ['**', '!docs/**']}}",
        "on: {pull_request: {paths-ignore: ['docs/**', '**.md']}}",
        "on: {push: {branches: ['**']}}",
    ],
)
def test_every_change_starts_it(events: str) -> None:
    assert why_not_every_change(yaml.safe_load(events), ("shop/models/user.py", GATE)) == ""


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ("on: workflow_dispatch", "something else starts it"),
        ("on: pull_request_target", "something else starts it"),  # with the files of the branch below
        ("on: {push: {branches: [main]}}", "on a branch"),
        ("on: {push: {tags: ['v*']}}", "on a branch"),
        ("on: {push: {branches-ignore: ['feature/**']}}", "on a branch"),
        ("on: {pull_request: {branches: [release]}}", "than `release`"),
        ("on: {push: {branches: [main]}, pull_request: {branches: ['release/**']}}", "than `release/**`"),
        ("on: {pull_request: {branches-ignore: [ma*]}}", "`branches-ignore`"),
        ("on: {pull_request: {types: [closed]}}", "`types`"),
        ("on: {pull_request: {paths: ['migrations/**']}}", "`shop/models/user.py`"),
        ("on: {pull_request: {paths-ignore: ['shop/**']}}", "`shop/models/user.py`"),
        ("on: {pull_request: {paths: ['**', '!ci/**']}}", "`ci/gate.sh`"),
    ],
)
def test_some_changes_do_not_start_it(events: str, why: str) -> None:
    assert why in why_not_every_change(yaml.safe_load(events), ("shop/models/user.py", GATE))


@pytest.mark.parametrize("always", ["always()", "${{ !cancelled() }}", "success() || failure()"])
def test_a_condition_that_is_always_true_skips_nothing(always: str) -> None:
    assert step((RUN, f'{RUN}        if: "{always}"\n')).why_not_binding == ""


@pytest.mark.parametrize("part", ["include", "exclude"])
def test_rows_that_only_github_computes_are_left_out(part: str) -> None:
    rows = ("      matrix:\n", f"      matrix:\n        {part}: ${{{{ fromJSON(vars.ROWS) }}}}\n")
    assert step(rows).values_of("DATABASE_URL") == ["sqlite:///ci.db", URL]


NEEDS = "  gate:\n    needs: changed\n"
CHANGED = "  changed: {runs-on: x, steps: [{run: 'true'}]}\n"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ((RUN, f"{RUN}        if: failure()\n"), "`if: failure()`"),
        ((RUN, f"{RUN}        continue-on-error: true\n"), "`continue-on-error`"),
        (("    strategy", "    if: github.event_name == 'push'\n    strategy"), "`if: github"),
        (("  gate:\n", CHANGED.replace("{runs", "{if: github.ref, runs") + NEEDS), "`changed`"),
        (("  gate:\n", CHANGED + NEEDS), ""),
        (("  gate:\n", NEEDS), "there is no job `changed`"),
        (("  gate:\n", CHANGED.replace("{runs", "{needs: gate, runs") + NEEDS), "needs itself"),
    ],
)
def test_what_skips_a_step_or_hides_its_failure(edit: tuple[str, str], why: str) -> None:
    found = step(edit).why_not_binding
    assert why in found if why else not found


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ((RUN, f"{RUN}        working-directory: shop\n"), "`shop`"),
        (("    strategy", "    defaults: {run: {working-directory: shop}}\n    strategy"), "`shop`"),
        ((f"      - uses: {CHECKOUT}", ""), "checkout"),
        ((CHECKOUT, f"{CHECKOUT}        with: {{ref: main}}\n"), "`main`"),
        ((CHECKOUT, f"{CHECKOUT}        with: {{ref: '${{{{ github.head_ref }}}}'}}\n"), ""),
        ((RUN, f"{RUN}        working-directory: .\n"), ""),
    ],
)
def test_whose_files_a_step_sees(edit: tuple[str, str], why: str) -> None:
    found = step(edit).why_elsewhere
    assert why in found if why else not found


MATRIX = f"        database:\n          - sqlite:///ci.db\n          - {URL}\n"


@pytest.mark.parametrize(
    ("edits", "urls"),
    [
        ([("matrix.database", "matrix.databse")], []),
        ([(MATRIX, f"{MATRIX}        exclude: [{{database: '{URL}'}}]\n")], ["sqlite:///ci.db"]),
        ([(MATRIX, f"{MATRIX}        python: [1, 2]\n        exclude: [{{database: '{URL}', python: 1}}]\n")],
         ["sqlite:///ci.db", URL]),
        ([(MATRIX, f"        include: [{{url: 'sqlite://'}}, {{url: '{URL}'}}]\n"), ("matrix.database", "matrix.url")],
         ["sqlite://", URL]),
        ([(MATRIX, f"        db: [{{url: 'sqlite://'}}, {{url: '{URL}'}}]\n"), ("matrix.database", "matrix.db.url")],
         ["sqlite://", URL]),
        ([("${{ matrix.database }}", URL)], [URL]),
        ([("DATABASE_URL", "DB_URL")], []),
    ],
)  # fmt: skip
def test_the_values_that_a_variable_gets(edits: list[tuple[str, str]], urls: list[str]) -> None:
    assert step(*edits).values_of("DATABASE_URL") == urls


SERVICES = WORKFLOW[WORKFLOW.index("    services") : WORKFLOW.index("    steps")]


@pytest.mark.parametrize(
    ("edit", "url", "why"),
    [
        ((SERVICES, ""), URL, "`services`"),
        ((RUN, f"      - run: sudo systemctl start postgresql\n{RUN}"), URL, ""),
        ((SERVICES, "    env: {A: b}\n"), URL, "`services`"),
        (('        ports: ["5432:5432"]\n', ""), URL, "5432"),
        (('"5432:5432"', '"5433:5432"'), URL, "5432"),
        (('"5432:5432"', '"5433:5432"'), URL.replace("localhost", "localhost:5433"), ""),
        (("    services", "    container: python:3.13\n    services"), URL, "container"),
        (("    services", "    container: python:3.13\n    services"), URL.replace("localhost", "postgres"), ""),
        ((RUN, RUN), URL.replace("postgres@", "secret@"), "`POSTGRES_PASSWORD`"),
        ((RUN, RUN), URL.removesuffix("postgres") + "shop", "`POSTGRES_DB`"),
        ((RUN, RUN), URL.replace("+psycopg", ""), "driver"),
        ((RUN, RUN), "postgresql", "not a URL"),
    ],
)
def test_whether_the_server_of_a_url_is_there(edit: tuple[str, str], url: str, why: str) -> None:
    found = step(edit).why_unreachable(url, "psycopg")
    assert why in found if why else not found


SCRIPTS = {
    "matrix": "pip install -e .\nsh ci/gate.sh",
    "in the line": "DATABASE_URL=sqlite:///ci.db sh ci/gate.sh\nenv DATABASE_URL='{url}' sh ci/gate.sh",
    "exported": "set -eu\nexport DATABASE_URL=sqlite:///ci.db\nsh ci/gate.sh\n"
    "export DATABASE_URL={url}  # the other\nsh ci/gate.sh",
    "through a variable": "export SERVER=postgres:postgres@localhost\n"
    "DATABASE_URL=sqlite:///ci.db \\\n  sh ci/gate.sh\n"
    'DATABASE_URL="postgresql+psycopg://$SERVER/postgres" sh ci/gate.sh',
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_urls_that_a_script_sets(script: str) -> None:
    workflow = yaml.safe_load(WORKFLOW)
    gate = workflow["jobs"]["gate"]["steps"][1]
    gate["run"] = SCRIPTS[script].format(url=URL)

    found = steps_that_run(workflow, re.compile("sh ci/gate.sh"))

    assert [url for each in found for url in each.values_of("DATABASE_URL")] == ["sqlite:///ci.db", URL]


def test_a_variable_that_a_step_hands_on() -> None:
    hands_on = '- run: echo "DATABASE_URL=${{ matrix.database }}" >> "$GITHUB_ENV"\n      '
    without_env = WORKFLOW[WORKFLOW.index("        env:\n          DATABASE_URL") :]

    assert step(("- run", f"{hands_on}- run"), (without_env, "")).values_of("DATABASE_URL") == ["sqlite:///ci.db", URL]
    assert step(("- run", f"{hands_on}- run")).values_of("DATABASE_URL") == ["sqlite:///ci.db", URL]
    assert step((without_env, f"      {hands_on}")).values_of("DATABASE_URL") == []


@pytest.mark.parametrize(
    "script",
    [
        "sh ci/gate.sh || true",
        "sh ci/gate.sh | tee log",
        "sh ci/gate.sh &",
        "set +e\nsh ci/gate.sh\ntrue",
        "set -u +e; sh ci/gate.sh\n",
        "true ||\nsh ci/gate.sh",
        "if false; then\n  sh ci/gate.sh\nfi",
        "cat > later.sh <<END\nsh ci/gate.sh\nEND",
        "exit 0\nsh ci/gate.sh",
        "echo no tests today; exit 0\nsh ci/gate.sh",
        "later() {\n  sh ci/gate.sh\n}",
        "echo 'how:\nsh ci/gate.sh\nnow'",
        "cd migrations\nsh ci/gate.sh",
    ],
)
def test_a_script_that_hides_a_failure_or_never_gets_there(script: str) -> None:
    workflow = yaml.safe_load(WORKFLOW)
    workflow["jobs"]["gate"]["steps"][1]["run"] = script

    assert steps_that_run(workflow, re.compile("sh ci/gate.sh")) == []


COPIED = "sh ci/gate.sh 2>&1 | tee -a out/gate.log"


@pytest.mark.parametrize(
    ("script", "shell", "counts"),
    [
        (COPIED, "bash", True),
        ('sh ci/gate.sh |& tee "$RUNNER_TEMP/gate.log"', "bash", True),
        ("sh ci/gate.sh > ${{ runner.temp }}/gate.log 2>&1", "sh", True),
        ("sh ci/gate.sh >> gate.log || cat gate.log", "bash", False),
        (f"set -euo pipefail\n{COPIED}", None, True),
        (f"set -o pipefail\n{COPIED}", "bash", True),
        (COPIED, None, False),
        (COPIED, "sh", False),
        (COPIED, "bash {0}", False),
        (f"set -o pipefail\n{COPIED}", "sh", False),
        (f"set +o pipefail\n{COPIED}", "bash", False),
        ("sh ci/gate.sh | grep failed", "bash", False),
        ("sh ci/gate.sh | tee gate.log || true", "bash", False),
        ("true | tee log\necho sh ci/gate.sh | tee log", "bash", False),
    ],
)
def test_whether_the_exit_code_of_a_command_counts_when_its_output_goes_to_a_file(
    script: str, shell: str | None, counts: bool
) -> None:
    workflow = yaml.safe_load(WORKFLOW)
    workflow["jobs"]["gate"]["steps"][1] |= {"run": script} | ({"shell": shell} if shell else {})

    assert bool(steps_that_run(workflow, re.compile("sh ci/gate.sh"))) is counts


LINES = "      - run: |\n          sh ci/gate.sh\n          echo done\n"


@pytest.mark.parametrize(
    ("edits", "stops"),
    [
        (((RUN, f"{LINES}        shell: bash\n"),), True),
        (((RUN, f"{LINES}        shell: bash {{0}}\n"),), False),
        (((RUN, f"{RUN}        shell: bash {{0}}\n"),), True),  # its last line gives the exit code
        (((RUN, LINES), ("    strategy", "    defaults: {run: {shell: 'bash {0}'}}\n    strategy")), False),
    ],
)
def test_a_shell_that_goes_on_after_a_failure(edits: tuple[tuple[str, str], ...], stops: bool) -> None:
    text = WORKFLOW
    for old, new in edits:
        text = text.replace(old, new)

    assert bool(steps_that_run(yaml.safe_load(text), re.compile("sh ci/gate.sh"))) is stops


@pytest.mark.parametrize("name", ["ci.db", "", ":memory:", "file:gate?mode=memory&uri=true"])
def test_a_database_in_memory_is_another_one_for_each_command(name: str) -> None:
    why = step().why_unreachable(f"sqlite:///{name}", "psycopg")
    assert bool(why) is (name != "ci.db")
