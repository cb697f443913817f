"""A package index on this machine, with a certificate that only its own authority has signed."""

import hashlib
import http.server
import io
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHEEL = "tiny-1.0-py3-none-any.whl"
EXTENSIONS = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")


def wheel() -> bytes:
    """The package `tiny`, the same bytes each time."""
    info = "tiny-1.0.dist-info"
    files = {
        "tiny.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def lock() -> str:
    """A lock file that names `tiny` and nothing else."""
    return f"tiny==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel()).hexdigest()}\n"


class Index(http.server.BaseHTTPRequestHandler):
    """Serves `tiny` under /simple, has nothing under /empty, and refuses all under /closed and as a proxy."""

    def do_GET(self) -> None:
        if self.path == "/simple/tiny/":
            self.answer(f'<a href="/files/{WHEEL}">{WHEEL}</a>'.encode(), "text/html")
        elif self.path == f"/files/{WHEEL}":
            self.answer(wheel(), "application/octet-stream")
        else:
            self.send_error(403 if self.path.startswith("/closed") else 404)

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(certificate: Path | None = None) -> Iterator[str]:
    """The address of a running index, with TLS if there is a certificate (a file that also holds its key)."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def certificates(folder: Path) -> tuple[Path, Path]:
    """The certificate of a company's own authority, and one for 127.0.0.1 that it has signed."""
    authority, own = folder / "authority.pem", folder / "own.pem"
    (folder / "extensions").write_text(EXTENSIONS, encoding="utf-8")
    _openssl(folder, "req -x509 -days 2 -subj /CN=Company -out authority.pem", *KEY, "authority.key")
    _openssl(folder, "req -subj /CN=127.0.0.1 -out own.request", *KEY, "own.key")
    signing = "x509 -req -days 2 -in own.request -CA authority.pem -CAkey authority.key -CAcreateserial"
    _openssl(folder, f"{signing} -extfile extensions -out own.pem")
    own.write_text(own.read_text("utf-8") + (folder / "own.key").read_text("utf-8"), encoding="utf-8")
    return authority, own


def _openssl(folder: Path, command: str, *more: str) -> None:
    subprocess.run(["openssl", *command.split(), *more], cwd=folder, check=True, capture_output=True)
