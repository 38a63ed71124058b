"""A member's directories while `restore run` replaces them and `restore undo` puts them back: what
was there before, what is there now, and whether that is a state that may be."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import sha256_of

from lab.waiting import LabError

STATES = ("writing", "ready", "swapping", "swapped", "done", "undoing", "undone")
Journal = dict[str, Any]


@dataclass(frozen=True)
class Tree:
    """A directory with all that is in it; two are equal if they are so byte for byte."""

    inode: int  # stays when the directory is renamed
    digest: str

    @classmethod
    def of(cls, top: Path) -> "Tree":
        total = hashlib.sha256()
        for path in (top, *sorted(top.rglob("*"))):
            info = path.lstat()
            name = path.relative_to(top)
            size = 0 if path.is_dir() else info.st_size
            line = f"{name} {info.st_mode:o} {info.st_uid} {info.st_gid} {size}\n"
            total.update(line.encode())
            if path.is_file():
                total.update(sha256_of(path).encode())
        return cls(top.stat().st_ino, total.hexdigest())


class Replaced:
    """One member. What happens to it is by one plan; its directories are the only ones whose names
    begin with the member's, besides its log."""

    def __init__(self, name: str, plan: Path, directories: Sequence[Path]) -> None:
        self.name = name
        self.data = directories[0]
        self._plan = plan
        self._directories = directories
        self._old = {each: Tree.of(each) for each in directories if each.exists()}
        self._new: dict[Path, Tree] = {}  # what a restore makes of each

    def command(self, step: str) -> list[str]:
        """The arguments of `restore run` or `restore undo`."""
        if step == "undo":
            return ["restore", "undo", f"--data-dir={self.data}"]
        return ["restore", "run", f"--plan={self._plan}", f"--member={self.name}"]

    def learn(self) -> None:
        """What a restore makes, from one that nothing has disturbed."""
        self._new = {each: Tree.of(each) for each in self._directories}
        self.check_done()

    def journals(self) -> list[Journal]:
        """The oldest first."""
        found = []
        for path in sorted(self._beside(self.data, ".restore-", ".json")):
            try:
                found.append(json.loads(path.read_text()))
            except FileNotFoundError:
                continue
        return found

    def open_journal(self) -> Journal | None:
        """The one that a run goes on with or an undo takes back, or that of what was done last."""
        journals = [each for each in self.journals() if each["state"] != "undone"]
        unfinished = [each for each in journals if each["state"] != "done"]
        if len(unfinished) > 1:
            raise LabError(f"{self.name}: {len(unfinished)} restores are not over")
        candidates = unfinished or journals
        return candidates[-1] if candidates else None

    def state(self) -> str:
        journal = self.open_journal()
        return journal["state"] if journal else "nothing to undo"

    def check_nothing_lost(self) -> None:
        """At any moment: the old data is whole, and so is the new once its journal says so."""
        for directory, tree in self._old.items():
            kept = [directory, *self._beside(directory, ".pre-restore-")]
            places = [each for each in kept if each.exists() and each.stat().st_ino == tree.inode]
            if len(places) != 1:
                raise LabError(f"{self.name}: the old {directory} is gone ({self._listing()})")
            if Tree.of(places[0]) != tree:
                raise LabError(f"{self.name}: the old data in {places[0]} was changed")
        journal = self.open_journal()
        if journal is None or journal["state"] not in ("ready", "swapping", "swapped", "done"):
            return
        for directory, tree in self._new.items():
            places = [directory, Path(f"{directory}.restore-{journal['id']}")]
            if not any(each.exists() and Tree.of(each).digest == tree.digest for each in places):
                raise LabError(
                    f"{self.name} is {journal['state']}, but the new {directory} is not whole "
                    f"({self._listing()})"
                )

    def check_done(self) -> None:
        """The new data is in place, the old one beside it, and nothing else but journals."""
        journal = self.open_journal()
        if journal is None or journal["state"] != "done" or not journal["verification"]["ok"]:
            raise LabError(f"{self.name} is not restored as its journal should say: {journal}")
        for directory, tree in self._new.items():
            if Tree.of(directory).digest != tree.digest:
                raise LabError(f"{self.name}: what is in {directory} is not what was restored")
        time = journal["id"].partition("-")[0]
        kept = {Path(f"{each}.pre-restore-{time}"): old for each, old in self._old.items()}
        for directory, tree in kept.items():
            if not directory.exists() or Tree.of(directory) != tree:
                raise LabError(f"{self.name}: {directory} is not the old data ({self._listing()})")
        self._check_listing({*self._new, *kept})

    def check_undone(self) -> None:
        """As before the restore; what was in place for a while is left beside it."""
        if (state := self.state()) != "nothing to undo":
            raise LabError(f"{self.name} is undone, and its journal says {state}")
        for directory, tree in self._old.items():
            if not directory.exists() or Tree.of(directory) != tree:
                raise LabError(f"{self.name}: {directory} is not what it was ({self._listing()})")
        self._check_listing(set(self._old))

    def reset(self) -> None:
        """As before the first restore, whatever is there now; the old data is only renamed."""
        for directory, tree in self._old.items():
            if directory.exists() and directory.stat().st_ino == tree.inode:
                continue
            if directory.exists():
                shutil.rmtree(directory)
            for kept in self._beside(directory, ".pre-restore-"):
                kept.rename(directory)
        for path in self._own():
            if path.is_file():
                path.unlink()
            elif path not in self._old:
                shutil.rmtree(path)

    def _check_listing(self, expected: set[Path]) -> None:
        """Beside these: the lock, journals, and of undone restores what had been in place."""
        expected.add(Path(f"{self.data}.restore.lock"))
        for journal in self.journals():
            expected.add(Path(f"{self.data}.restore-{journal['id']}.json"))
            if journal["state"] == "undone" and journal["moves"]:
                for directory, tree in self._new.items():
                    left = Path(f"{directory}.restore-{journal['id']}")
                    if not left.exists() or Tree.of(left).digest != tree.digest:
                        raise LabError(f"{self.name}: {left} is not what was restored")
                    expected.add(left)
        if (found := set(self._own())) != expected:
            names = ", ".join(sorted(path.name for path in found ^ expected))
            raise LabError(f"{self.name}: left over or missing: {names}")

    def _own(self) -> Iterator[Path]:
        for path in list(self.data.parent.iterdir()):
            hidden = path.name.startswith(".")
            if hidden or (path.name.startswith(self.name) and path.suffix != ".log"):
                yield path

    @staticmethod
    def _beside(path: Path, middle: str, end: str = "") -> list[Path]:
        wanted = re.compile(re.escape(f"{path.name}{middle}") + r"\d{8}T.*" + re.escape(end) + "$")
        return [each for each in path.parent.iterdir() if wanted.match(each.name)]

    def _listing(self) -> str:
        return ", ".join(sorted(path.name for path in self._own()))
