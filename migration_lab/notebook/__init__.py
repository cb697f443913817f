"""What a notebook sees: `from migration_lab.notebook import lab`."""
