"""Starts and configures JupyterLab."""
