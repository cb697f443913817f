"""The check of other machines: its files fit each other, and the workflow is one that GitHub accepts."""

import ast
import re
import runpy
import subprocess
import sys
from typing import Any

import pytest
import yaml

from migration_lab.ground import course, installation, places, setup_checks, setup_errors

ROOT = places.course_root()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CONTAINERS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "machines").glob("*.Containerfile")}
CHECK = runpy.run_path(str(ROOT / "machines/check.py"))
WHEELS = runpy.run_path(str(ROOT / "machines/wheels.py"))


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    """The jobs of the workflow."""
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/machines.yml").read_text("utf-8"))["jobs"]
    return found


def test_github_accepts_the_workflows() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *map(str, WORKFLOWS),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_container_is_built(jobs: dict[str, Any]) -> None:
    assert jobs["containers"]["strategy"]["matrix"]["machine"] == sorted(CONTAINERS)
    for name, text in CONTAINERS.items():
        assert re.match(r"FROM [a-z]+:[a-z-]+\n", text), name


def test_every_python_that_run_py_looks_for_is_tried(jobs: dict[str, Any]) -> None:
    (names,) = (
        ast.literal_eval(each.value)
        for each in ast.parse((ROOT / "run.py").read_text("utf-8")).body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "NAMES"
    )
    pythons = sorted(re.findall(r"3\.\d+", " ".join(names)))
    assert pythons == jobs["pythons"]["strategy"]["matrix"]["python"] == list(WHEELS["PYTHONS"])


def test_each_container_sets_the_course_up_or_reads_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = {name for name, text in CONTAINERS.items() if "machines/check.py" not in text}
    assert refusing == {"alpine"}
    (looked_for,) = re.findall(r'grep "(.*?)"', CONTAINERS["alpine"])
    monkeypatch.setattr("sysconfig.get_config_var", lambda _: "musl")
    with pytest.raises(setup_errors.SetupError, match=looked_for):
        setup_checks.refuse_unfit(ROOT)


def test_what_the_doctor_calls_a_problem_is_seen() -> None:
    said = (
        "ok       Python      Python 3.14.0 runs the lab.\nproblem  Postgres    There is no server.\n         problem x"
    )
    assert CHECK["problems"](said) == {"Postgres"}


def test_the_packages_that_alpine_lacks_are_still_in_the_lock() -> None:
    names = {block.partition("==")[0] for block in installation.requirements(installation.LOCKS["lab"])}
    assert set(setup_checks.WITHOUT_MUSL) <= names


def test_the_check_runs_a_lesson_that_exists() -> None:
    (name,) = re.findall(r"my_work/notebooks/(\w+)\.ipynb", (ROOT / "machines/check.py").read_text("utf-8"))
    assert name in [lesson.slug for lesson in course.lessons()]
