"""The repository as the checks see it: paths and texts. Tests make one of a few lines."""
import dataclasses
import fnmatch
import functools
import pathlib
import subprocess
import tomllib
import unicodedata


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, at its place."""
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Tree:
    """Files by their path below the root; what is not UTF-8 (recordings) has no text."""

    def __init__(self, texts):
        self._texts = dict(texts)
        self.folders = {str(parent) for path in self._texts
                        for parent in pathlib.PurePosixPath(path).parents} - {"."}

    @classmethod
    def of_repository(cls, root):
        """What git tracks, or would track: nothing that is built. A tree without git: all of it."""
        if not (root / ".git").exists():
            files = (path for path in root.rglob("*") if path.is_file())
            return cls({str(path.relative_to(root)): path for path in files})
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True, text=True).stdout
        paths = [path for path in listed.split("\0") if path and (root / path).is_file()]
        return cls({path: root / path for path in paths})

    def __contains__(self, path):
        return path in self._texts or path in self.folders

    def paths(self, *patterns):
        """Files that match one of the globs (`*` also matches `/`), sorted."""
        return sorted(path for path in self._texts
                      if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns))

    @functools.cache
    def text(self, path):
        content = self._texts[path]
        if isinstance(content, str):
            return content
        try:
            return content.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    def lines(self, path):
        """(number from 1, line) of a text."""
        return enumerate(self.text(path).splitlines(), start=1)

    def toml(self, path):
        return tomllib.loads(self.text(path))

    def line_of(self, path, words, start=1):
        """The first line from `start` on that holds `words`; 1 when none does."""
        return next((number for number, line in self.lines(path)
                     if number >= start and words in line), 1)


def columns(line):
    """Width on a terminal: Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
