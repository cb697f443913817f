"""The shell of JupyterLab's terminals."""

from migration_lab.ground.jupyter.terminal.shell import environment, shell_command

__all__ = ["environment", "shell_command"]
