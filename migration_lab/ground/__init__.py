"""Which lessons exist, where things are, databases, and what starts JupyterLab."""
