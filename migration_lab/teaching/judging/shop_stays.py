"""The judge of work beside the shop, on its tests and its CI: the shop stays, and faults are planted in it."""

from pathlib import Path
from typing import ClassVar

from migration_lab.ground.layers import Files, layers_in, read, write
from migration_lab.teaching.judging.database import Database
from migration_lab.teaching.judging.judge import Judge


class ShopStaysJudge(Judge):
    """A judge without the usual expectations about revisions; name `shop_stays` in `last`.

    Class attributes of a subclass:
        stay: beginnings of the paths of files that have to be as they were: "shop/", "tests/conftest.py".
    """

    first = ()
    stay: ClassVar[tuple[str, ...]] = ("shop/", "migrations/")

    def _planted(self, name: str, change: Files) -> Database:
        """The answer's files with those of a change written over them, and an empty database."""
        planted = self.empty(name)
        write(change, planted.folder)
        return planted

    def _changes_in(self, file: Path) -> dict[str, Files]:
        """What the changes in a file of layers make of the shop as it was shipped, by their names."""
        shop = read(self.traces.original)
        return {name: layer.over(shop.get) for name, layer in layers_in(file).items()}

    def shop_stays(self) -> None:
        """everything else in the shop, and its history, is as it was"""
        shipped = [each.relative_to(self.traces.original) for each in self.traces.original.rglob("*.*")]
        gone = [each.as_posix() for each in shipped if not (self._files.folder / each).exists()]
        touched = {*self.traces.changed, *self.traces.added, *gone}
        others = [each for each in touched if each.startswith(self.stay) and "__pycache__" not in each]
        self.expect_none(
            sorted(others),
            heading="These files are not:",
            expected=f"The files in {' and '.join(f'`{each}`' for each in self.stay)} are as they were.",
            next_step="Put them back: `lab.reset` gives a fresh shop, and keeps yours.",
        )
