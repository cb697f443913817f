"""What a notebook sees: `from migration_lab.notebook import lab`."""

# Takes effect when it is imported, before `lab`, which takes half a second in a notebook's first cell.
from migration_lab.notebook import interrupts

__all__ = ["interrupts"]
