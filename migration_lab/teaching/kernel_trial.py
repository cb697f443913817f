"""Starts a kernel as JupyterLab does, and says what became of it; the doctor runs this in a process of its own."""

import ast
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass

from migration_lab.ground.jupyter import start

START_SECONDS = 60


@dataclass(frozen=True)
class Tried:
    """What became of a kernel.

    Attributes:
        folder: that of the kernelspec.
        program: what it starts.
        python: the Python that answered; empty if none did.
        said: if none did, the reason.
    """

    folder: str = ""
    program: str = ""
    python: str = ""
    said: str = ""


def try_kernel() -> Tried:
    """Start a kernel with the environment that JupyterLab would have, and ask it which Python it is."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],
        env=start.lab_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    try:
        return Tried(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        return Tried(said=last_line(done.stderr))


def main() -> None:
    """Print what became of a kernel, as JSON."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import KernelManager

    spec = KernelSpecManager().get_kernel_spec("python3")
    python = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            manager = KernelManager(kernel_name="python3", transport_encryption="auto")
            manager.start_kernel(stdout=subprocess.DEVNULL, stderr=errors)
            client = manager.client()
            client.start_channels()
            try:
                client.wait_for_ready(timeout=START_SECONDS)
                reply = client.execute_interactive(
                    "import sys",
                    timeout=START_SECONDS,
                    # Not printed: threads of the kernel print too.
                    user_expressions={"python": "sys.executable"},
                    output_hook=lambda _: None,
                )
                if reply["content"]["status"] != "ok":
                    raise RuntimeError(reply["content"].get("evalue", "it answers with an error"))
                python = ast.literal_eval(reply["content"]["user_expressions"]["python"]["data"]["text/plain"])
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
            said = ""
        except Exception as error:
            errors.seek(0)
            said = last_line(errors.read()) or f"{type(error).__name__}: {error}"
    print(json.dumps(asdict(Tried(spec.resource_dir, spec.argv[0], python, said))))


def last_line(text: str) -> str:
    """The last line that says something: of a traceback, the error."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


if __name__ == "__main__":
    main()
