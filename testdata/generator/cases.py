"""The collection of cases: what each file is called and what is expected of it."""

from dataclasses import dataclass
from pathlib import Path

ROLES = ("image", "sticker", "audio", "voice", "video", "document")
COLUMNS = ("path", "role", "format", "verdict", "rules", "fixable")


@dataclass(frozen=True)
class Case:
    path: str
    role: str
    format: str
    verdict: str
    rules: tuple
    fixable: bool
    data: bytes

    def row(self):
        fixable = "yes" if self.fixable else "no"
        return (self.path, self.role, self.format, self.verdict, ",".join(self.rules), fixable)


class Cases:
    def __init__(self):
        self.cases = {}

    def add(self, folder, verdict, what, ext, data, *, format, rules="", about=None, role=None, fixable=None):
        """Adds one file.

        `rules` are all findings of severity fail or warn, separated by spaces; `about` are those that
        the file is there for and that its name carries (default: all of them); `role` is the role when
        the content cannot serve the folder's; `fixable` defaults to yes unless the file is broken.
        """
        rules = tuple(rules.split())
        about = rules if about is None else tuple(about.split())
        assert folder in ROLES and verdict in ("fit", "unfit", "broken"), (folder, verdict)
        assert set(about) <= set(rules), (what, about, rules)
        name = "__".join([verdict, what] + (["+".join(about)] if about else [])) + ext
        path = f"{folder}/{name}"
        assert path not in self.cases, path
        fixable = verdict != "broken" if fixable is None else fixable
        self.cases[path] = Case(path, role or folder, format, verdict, tuple(sorted(rules)), fixable, bytes(data))

    def folder(self, folder):
        """The `add` of one folder."""
        return lambda *args, **kwargs: self.add(folder, *args, **kwargs)

    def write(self, root: Path):
        """Replaces the role folders and `expected.tsv`; returns the number of files and of bytes."""
        for role in ROLES:
            (root / role).mkdir(exist_ok=True)
            for old in (root / role).iterdir():
                old.unlink()
        ordered = [self.cases[path] for path in sorted(self.cases)]
        for case in ordered:
            (root / case.path).write_bytes(case.data)
        lines = ["\t".join(COLUMNS)] + ["\t".join(case.row()) for case in ordered]
        (root / "expected.tsv").write_text("\n".join(lines) + "\n")
        return len(ordered), sum(len(case.data) for case in ordered)
