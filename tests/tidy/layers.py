"""Who may include whom (runtime/layers.toml), and files that have one user."""
import re

from source_text import includes
from tree import Finding

TABLE = "runtime/layers.toml"
SOURCES = ("*.cpp", "*.h", "*.c")


class Table:
    """The lines of runtime/layers.toml. `stages/*` is a line for each stage."""

    def __init__(self, tree):
        self._allowed = tree.toml(TABLE)["layers"]

    def folder_of(self, path):
        """The longest line that holds this file; None when there is none."""
        parts = path.split("/")
        for count in range(len(parts) - 1, 0, -1):
            folder = "/".join(parts[:count])
            if folder in self._allowed:
                return folder
            if count == 2 and f"{parts[0]}/*" in self._allowed:
                return folder
        return None

    def allows(self, user, used):
        line = self._allowed.get(user) or self._allowed.get(user.split("/")[0] + "/*", [])
        return user == used or "*" in line or used in line

    def layers(self):
        return [folder for folder in self._allowed if folder.startswith("runtime/")]


def check_includes(tree):
    """An include that the table does not allow, and a folder that the table does not know."""
    table = Table(tree)
    for path in tree.paths(*SOURCES):
        user = table.folder_of(path)
        if user is None:
            yield Finding(path, 1, f"no line of {TABLE} holds this folder")
            continue
        for line, included in includes(tree.text(path)):
            used = table.folder_of(included)
            if used is None:
                yield Finding(path, line, f"{included} is in no folder of {TABLE}")
            elif not table.allows(user, used):
                yield Finding(path, line, f"{user} may not use {used} ({included}); see {TABLE}")


_LINKS = (re.compile(r"\badd_layer\((\w+)\s+USES\s+([^)]*)\)"),
          re.compile(r"\btarget_link_libraries\(gala_runtime_(\w+)\s+([^)]*)\)"))


def check_links(tree):
    """A layer's CMake target links no layer that its folder may not include."""
    table = Table(tree)
    names = {folder.split("/")[1] for folder in table.layers()}
    for path in tree.paths("runtime/*CMakeLists.txt"):
        text = re.sub(r"#[^\n]*", "", tree.text(path))
        for match in (match for links in _LINKS for match in links.finditer(text)):
            user, words = match.group(1), match.group(2).replace("gala_runtime_", "").split()
            for used in names & set(words) if user in names else ():
                if not table.allows(f"runtime/{user}", f"runtime/{used}"):
                    line = text.count("\n", 0, match.start()) + 1
                    yield Finding(path, line, f"{user} may not link {used}; see {TABLE}")


def _is_test(path):
    return path.startswith("tests/") or re.search(r"(_test|_bench|testing)\.(cpp|h)$", path)


def _implementations(tree):
    """Header → what implements it: the .cpp file of its name, and each .cpp file of its folder that
    includes it and has no header of its own name."""
    found = {}
    for path in tree.paths("runtime/*.cpp", "stages/*.cpp"):
        own, folder = path.removesuffix("cpp") + "h", path.rpartition("/")[0]
        if _is_test(path):
            continue
        if own in tree:
            found.setdefault(own, []).append(path)
            continue
        for _, header in includes(tree.text(path)):
            if header.rpartition("/")[0] == folder:
                found.setdefault(header, []).append(path)
    return found


def _reached(tree, roots, implementations):
    """All that these files need: what they include, what implements it, and so on."""
    seen, waiting = set(), list(roots)
    while waiting:
        path = waiting.pop()
        if path in seen or path not in tree:
            continue
        seen.add(path)
        waiting += [included for _, included in includes(tree.text(path))]
        waiting += implementations.get(path, [])
    return seen


def check_users(tree):
    """A runtime header that one stage alone, or no program, reaches."""
    implementations = _implementations(tree)
    groups = {}
    for path in tree.paths("stages/*/*.cpp", "runtime/cli/*.cpp"):
        if not _is_test(path):
            groups.setdefault("/".join(path.split("/")[:2]), []).append(path)
    reached = {name: _reached(tree, roots, implementations) for name, roots in groups.items()}
    for path in tree.paths("runtime/*.h"):
        if path.startswith("runtime/cli/") or _is_test(path):
            continue
        users = sorted(name for name, files in reached.items() if path in files)
        if not users:
            yield Finding(path, 1, "no program reaches this file: delete it")
        elif len(users) == 1 and users[0].startswith("stages/"):
            yield Finding(path, 1, f"only {users[0]} uses this file: it belongs there")


CHECKS = (check_includes, check_links, check_users)
