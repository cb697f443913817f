"""Why the environment could not be made: the output of pip or uv, as one sentence and a next step."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from migration_lab.ground.errors import MORE_FILES

AGAIN = "and run the same command again."
ANOTHER_PYTHON = "Use another version of Python"
DELETE = "Delete the folder .venv and try again."


class SetupError(Exception):
    """A problem that a person must fix before the course can start: what is wrong, and what to do now.

    Args:
        cause: the name of one of the `CAUSES`, or nothing.
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True)
class Cause:
    """What a failed command prints, and what it means.

    Attributes:
        name: what the code calls it.
        marks: any of these in the output, in small letters, shows that it is this one.
        meaning: what is wrong; a `{word}` is filled in by `_words`.
        cure: what to do now.
    """

    name: str
    marks: tuple[str, ...]
    meaning: str
    cure: str


# The first that fits is the one: a refusal by a proxy, for example, comes before the failed request that it leads to.
CAUSES = (
    Cause(
        "disk",
        ("no space left on device", "os error 28", "not enough space on the disk"),
        "The disk is full.",
        f"Free about one gigabyte, {AGAIN}",
    ),
    Cause(
        "read-only",
        ("read-only file system", "os error 30"),
        "The folder of the course cannot be written to.",
        "Put the course into a folder of your own, and run the same command there.",
    ),
    Cause(
        "files",
        ("too many open files", "os error 24"),
        "Too few files can be open at the same time.",
        f"{MORE_FILES}, {AGAIN}",
    ),
    Cause(
        "memory",
        ("memory allocation of", "out of memory", "cannot allocate memory", "memoryerror", "os error 12"),
        "There is not enough memory.",
        f"Close other programs, or raise the limit (`ulimit -v unlimited`), {AGAIN}",
    ),
    Cause(
        "uv.toml",
        ("toml parse error",),
        "A configuration file of uv cannot be read.",
        f"Correct the file that is named above, {AGAIN}",
    ),
    Cause(
        "cache",
        ("failed to initialize cache",),
        "The folder in which uv keeps packages cannot be written.",
        f"Set UV_CACHE_DIR to a folder in which you may write, {AGAIN}",
    ),
    Cause(
        "permission",
        ("permission denied", "os error 13", "access is denied"),
        "A file of the environment cannot be written.",
        "Close JupyterLab if it runs; then delete the folder .venv and run the same command again.",
    ),
    Cause(
        "hash",
        ("hash mismatch", "do not match the hashes"),
        "A package is not the one that the lock file names.",
        "Try another network: a proxy may have changed it. Nothing was installed from it.",
    ),
    Cause(
        "date limit",
        ("exclude-newer", "exclude_newer", "upload date, but user provided", "uploaded-prior-to"),
        "uv is set to ignore packages that were published after a certain date, and the course needs newer ones.",
        "{unset_limit}, " + AGAIN,
    ),
    Cause(
        "offline",
        ("network was disabled", "network connectivity is disabled"),
        "uv is set to work offline, and not all packages of the course are in its cache.",
        "{unset_offline}, " + AGAIN,
    ),
    Cause(
        "bundle",
        ("invalid `ssl_cert_file`", "suitable tls ca certificate bundle"),
        "The file that holds the trusted certificates does not exist.",
        f"Correct SSL_CERT_FILE, PIP_CERT or REQUESTS_CA_BUNDLE, {AGAIN}",
    ),
    Cause(
        "certificate",
        ("unknownissuer", "invalid peer certificate", "certificate_verify_failed", "certificate verify failed"),
        "The certificate of {index} is not trusted on this machine; a company's proxy often presents one of its own.",
        f"Set SSL_CERT_FILE to a file with your company's certificates, {AGAIN}",
    ),
    Cause(
        "proxy password",
        ("proxy authorization required", "407 proxy", "proxy authentication required"),
        "The proxy{proxy} wants a name and a password.",
        "Set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT, " + AGAIN,
    ),
    Cause(
        "proxy",
        ("tunnel error", "unsuccessful tunnel", "cannot connect to proxy", "proxyerror", "tunnel connection failed"),
        "The proxy{proxy} does not answer or refuses the connection.",
        "Correct HTTPS_PROXY, or unset it where no proxy is needed, " + AGAIN,
    ),
    Cause(
        "refused",
        ("401 unauthorized", "403 forbidden", "401 error", "403 error"),
        "{Index} refuses this machine.",
        f"Check the name and the password in its address (PIP_INDEX_URL or pip.conf), {AGAIN}",
    ),
    Cause(
        "network",
        (
            "error sending request",
            "dns error",
            "newconnectionerror",
            "name or service not known",
            "name resolution",
            "connection refused",
            "timed out",
            "max retries exceeded",
        ),
        "The packages cannot be fetched{from_mirror}.",
        "Check the network (and the proxy{proxy}, if you use one), " + AGAIN,
    ),
    Cause(
        "missing",
        ("not found in the package registry", "no version of", "no matching distribution", "no solution found"),
        "{Index} does not have {package} for this Python and this system.",
        "{ask_for_it}, " + AGAIN,
    ),
    Cause(
        "network",
        ("failed to fetch", "failed to download"),
        "The packages cannot be fetched{from_mirror}.",
        "Check the network (and the proxy{proxy}, if you use one), " + AGAIN,
    ),
)
PACKAGE = re.compile(r"(?:Because|no version of|No matching distribution found for) ([\w.-]+(?:==[\w.]+)?)(?= |$)")


def explained(output: str, environment: Mapping[str, str] = os.environ) -> SetupError:
    """What a failed command's output means, and what to do now.

    Args:
        output: what the command printed.
        environment: the variables that it ran with.
    """
    flat = " ".join(output.split())  # an older uv breaks its lines
    small = flat.lower()
    cause = next((cause for cause in CAUSES if any(mark in small for mark in cause.marks)), None)
    if cause is None:
        return SetupError(f"The environment could not be made: {output.strip()[-500:]} {DELETE}")
    if cause.name == "missing" and "UV_EXCLUDE_NEWER" in environment:  # nor does an older uv say that this is why
        cause = next(each for each in CAUSES if each.name == "date limit")
    return SetupError(f"{cause.meaning} {cause.cure}".format_map(_words(flat, environment)), cause.name)


def _words(output: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What the sentences name: the index, the package, the proxy, the setting; never a password."""
    mirror = _first(environment, "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    index = f"the package mirror {_host(mirror)}" if mirror else "the package index"
    if environment.get("PIP_NO_INDEX"):
        index = "the folder that pip takes packages from"
    proxy = _first(environment, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
    packages = [each for each in PACKAGE.findall(output) if each not in ("there", "only")]
    return {
        "index": index,
        "Index": index[0].upper() + index[1:],
        "from_mirror": f" from {index}" if mirror else "",
        "proxy": f" {_host(proxy)}" if proxy else "",
        "package": max(packages, key=len, default="a package of the course"),
        "ask_for_it": _ask_for_it(mirror, environment),
        "unset_limit": _unset("UV_EXCLUDE_NEWER", "exclude-newer", environment),
        "unset_offline": _unset("UV_OFFLINE", "offline", environment),
    }


def _ask_for_it(mirror: str, environment: Mapping[str, str]) -> str:
    if environment.get("PIP_NO_INDEX"):
        return "Put it there (PIP_FIND_LINKS), or let pip use an index again (PIP_NO_INDEX or `no-index` in pip.conf)"
    return "Ask its administrators to add it, or use another one (PIP_INDEX_URL)" if mirror else ANOTHER_PYTHON


def _unset(variable: str, key: str, environment: Mapping[str, str]) -> str:
    return f"Unset {variable}" if variable in environment else f"Remove `{key}` from your uv.toml"


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _host(address: str) -> str:
    """Host and port of a URL; what it is without its password."""
    return urlsplit(address if "://" in address else f"//{address}").netloc.rpartition("@")[2] or address
