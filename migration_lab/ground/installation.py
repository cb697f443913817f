"""Creates the `.venv` from a lock file and runs the course in it; needs only the standard library.

The environment is created once: a stamp in `.venv` names its lock and is written last, so that a run that was
interrupted is simply repeated. Every package is checked against its hash before it is installed.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from migration_lab.ground import network_settings, places, setup_checks
from migration_lab.ground.setup_errors import AGAIN, SetupError, explained

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"lab": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}

LESSON = r"\d\d?(\.\d+|_\w+)?"  # 02, 02.1, 02_first_migration

USAGE = """\
usage: python run.py lab [options of JupyterLab]     start the course in the browser
       python run.py test [options of pytest]        prove every claim of the course
       python run.py test 04                         prove one lesson (04) or one exercise (04.1)
       python run.py build [--check] [--locks]       make the notebooks and the other derived files

`make lab`, `make test` and `make build` do the same."""

# Settings for another project must not affect this one.
FOREIGN = ("PIP_", "UV_PYTHON", "UV_PROJECT", "UV_REQUIRE", "UV_CONSTRAINT", "UV_OVERRIDE", "FLASK_", "SQLALCHEMY_")
DROPPED = (
    *("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "DATABASE_URL", "MAKEFLAGS", "MFLAGS"),
    "UV_SYSTEM_PYTHON",
    # With it no bytecode is kept, and each process compiles all that it imports: three times as slow.
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONOPTIMIZE",  # it removes every assert, and a cell that proves nothing would pass
)
PIP = ("-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off")
# Where pip may do better than uv: it can ask other indexes, a keyring, or the system's own store of certificates.
WORTH_PIP = ("certificate", "refused", "missing")

# How the lines begin that uv and pip print about each package.
OF_PACKAGES = (
    *(" + ", " - ", " ~ ", "Looking in ", "Collecting ", "  Downloading ", "  Using cached ", "Requirement already"),
    *("Installing collected ", "Successfully "),
)


def main(arguments: list[str]) -> int:
    """Carry out a command of `run.py`.

    Args:
        arguments: the command's name and its options.

    Returns:
        The exit code for the shell.
    """
    command, options = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in ("lab", "test", "build"):
        print(USAGE)
        return 0 if command in ("-h", "--help", "help") else 2
    if moved := places.ensure_home():
        say(moved)
    try:
        prepare("lab" if command == "lab" else "test")
        if command == "lab":
            return run_in_environment(["-m", "migration_lab.teaching.progress.first_page", *options])
        if command == "build":
            return run_in_environment(["-m", "migration_lab.making", *options])
        if options and re.fullmatch(LESSON, options[0]):
            return run_in_environment(["-m", "migration_lab.cli", "prove", *options])
        workers = cores() + 1  # lessons and their checks wait a lot: for locks, for requests
        return run_in_environment(["-m", "pytest", "-n", str(workers), *options])
    except SetupError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(explained(str(error)), file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again when you like; it continues from there.", file=sys.stderr)
        return 130
    return 1


def prepare(kind: str) -> None:
    """Make `.venv` match the lock file; do nothing if it already does.

    Args:
        kind: `lab` for what a learner needs, `test` for what a maintainer needs in addition.

    Raises:
        SetupError: the environment cannot be created.
    """
    if is_ready(kind):
        return
    setup_checks.refuse_unfit(ROOT)
    say("Setting up the environment in .venv. This is done once and takes less than a minute on a fast network.")
    stamp_file().unlink(missing_ok=True)
    make_venv()
    install(LOCKS[kind])
    written = stamp_file().with_suffix(".new")
    written.write_text(stamp(kind), encoding="utf-8")
    written.replace(stamp_file())


def is_ready(kind: str) -> bool:
    """Whether `.venv` matches this lock; the maintainers' environment includes the learners'."""
    try:
        found = stamp_file().read_text(encoding="utf-8")
    except OSError:
        return False
    wanted = [stamp(each) for each in ("lab", "test") if each in (kind, "test")]
    return found in wanted and python().exists()


def stamp(kind: str) -> str:
    """The inputs of the environment: the lock, the package's own settings, the Python, the folder."""
    digest = hashlib.sha256()
    for path in (
        LOCKS[kind],
        ROOT / "pyproject.toml",
        *sorted(each for each in (ROOT / "jupyter").rglob("*") if each.is_file()),
    ):
        digest.update(path.read_bytes())
    return f"{kind} {digest.hexdigest()} {ROOT}\n"


def venv() -> Path:
    return ROOT / ".venv"


def stamp_file() -> Path:
    return venv() / "made-from"


def scripts() -> Path:
    """Where the environment keeps its commands."""
    return venv() / ("Scripts" if os.name == "nt" else "bin")


def python() -> Path:
    return scripts() / ("python.exe" if os.name == "nt" else "python")


def make_venv() -> None:
    """Create `.venv` again, unless its Python runs and is new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
    if python().exists() and quiet([str(python()), "-c", check]):
        return
    if venv().exists():
        shutil.rmtree(venv())
    uv = find_uv()
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(venv())])
        return
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(venv())], capture_output=True, text=True, errors="replace", env=clean()
    )
    if made.returncode != 0:
        output = made.stdout + made.stderr
        shutil.rmtree(venv(), ignore_errors=True)
        if "ensurepip" in output or "No module named venv" in output:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupError(
                "This Python cannot make environments: its venv module is incomplete. "
                f"On Debian and Ubuntu: sudo apt install python{version}-venv. Or install uv. Then run this again."
            )
        raise explained(output)


def install(lock: Path) -> None:
    """Install exactly the lock's packages, each checked against its hash, then the course itself."""
    env = for_packages()
    # Without an index, all comes from folders that pip knows.
    uv = None if env.get("PIP_NO_INDEX") else find_uv() or fetch_uv(lock, env)
    if uv:
        try:
            run([uv, "pip", "sync", "--require-hashes", "--python", str(python()), str(lock)], env)
        except SetupError as error:
            if error.cause not in WORTH_PIP:
                raise
            say("uv cannot fetch the packages here; trying pip.")
            install_with_pip(lock, env, error)
        course = [uv, "pip", "install", "--quiet", "--python", str(python())]
    else:
        install_with_pip(lock, env)
        course = [str(python()), *PIP]
    if not holds_packages(lock):
        raise SetupError("uv put the packages elsewhere. Remove `target` and `prefix` from your uv.toml, " + AGAIN)
    run([*course, "--no-deps", "--no-build-isolation", "--editable", "."], env)  # a path with `#` would be cut there


def holds_packages(lock: Path) -> bool:
    """Whether the lock's first package is in the environment itself."""
    name = requirements(lock)[0].partition("==")[0]
    return quiet([str(python()), "-I", "-c", f"import importlib.metadata; importlib.metadata.version({name!r})"])


def for_packages() -> dict[str, str]:
    """The environment for what fetches packages: with the index, the certificates and the proxy that pip knows."""
    pips = [[str(python()), "-m", "pip"], [sys.executable, "-m", "pip"], ["pip3"], ["pip"]]
    return network_settings.added(clean(), pips)


def install_with_pip(lock: Path, env: dict[str, str], earlier: SetupError | None = None) -> None:
    """Install the lock's packages with pip, all but uv, which may not exist for this machine.

    Args:
        env: the environment for pip.
        earlier: why uv failed; raised if pip fails too, because uv says more about the cause.
    """
    if not has_pip():
        raise earlier or SetupError("This Python has no pip. Install it, or another Python, and run this again.")
    rest = requirements_file([block for block in requirements(lock) if not block.startswith("uv==")])
    try:
        run([str(python()), *PIP, "--require-hashes", "-r", rest], env)
    except SetupError as error:
        raise earlier or error from None


def has_pip() -> bool:
    """Whether the environment has a pip; uv makes one without, and most Pythons can add it."""
    return quiet([str(python()), "-m", "pip", "--version"]) or quiet([str(python()), "-m", "ensurepip"])


def find_uv() -> str | None:
    """A uv that runs and can check hashes: the environment's own, or the one on PATH."""
    for name in (str(scripts() / "uv"), shutil.which("uv")):
        if name and quiet([name, "pip", "sync", "--require-hashes", "--help"]):
            return name
    return None


def fetch_uv(lock: Path, env: dict[str, str]) -> str | None:
    """Install uv into the environment with pip, checked against the lock's hash; None if this machine has no uv."""
    only_uv = requirements_file([block for block in requirements(lock) if block.startswith("uv==")])
    try:
        run([str(python()), *PIP, "--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", only_uv], env)
    except SetupError as error:
        if error.cause != "missing":
            raise
    return find_uv()


def requirements(lock: Path) -> list[str]:
    """The lock's requirements, each with the hashes that belong to it."""
    blocks: list[str] = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.startswith(" ") and blocks:
            blocks[-1] += "\n" + line
        elif line and not line.startswith("#"):
            blocks.append(line)
    return blocks


def requirements_file(blocks: list[str]) -> str:
    """The path of a file with these requirements, hidden in `.venv`."""
    path = venv() / "requirements-part.txt"
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return str(path)


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    """Run a command and show its output; a failure raises the message that fits what it printed.

    Args:
        env: its environment; by default the one for everything that runs here.
    """
    env = clean() if env is None else env
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=env, cwd=ROOT
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            # The list of a hundred packages does not help a learner.
            if not line.startswith(OF_PACKAGES):
                print(line, end="", flush=True)
    if process.returncode != 0:
        raise explained("".join(said), env)


def quiet(command: list[str]) -> bool:
    """Whether a command runs and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, env=clean(), timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def clean() -> dict[str, str]:
    """The environment for everything that runs here: nothing from other projects, its own commands first on PATH."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name in network_settings.OF_NETWORK or not (name in DROPPED or name.startswith(FOREIGN))
    }
    env["PATH"] = os.pathsep.join([str(scripts()), env.get("PATH", os.defpath)])
    env["VIRTUAL_ENV"] = str(venv())
    return env


def run_in_environment(arguments: list[str]) -> int:
    """Become the environment's Python with these arguments; on Windows, run it and wait."""
    command = [str(python()), *arguments]
    os.chdir(ROOT)
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(command[0], command, clean())
    with subprocess.Popen(command, env=clean()) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the child received it too, and decides
                continue


def cores() -> int:
    """How many processes this machine can run in parallel."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say(sentence: str) -> None:
    print(sentence, flush=True)
