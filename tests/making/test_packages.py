"""The files that say which packages the course needs agree with each other."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from migration_lab.ground import places
from migration_lab.ground.installation import LOCKS, requirements
from migration_lab.making import environment_file

ROOT = places.course_root()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
WANTED = {
    "lab": PROJECT["dependencies"] + EXTRAS["setup"],
    "test": PROJECT["dependencies"] + [each for group in EXTRAS.values() for each in group],
}
ADDRESS = re.compile(r"\w+://|\bgit@|^\s*--(index|extra|find)", re.MULTILINE)


def locked(kind: str) -> dict[str, Requirement]:
    found = [Requirement(block.split("\\")[0].strip()) for block in requirements(LOCKS[kind])]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def version(requirement: Requirement) -> Version:
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


@pytest.mark.parametrize("kind", ["lab", "test"])
def test_a_lock_has_every_package_that_pyproject_asks_for(kind: str) -> None:
    found = locked(kind)
    for text in WANTED[kind]:
        wanted = Requirement(text)
        assert canonicalize_name(wanted.name) in found, f"{text} is missing; run `python run.py build --locks`"
        assert wanted.specifier.contains(version(found[canonicalize_name(wanted.name)]), prereleases=True), text


@pytest.mark.parametrize("kind", ["lab", "test"])
def test_every_locked_package_has_hashes(kind: str) -> None:
    for block in requirements(LOCKS[kind]):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block.splitlines()[0]


@pytest.mark.parametrize("kind", ["lab", "test"])
def test_a_lock_names_no_address(kind: str) -> None:
    assert not ADDRESS.search(LOCKS[kind].read_text(encoding="utf-8"))


def test_maintainers_have_what_learners_have() -> None:
    """So that one environment serves both, and what the tests prove is what learners run."""
    maintainers = {name: str(requirement.specifier) for name, requirement in locked("test").items()}
    learners = {name: str(requirement.specifier) for name, requirement in locked("lab").items()}
    assert {name: maintainers.get(name) for name in learners} == learners


def test_the_environment_for_conda_and_binder_is_that_of_pyproject() -> None:
    data = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, packages = data["dependencies"]
    assert (python, pip) == (f"python{PROJECT['requires-python']}", "pip")
    *found, course = packages["pip"]
    assert course == "--editable ."
    assert {str(Requirement(each)) for each in found} == {str(Requirement(each)) for each in PROJECT["dependencies"]}
    assert not ADDRESS.search((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_environment_yml_is_what_a_fresh_build_makes() -> None:
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == environment_file.text()
