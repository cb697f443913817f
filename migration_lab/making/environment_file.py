"""environment.yml for conda and Binder, from pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

from migration_lab.ground import places

HEADER = """\
# For conda and Binder. Made from pyproject.toml by `make build`; a test holds the two equal.
# Everything but Python comes as wheels, as in requirements.lock: that is where the Postgres server is.
"""


def path() -> Path:
    """The file that conda and Binder look for."""
    return places.course_root() / "environment.yml"


def project() -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((places.course_root() / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(table["project"])


def text() -> str:
    """The text of environment.yml."""
    wanted = project()
    lines = [f"name: {wanted['name']}", "channels:", "  - conda-forge", "  - nodefaults", "dependencies:"]
    lines += [f'  - "python{wanted["requires-python"]}"', "  - pip", "  - pip:"]
    lines += [f"      - {_quoted(requirement)}" for requirement in sorted(wanted["dependencies"])]
    lines.append('      - "--editable ."')
    return HEADER + "\n".join(lines) + "\n"


def _quoted(requirement: str) -> str:
    return '"' + requirement.replace('"', "'") + '"'
