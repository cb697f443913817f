"""The network as pip and uv see it while the environment is made: index, certificates, proxy.

What pip knows, uv learns, and both use the system's certificates. Nothing else from a pip.conf has an effect: `user`,
`target`, `prefix` and `require-virtualenv` would send the packages elsewhere, or stop pip.
"""

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# Settings of pip that say how to reach packages, as variables.
OF_NETWORK = tuple(
    f"PIP_{name}"
    for name in (
        *("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "KEYRING_PROVIDER"),
        *("CERT", "CLIENT_CERT", "PROXY", "DEFAULT_TIMEOUT", "TIMEOUT", "RETRIES"),
    )
)
# Where Linux distributions and macOS keep their certificates: Debian, Fedora, openSUSE, Alpine and macOS.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def added(environment: Mapping[str, str], pips: list[list[str]]) -> dict[str, str]:
    """The environment in which pip and uv fetch the packages.

    Args:
        environment: without settings for other projects.
        pips: commands that may be a pip; the first that runs is asked for its configuration.
    """
    env = {**known_to_pip(listed(pips)), **environment}
    env["PIP_CONFIG_FILE"] = os.devnull  # so that no pip.conf is read
    _share_certificates(env)
    _share(env, "PIP_INDEX_URL", "UV_INDEX_URL", unless=("UV_DEFAULT_INDEX", "UV_INDEX"))
    _share(env, "PIP_TRUSTED_HOST", "UV_INSECURE_HOST")
    _share(env, "PIP_CLIENT_CERT", "SSL_CLIENT_CERT")
    if proxy := env.get("PIP_PROXY"):
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            if not env.get(name.lower()):
                env.setdefault(name, proxy if "://" in proxy else f"http://{proxy}")
    return env


def _share(env: dict[str, str], of_pip: str, of_uv: str, unless: tuple[str, ...] = ()) -> None:
    if of_pip in env and not any(name in env for name in unless):
        env.setdefault(of_uv, env[of_pip])


def _share_certificates(env: dict[str, str]) -> None:
    """One set of trusted certificates for both: the one that pip is told to use, or the system's."""
    told = next((env[name] for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if env.get(name)), None)
    if told:
        env.setdefault("SSL_CERT_FILE", told)
        return
    systems = env.get("SSL_CERT_FILE") or system_certificates()
    if systems and sys.platform == "linux":  # elsewhere pip finds them by itself, from version 24.2 on
        env["PIP_CERT"] = systems
    # A small container may hold none; then uv's own are better.
    if (systems or sys.platform != "linux") and not env.keys() & {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"}:
        env["UV_SYSTEM_CERTS"] = env["UV_NATIVE_TLS"] = "true"  # the second name is for a uv before 0.11


def system_certificates() -> str | None:
    """The file with the certificates that this system trusts, if there is one."""
    candidates = (ssl.get_default_verify_paths().cafile, *BUNDLES)
    return next((path for path in candidates if path and Path(path).is_file()), None)


def listed(pips: list[list[str]]) -> str:
    """What `pip config list` prints, by the first of these commands that is a pip; nothing if there is none."""
    # With every PIP_ variable: PIP_CONFIG_FILE names one of the files.
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    for pip in pips:
        try:
            done = subprocess.run(
                [*pip, "--disable-pip-version-check", "config", "list"],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return done.stdout
    return ""


def known_to_pip(listing: str) -> dict[str, str]:
    """The settings of the network in `pip config list`, as variables; those for `pip install` win over global ones."""
    found: dict[str, str] = {}
    for section in ("global.", "install."):
        for line in listing.splitlines():
            key, _, value = line.partition("=")
            name = "PIP_" + key.removeprefix(section).upper().replace("-", "_")
            if key.startswith(section) and name in OF_NETWORK:
                found[name] = " ".join(str(ast.literal_eval(value)).split())
    return found
