"""The settings that let arrow keys reach a quiz still fit the JupyterLab that is installed.

JupyterLab's command mode takes the arrow keys wherever the focus is. jupyter/overrides.json turns four of its shortcuts
off and on again for a focused cell only. The radio buttons of ipywidgets have no name, so that a browser would take all
of a page for one group; the course's extension gives those of each question one.
"""

import json
import sys
from pathlib import Path
from typing import Any

SHORTCUTS = "@jupyterlab/shortcuts-extension:shortcuts"
LABS_OWN = Path(sys.prefix, "share/jupyter/lab/schemas/@jupyterlab/notebook-extension/tracker.json")
ARROWS = {"ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"}


def ours() -> list[dict[str, Any]]:
    text = (Path(__file__).parents[2] / "jupyter" / "overrides.json").read_text(encoding="utf-8")
    shortcuts: list[dict[str, Any]] = json.loads(text)[SHORTCUTS]["shortcuts"]
    return shortcuts


def labs_own() -> list[dict[str, Any]]:
    found = json.loads(LABS_OWN.read_text(encoding="utf-8"))["jupyter.lab.shortcuts"]
    return [
        each for each in found if set(each["keys"]) <= ARROWS and each["keys"] and each["selector"].endswith(" :focus")
    ]


def test_each_arrow_shortcut_of_lab_is_turned_off_and_on_again_for_cells() -> None:
    assert {each["keys"][0] for each in labs_own()} == ARROWS
    for each in labs_own():
        where = each["selector"].removesuffix(":focus")
        off = {"command": each["command"], "keys": each["keys"], "selector": each["selector"], "disabled": True}
        on = {"command": each["command"], "keys": each["keys"], "selector": f"{where}.jp-Cell:focus"}
        assert off in ours()
        assert on in ours()


def test_there_is_nothing_else() -> None:
    assert len(ours()) == 2 * len(labs_own())
