"""What starts JupyterLab and shapes it."""
