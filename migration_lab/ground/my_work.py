"""The learner's own copies of the notebooks, and what happens to them when a newer course arrives.

JupyterLab shows `my_work/`, which git does not track, so a newer course never conflicts with a learner's changes.
On every start each file of `notebooks/` and `exercises/` is compared with the copy in `my_work/`:

- no copy: it is created
- an unchanged copy: a newer file replaces it
- a copy that the learner changed: stays; when the course has a newer file, the learner's goes aside as
  `NAME.mine-YYYYmmdd.ipynb`, the newer one takes its place, and a sentence says so

Running a notebook changes its outputs, not its cells, and does not count as a change.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from filelock import FileLock

from migration_lab.ground import places
from migration_lab.ground.errors import LabError, cure, reason

FOLDERS = ("notebooks", "exercises")
NOT_SHIPPED = (".ipynb_checkpoints", "__pycache__")


def sync() -> list[str]:
    """Update the learner's folder.

    Returns:
        Sentences for the learner: what was kept aside, and where. Empty when there is nothing to say.

    Raises:
        LabError: the folder cannot be written, or the course has no notebooks.
    """
    with _alone():
        return _sync()


def renew(asked: str) -> str:
    """Bring back the course's version of a notebook; the learner's own, if it was changed, is kept beside it.

    Args:
        asked: a lesson (`03`), an exercise (`03.1`) for the notebook of a lesson's exercises, or a notebook's name.

    Returns:
        A sentence for the learner about both.

    Raises:
        LabError: the course has no such notebook, or the folder cannot be written.
    """
    course, mine = places.course_root(), places.my_work()
    files = shipped_files(course)
    name = _meant(asked, files)
    source, copy = course / name, mine / name
    with _alone():
        given = _read_record(mine)
        if not copy.exists() or (digest(copy) == given.get(name) != files[name]):
            _give(source, copy)
            _write_record(mine, given | {name: files[name]})
            return f"{name} is the course's version."
        if digest(copy) == files[name]:
            return f"{name} is the course's version, with the outputs of your cells."
        kept = _free_name(copy)
        copy.rename(kept)
        _give(source, copy)
        _write_record(mine, given | {name: files[name]})
    return (
        f"{name} is the course's version again. Your own is kept beside it as {kept.name}. "
        "If it is open in JupyterLab, choose File > Reload Notebook from Disk."
    )


def _meant(asked: str, files: Iterable[str]) -> str:
    """The requested notebook of the course, as a path relative to the course."""
    lesson, is_exercise, _ = asked.partition(".")
    begins = f"exercises/{lesson.zfill(2)}_" if is_exercise else f"notebooks/{lesson.zfill(2)}_"
    for name in files:
        if name.endswith(".ipynb") and (name.startswith(begins) or asked in (name, Path(name).name, Path(name).stem)):
            return name
    given = ", ".join(sorted(Path(name).stem for name in files if name.endswith(".ipynb")))
    raise LabError(f"The course has no notebook {asked!r}.", f"The notebooks are {given}.")


@contextmanager
def _alone() -> Iterator[None]:
    """The learner's folder, created if necessary, locked against other processes that copy files into it."""
    try:
        places.my_work().mkdir(parents=True, exist_ok=True)
        with FileLock(places.my_work() / ".shipped.lock"):
            yield
    except OSError as error:
        raise LabError(
            f"{places.my_work()} cannot be written: {reason(error)}.",  # not its file name: that may be the course's
            cure(
                error,
                "Check the disk, and that the folder and everything in it is yours, or set LAB_WORK to another "
                "folder; then start again.",
            ),
        ) from error


def _sync() -> list[str]:
    course, mine = places.course_root(), places.my_work()
    files = shipped_files(course)
    if not files:
        raise LabError(f"There are no notebooks in {course}.", "Get the course again with git.")
    given = _read_record(mine)
    sentences = []
    for name, newer in files.items():
        sentence = _sync_file(course / name, mine / name, given.get(name), newer)
        if sentence:
            sentences.append(sentence)
    for name in given.keys() - files.keys():
        _retire(mine / name, given[name])
    _write_record(mine, files)
    return sentences


def shipped_files(course: Path) -> dict[str, str]:
    """The course's files for learners: paths relative to its root, each with the digest of its content."""
    return {
        path.relative_to(course).as_posix(): digest(path)
        for folder in FOLDERS
        for path in sorted((course / folder).rglob("*"))
        if path.is_file() and not any(part in NOT_SHIPPED for part in path.parts)
    }


def digest(path: Path) -> str:
    """A fingerprint of a person's work: of a notebook, its cells without outputs; of any other file, all of it.

    Empty cells do not count: JupyterLab adds one when the last cell is run.
    """
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(content)["cells"]
            written = [(cell["cell_type"], "".join(cell["source"]).rstrip()) for cell in cells]
            content = json.dumps([cell for cell in written if cell[1]]).encode()
        except (ValueError, KeyError, TypeError):
            pass  # not a complete notebook: compared byte by byte
    return hashlib.sha256(content).hexdigest()


def _sync_file(source: Path, copy: Path, given: str | None, newer: str) -> str | None:
    """Update one file; return a sentence if the learner's own was kept aside."""
    if not copy.exists():
        _give(source, copy)
        return None
    mine = digest(copy)
    if mine == newer:
        return None
    if mine == given or copy.stat().st_size == 0:
        _give(source, copy)
        return None
    if given == newer and _opens(copy):
        return None
    kept = _free_name(copy)
    copy.rename(kept)
    _give(source, copy)
    shown = copy.relative_to(places.my_work()).as_posix()
    why = "There is a newer" if given != newer else "A good copy replaces the damaged"
    return f"{why} {shown}. Your own is kept beside it as {kept.name}."


def _opens(path: Path) -> bool:
    """Whether JupyterLab can open it: a file that is not a notebook, or a complete notebook."""
    if path.suffix != ".ipynb":
        return True
    try:
        return isinstance(json.loads(path.read_bytes())["cells"], list)
    except (ValueError, KeyError, TypeError):
        return False


def _free_name(path: Path) -> Path:
    """`02_first.mine-20261122.ipynb`, or with `-2`, `-3` where that is taken."""
    number = 1
    while True:
        ending = f"-{number}" if number > 1 else ""
        candidate = path.with_name(f"{path.stem}.mine-{date.today():%Y%m%d}{ending}{path.suffix}")
        if not candidate.exists():
            return candidate
        number += 1


def _give(source: Path, copy: Path) -> None:
    """Copy a file of the course atomically."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    half = copy.with_name(f".{copy.name}.new")
    shutil.copyfile(source, half)
    half.replace(copy)


def _retire(copy: Path, given: str) -> None:
    """Remove a file that the course no longer has, unless the learner changed it."""
    if copy.is_file() and digest(copy) == given:
        copy.unlink()


def _read_record(mine: Path) -> dict[str, str]:
    """The files given last time. If the record cannot be read, every changed copy is kept aside."""
    try:
        record = json.loads((mine / ".shipped.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(record) if isinstance(record, dict) else {}


def _write_record(mine: Path, files: dict[str, str]) -> None:
    half = mine / ".shipped.json.new"
    half.write_text(json.dumps(files, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    half.replace(mine / ".shipped.json")


if __name__ == "__main__":
    for each in sync():
        print(each)
