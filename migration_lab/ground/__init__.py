"""Which lessons exist, where files are, databases and connections to them, and how JupyterLab starts."""
