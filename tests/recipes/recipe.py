"""A recipe of docs/contributing.md: read from the page, applied to a copy of the tree."""
import dataclasses
import re
import shutil

PAGE = "docs/contributing.md"
_FENCED = re.compile(
    r"^(?P<verb>New file|In) `(?P<path>[^`]+)`(?:, below `(?P<below>[^`]+)`)?:\n\n"
    r"(?P<fence>`{3,})\w+\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
_APPENDED = re.compile(r"^At the end of `(?P<path>[^`]+)`:\n\n```\w+\n(?P<text>.*?)^```$",
                       re.MULTILINE | re.DOTALL)
_LISTED = re.compile(r"^Add `(?P<item>[^`]+)` to `(?P<list>\w+)` in `(?P<path>[^`]+)`\.$",
                     re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Step:
    """What one paragraph asks for: a new file, lines at the end of a file or below a line of it, or
    an item of a list."""
    path: str
    text: str
    below: str = ""
    list: str = ""
    at_end: bool = False

    def apply(self, tree):
        file = tree / self.path
        if not self.below and not self.list and not self.at_end:
            if file.exists():
                raise ValueError(f"{self.path} is there already")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text)
            return
        if self.at_end:
            file.write_text(file.read_text() + self.text)
            return
        lines = file.read_text().splitlines(keepends=True)
        start = self.below or f"{self.list} "
        at = next((at for at, line in enumerate(lines) if line.startswith(start)), None)
        if at is None:
            raise ValueError(f"no line of {self.path} begins with {start!r}")
        if self.below:
            lines.insert(at + 1, self.text)
        else:
            lines[at] = lines[at].rstrip().removesuffix("]") + f", {self.text}]\n"
        file.write_text("".join(lines))


def steps_of(page, title):
    """The steps below the heading `### title`, in their order."""
    heading = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^### |\Z)", page,
                        re.MULTILINE | re.DOTALL)
    if heading is None:
        raise ValueError(f"{PAGE} has no recipe {title!r}")
    found = [(match.start(), Step(match["path"], match["text"], match["below"] or ""))
             for match in _FENCED.finditer(heading.group(1))]
    found += [(match.start(), Step(match["path"], match["text"], at_end=True))
              for match in _APPENDED.finditer(heading.group(1))]
    found += [(match.start(), Step(match["path"], match["item"], list=match["list"]))
              for match in _LISTED.finditer(heading.group(1))]
    return [step for _, step in sorted(found, key=lambda pair: pair[0])]


def copy_of(root, target):
    """The tree as it stands, without what is built."""
    shutil.copytree(root, target, symlinks=True,
                    ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    return target
