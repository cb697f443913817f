"""Starts JupyterLab, and tools that read notebooks, two seconds faster by skipping an unneeded import.

To check the format of IRIs jsonschema imports rfc3987_syntax, which builds a grammar while it is imported. No schema in
Jupyter uses an IRI, and jsonschema works without the package. Import this module before
`nbformat`; run it with `python -m` in place of `jupyterlab`.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # an import of it is an ImportError


if __name__ == "__main__":
    from jupyterlab.labapp import main  # type: ignore[import-untyped]

    sys.exit(main())
