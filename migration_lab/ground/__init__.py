"""Which lessons exist, where files are, databases, and how JupyterLab starts."""
