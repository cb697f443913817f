"""Which lessons exist, where things are, databases and connections to them, and what starts JupyterLab."""
