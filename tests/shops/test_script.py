"""A script of commands does here what it does in a shell, and anything that is not understood is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from migration_lab.ground.errors import LabError
from migration_lab.shops.flask_command import environment
from migration_lab.shops.script import ScriptSyntaxError, run_script
from tests.shops.work import Place

SCRIPTS = {
    "stops at the first failure": "set -eu\nflask db current\nflask db nothing\nflask db heads\n",
    "goes on without it": "flask db nothing\nflask db heads\n",
    "ends with the last failure": "flask db heads\nflask db nothing\n",
    "stops no more": "set -e\nset +e\nflask db nothing\nflask db heads\n",
    "has it by its name": "set -o errexit\nflask db nothing\nflask db heads\n",
    "says something at its end": "flask db nothing\necho done\n",
    "starts modules": "set -e\npython -m flask db heads\npython -m flask db nothing\n",
    "ends early": "set -e\nflask db heads\nexit 3\nflask db nothing\n",
    "sets up, and goes on in the next line": (
        '#!/bin/sh\nset -eu\n: "${DATABASE_URL:?must name a database}"\nexport FLASK_APP=shop\n\n'
        "flask db \\\n    upgrade  # to the head\n"
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell on this system")
def test_a_script_ends_as_in_a_shell(shop: Path, name: str) -> None:
    (shop / "gate.sh").write_text(SCRIPTS[name], encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    in_a_shell = subprocess.run(
        ["sh", "gate.sh"], cwd=shop, env={**environment(shop), "PATH": path}, capture_output=True
    )

    assert run_script(Place(shop), "sh gate.sh").exit_code == in_a_shell.returncode


def test_every_command_runs_where_that_is_asked_for(shop: Path) -> None:
    ran = run_script(Place(shop), SCRIPTS["stops at the first failure"], keep_going=True)

    assert [each.command for each in ran.steps] == ["flask db current", "flask db nothing", "flask db heads"]
    assert ran.failed == ("flask db nothing",)
    assert ran.exit_code != 0
    assert ran.as_text().splitlines()[1] == "FAILED  flask db nothing"
    assert "No such command 'nothing'" in ran.output


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("flask db check || true", "joins, hides or redirects"),
        ("flask db check > /dev/null", "joins, hides or redirects"),
        ("flask db upgrade $TARGET", "has a variable"),
        ("export DATABASE_URL=sqlite:///other.db", "it sets `DATABASE_URL`"),
        ("DATABASE_URL=sqlite:// python -m pytest", "it sets `DATABASE_URL`"),
        ("export PYTEST_ADDOPTS=--collect-only", "it sets `PYTEST_ADDOPTS`"),
        ("set -euo pipefail", "`sh` on Debian and Ubuntu does not know `pipefail`"),
        ("rm -rf instance", "`rm` is not one of the commands"),
        ("python -c pass", "`python` is not one of the commands"),
        ('flask db upgrade "head', "quote that is not closed"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_runs(shop: Path, line: str, why: str) -> None:
    with pytest.raises(ScriptSyntaxError, match=r"Line 2 of the script") as caught:
        run_script(Place(shop), f"flask db upgrade\n{line}\n")
    assert why in caught.value.message
    assert not (shop / "instance" / "shop.db").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sh gate.sh\n", "runs itself"),
        ("sh ../gate.sh\n", "leads out of the shop"),
        ("sh nothing.sh\n", "No such file"),
    ],
)
def test_a_file_that_cannot_be_run_is_named(shop: Path, text: str, why: str) -> None:
    (shop / "gate.sh").write_text(text, encoding="utf-8")
    with pytest.raises(LabError) as caught:
        run_script(Place(shop), "sh gate.sh")
    assert why in caught.value.message


def test_tools_of_the_environment_run_too(shop: Path) -> None:
    (shop / "slow.sql").write_text("CREATE INDEX ix_users_email ON users (email);\n", encoding="utf-8")

    ran = run_script(Place(shop), "squawk --reporter gcc slow.sql")

    assert ran.exit_code == 1
    assert "require-concurrent-index-creation" in ran.output


def test_a_tool_in_python_starts_without_a_grammar_that_no_workflow_needs(shop: Path) -> None:
    """Its only effect is that IRIs are not examined; everything else is."""
    schema = '{"properties": {"name": {"type": "string"}, "home": {"format": "iri"}}}'
    (shop / "schema.json").write_text(schema, encoding="utf-8")
    (shop / "right.json").write_text('{"name": "users", "home": "not an IRI"}', encoding="utf-8")
    (shop / "wrong.json").write_text('{"name": 5}', encoding="utf-8")

    right, wrong = (
        run_script(Place(shop), f"check-jsonschema --schemafile schema.json {name}.json") for name in ("right", "wrong")
    )

    assert right.exit_code == 0, right.output
    assert wrong.exit_code == 1
    assert "5 is not of type 'string'" in wrong.output
