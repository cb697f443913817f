"""Asserts prove what a lesson claims, so nothing may remove them."""

import sys

from migration_lab.ground.errors import LabError


def require_asserts() -> None:
    """Refuse to go on where Python leaves out every assert: a cell that proves nothing would pass.

    Raises:
        LabError: Python runs with -O, or PYTHONOPTIMIZE is set.
    """
    if sys.flags.optimize:
        raise LabError(
            "This Python skips every assert, so no cell proves anything: PYTHONOPTIMIZE is set, or it runs with -O.",
            "Unset PYTHONOPTIMIZE, and start it again without -O.",
        )
