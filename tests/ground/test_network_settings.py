"""The set-up in the network of a company, with the real pip and uv: a small course is installed from a local index."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_lab.ground import installation, network_settings, setup_errors
from tests.ground import local_index

COURSE = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "course"
version = "1"
"""
BACKEND = """\
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "course-1.dist-info"
    with zipfile.ZipFile(folder + "/course-1-py3-none-any.whl", "w") as archive:
        archive.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: course\\nVersion: 1\\n")
        archive.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "/RECORD", "")
    return "course-1-py3-none-any.whl"
"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return local_index.certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def authority(signed: tuple[Path, Path]) -> str:
    """The company's certificate, which no system knows."""
    return str(signed[0])


@pytest.fixture(scope="module")
def https(signed: tuple[Path, Path]) -> Iterator[str]:
    with local_index.served(signed[1]) as address:
        yield address


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    with local_index.served() as address:
        yield address


@pytest.fixture(scope="module")
def dead() -> Iterator[str]:
    """An address where nothing listens; its port is kept, or another test's server could get it meanwhile."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@pytest.fixture(scope="module")
def with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("environments") / "with_pip"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def course(tmp_path: Path, with_pip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one package, in a home with no settings; nothing of this machine's network reaches it.

    Its folder has a `#` in its name, at which a URL would be cut.
    """
    root = tmp_path / "C# course"
    (root / "jupyter").mkdir(parents=True)
    for name, text in {"pyproject.toml": COURSE, "backend.py": BACKEND, "lock": local_index.lock()}.items():
        (root / name).write_text(text, encoding="utf-8")
    shutil.copytree(with_pip, root / ".venv", symlinks=True)
    (tmp_path / "home").mkdir()
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "UV_", "SSL_", "XDG_", "REQUESTS_", "CURL_")) or name.lower().endswith(
            "proxy"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "1")  # pip says why it tries again, and nothing when it stops
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)  # no pip.conf, not even the machine's
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    monkeypatch.setattr(installation, "find_uv", lambda: uv)
    monkeypatch.setattr(installation, "ROOT", root)
    monkeypatch.setattr(installation, "LOCKS", {"lab": root / "lock", "test": root / "lock"})
    return root


def pip_conf(text: str) -> None:
    """Write the pip.conf of the user."""
    folder = Path.home() / ".config/pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(text, encoding="utf-8")
    del os.environ["PIP_CONFIG_FILE"]  # the fixture brings it back


def uv_toml(text: str) -> None:
    """Write the uv.toml of the user."""
    folder = Path.home() / ".config/uv"
    folder.mkdir(parents=True)
    (folder / "uv.toml").write_text(text, encoding="utf-8")


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, course: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once with uv, and once on a machine that has no uv."""
    if request.param == "pip":
        monkeypatch.setattr(installation, "find_uv", lambda: None)
        monkeypatch.setattr(installation, "fetch_uv", lambda *_: None)
    return str(request.param)


def installed(name: str = "tiny") -> bool:
    """Whether the package is in the environment, and not elsewhere."""
    return bool(list(installation.venv().rglob(f"{name}-1*.dist-info")))


def refused() -> str:
    """The sentence with which the set-up fails."""
    with pytest.raises(setup_errors.SetupError) as error:
        installation.prepare("lab")
    return str(error.value)


# ------------------------------------------------------------------------------------------------------ certificates


@pytest.mark.usefixtures("installer")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "PIP_CERT"])
def test_a_certificate_that_one_tool_knows_serves_both(
    name: str, https: str, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{https}/simple")
    monkeypatch.setenv(name, authority)
    installation.prepare("lab")
    assert installed()
    assert installed("course")


@pytest.mark.usefixtures("installer")
def test_an_unknown_certificate_is_named(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{https}/simple")
    said = refused()
    assert said.startswith(f"The certificate of the package mirror {https.removeprefix('https://')} is not trusted")
    assert "Set SSL_CERT_FILE" in said


@pytest.mark.usefixtures("course")
def test_the_systems_certificates_are_used_from_the_beginning(authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_settings, "system_certificates", lambda: authority)
    env = network_settings.added({}, [])
    assert (env["UV_SYSTEM_CERTS"], env["UV_NATIVE_TLS"]) == ("true", "true")
    if sys.platform == "linux":
        assert env["PIP_CERT"] == authority


@pytest.mark.usefixtures("course")
def test_what_the_user_says_about_certificates_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    env = network_settings.added(installation.clean(), [])
    assert env["UV_SYSTEM_CERTS"] == "false"
    assert "UV_NATIVE_TLS" not in env


@pytest.mark.usefixtures("installer")
def test_a_file_of_certificates_that_does_not_exist_is_named(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{https}/simple")
    monkeypatch.setenv("PIP_CERT", "/nowhere/company.pem")
    assert refused().startswith("The file that holds the trusted certificates does not exist. Correct SSL_CERT_FILE")


# ----------------------------------------------------------------------------------------------------------- mirrors


@pytest.mark.usefixtures("course")
def test_a_mirror_in_pip_conf_serves_uv(http: str) -> None:
    pip_conf(f"[global]\nindex-url = {http}/simple\n")
    installation.prepare("lab")
    assert installed()


@pytest.mark.usefixtures("course")
def test_what_uv_is_told_wins_over_what_pip_knows(http: str, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{http}/simple")
    pip_conf(f"[global]\nindex-url = {dead}/simple\n")
    installation.prepare("lab")
    assert installed()


@pytest.mark.usefixtures("course")
def test_pip_helps_where_uv_cannot(http: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Only pip asks other indexes as well; the environment that uv has made gets one first."""
    shutil.rmtree(installation.venv())
    pip_conf(f"[global]\nindex-url = {http}/empty\n[install]\nextra-index-url =\n  {http}/closed\n  {http}/simple\n")
    installation.prepare("lab")
    assert installed()
    assert "uv cannot fetch the packages here; trying pip." in capfd.readouterr().out


@pytest.mark.usefixtures("course")
def test_without_an_index_pip_takes_all_from_its_folders(tmp_path: Path) -> None:
    (tmp_path / local_index.WHEEL).write_bytes(local_index.wheel())
    pip_conf(f"[global]\nno-index = true\nfind-links = {tmp_path}\n")
    installation.prepare("lab")
    assert installed()


@pytest.mark.usefixtures("course")
def test_a_folder_without_the_package_is_named() -> None:
    pip_conf("[global]\nno-index = true\n")
    said = refused()
    assert said.startswith("The folder that pip takes packages from does not have tiny")
    assert "`no-index` in pip.conf" in said
    assert "version of Python" not in said


@pytest.mark.usefixtures("installer")
def test_a_mirror_without_the_package_is_named(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", http.replace("//", "//name:secret@") + "/empty")
    host = http.removeprefix("http://")
    said = refused()
    assert said.startswith(f"The package mirror {host} does not have tiny")
    assert "Ask its administrators to add it" in said
    assert "secret" not in said


@pytest.mark.usefixtures("course")
def test_a_mirror_that_refuses_is_named(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{http}/closed")
    assert refused().startswith(
        f"The package mirror {http.removeprefix('http://')} refuses this machine. Check the name"
    )


# ------------------------------------------------------------------------------------------------ proxies and limits


@pytest.mark.usefixtures("installer")
def test_a_dead_proxy_is_named(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.invalid/simple")
    monkeypatch.setenv("HTTPS_PROXY", dead)
    host = dead.removeprefix("http://")
    assert refused().startswith(f"The proxy {host} does not answer or refuses the connection. Correct HTTPS_PROXY")


@pytest.mark.usefixtures("installer")
def test_a_proxy_that_wants_a_password_is_named(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.invalid/simple")
    pip_conf(f"[global]\nproxy = {http.removeprefix('http://')}\n")
    said = refused()
    assert said.startswith("The proxy")
    assert "wants a name and a password. Set HTTPS_PROXY to http://NAME:PASSWORD@" in said


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("variable", [True, False])
def test_a_date_limit_is_named(variable: bool, http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{http}/simple")
    if variable:
        monkeypatch.setenv("UV_EXCLUDE_NEWER", "2020-01-01")
    else:
        uv_toml('exclude-newer = "2020-01-01"\n')
    said = refused()
    assert said.startswith("uv is set to ignore packages that were published after a certain date")
    assert ("Unset UV_EXCLUDE_NEWER, " if variable else "Remove `exclude-newer` from your uv.toml, ") in said


@pytest.mark.usefixtures("course")
def test_work_without_a_network_is_named(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{http}/simple")
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert refused().startswith("uv is set to work offline, and not all packages of the course are in its cache. Unset")


@pytest.mark.usefixtures("course")
def test_a_dead_index_is_a_matter_of_the_network(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{dead}/simple")
    assert refused().startswith("The packages cannot be fetched from the package mirror 127.0.0.1:")


# -------------------------------------------------------------------------------------------- pip's own configuration


@pytest.mark.usefixtures("installer")
@pytest.mark.parametrize("setting", ["user = true", "target = {}/elsewhere"])
def test_packages_go_into_the_environment_whatever_pip_is_set_to(setting: str, http: str) -> None:
    pip_conf(
        f"[global]\nindex-url = {http}/simple\nrequire-virtualenv = true\n[install]\n{setting.format(Path.home())}\n"
    )
    installation.prepare("lab")
    assert installed()
    assert installed("course")
    assert not (Path.home() / "elsewhere").exists()


@pytest.mark.usefixtures("course")
def test_packages_that_uv_puts_elsewhere_are_missed(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The course needs one of them to be built.
    (installation.ROOT / "backend.py").write_text(f"import tiny\n{BACKEND}", encoding="utf-8")
    monkeypatch.setenv("PIP_INDEX_URL", f"{http}/simple")
    uv_toml(f'[pip]\ntarget = "{Path.home()}/elsewhere"\n')
    assert refused().startswith("uv put the packages elsewhere. Remove `target` and `prefix` from your uv.toml")


def test_an_older_uv_does_not_say_that_a_date_limit_hides_a_package() -> None:
    said = "Because there is no version of tiny==1.0 and you require tiny==1.0"
    assert setup_errors.explained(said, {}).cause == "missing"
    assert setup_errors.explained(said, {"UV_EXCLUDE_NEWER": "2020-01-01"}).cause == "date limit"


def test_of_pips_configuration_only_the_network_is_read() -> None:
    listing = (
        ":env:.index-url='https://env/'\nglobal.index-url='https://global/'\nglobal.user='true'\n"
        "global.timeout='60'\ninstall.index-url='https://install/'\ninstall.extra-index-url='\\nhttps://a/\\nhttps://b/'\n"
    )
    assert network_settings.known_to_pip(listing) == {
        "PIP_INDEX_URL": "https://install/",
        "PIP_TIMEOUT": "60",
        "PIP_EXTRA_INDEX_URL": "https://a/ https://b/",
    }
