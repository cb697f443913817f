"""What a notebook sees: `from migration_lab.notebook import lab`."""

from IPython import get_ipython

from migration_lab.notebook import interrupts

interrupts.install(get_ipython())  # before `lab` is imported, which takes half a second in a notebook's first cell
