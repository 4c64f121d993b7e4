"""The messages of schemas/wire: one list, and nothing that drifts from it."""
import re

from tree import Finding

ENVELOPE = "schemas/wire/envelope.fbs"
PAGE = "docs/wire.md"
BASELINE = "tests/wire-baseline"
_IDENTIFIER = re.compile(r'^file_identifier "(\w{4})";', re.MULTILINE)
_ROOT = re.compile(r"^root_type (\w+);", re.MULTILINE)
_VALUE = re.compile(r"^\s*(\w+)\s*=\s*\d+,", re.MULTILINE)
_ENUM = re.compile(r"enum MessageType[^{]*\{(.*?)\}", re.DOTALL)


def _camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def message_types(tree, envelope=ENVELOPE):
    """The values of MessageType but `none`, in their order."""
    values = _VALUE.findall(_ENUM.search(tree.text(envelope)).group(1))
    return [value for value in values if value != "none"]


def _roots(tree, folder):
    """Message type → (its file, identifier, root table) of each schema that is a message."""
    found = {}
    for path in tree.paths(f"{folder}/*.fbs"):
        identifier, root = _IDENTIFIER.search(tree.text(path)), _ROOT.search(tree.text(path))
        if identifier and root:
            name = path.rpartition("/")[2].removesuffix(".fbs")
            found[name] = (path, identifier.group(1), root.group(1))
    return found


def check_schemas(tree):
    """Each message type has a schema of its name, with an identifier of its own, and vice versa."""
    types, roots = message_types(tree), _roots(tree, "schemas/wire")
    for name in types:
        if name not in roots:
            yield Finding(ENVELOPE, tree.line_of(ENVELOPE, name + " ="),
                          f"{name} has no schemas/wire/{name}.fbs with a file_identifier")
    identifiers = {}
    for name, (path, identifier, root) in roots.items():
        if name not in types:
            yield Finding(path, 1, f"MessageType in {ENVELOPE} lacks {name}")
        if root != _camel(name):
            yield Finding(path, tree.line_of(path, "root_type"),
                          f"root_type {root}; {name}.fbs is read as {_camel(name)}")
        if identifier in identifiers:
            yield Finding(path, tree.line_of(path, "file_identifier"),
                          f"{identifier} names {identifiers[identifier]}, too")
        identifiers[identifier] = path


def check_baseline(tree):
    """tests/wire-baseline guards every message: one that it lacks could be changed unnoticed."""
    roots, kept = _roots(tree, "schemas/wire"), _roots(tree, BASELINE)
    for name, (path, identifier, _) in roots.items():
        if name not in kept:
            yield Finding(path, 1, f"{BASELINE}/{name}.fbs is missing: copy {path} there")
        elif kept[name][1] != identifier:
            yield Finding(path, tree.line_of(path, "file_identifier"),
                          f"{identifier}, but {kept[name][1]} in {BASELINE}")
    for name, (path, _, _) in kept.items():
        if name not in roots:
            yield Finding(path, 1, f"schemas/wire/{name}.fbs is gone")
    envelope = f"{BASELINE}/envelope.fbs"
    for name in set(message_types(tree)) - set(message_types(tree, envelope)):
        yield Finding(envelope, 1, f"MessageType lacks {name}")


_ROW = re.compile(r"^\| `(\w{4})` \| `(\w+)` \|")


def check_page(tree):
    """docs/wire.md lists each message with its identifier, and no other."""
    expected = {name: identifier for name, (_, identifier, _)
                in _roots(tree, "schemas/wire").items()}
    told = {}
    for number, line in tree.lines(PAGE):
        row = _ROW.match(line)
        if row:
            told[row.group(2)] = number
            if expected.get(row.group(2)) != row.group(1):
                yield Finding(PAGE, number, f"`{row.group(1)}` `{row.group(2)}` is no message "
                                            "of schemas/wire")
    for name in sorted(expected.keys() - told.keys()):
        yield Finding(PAGE, 1, f"the table of messages lacks `{expected[name]}` `{name}`")


def check_one_list(tree):
    """One file of the runtime names all message types; a second list would drift from it."""
    types = message_types(tree)
    lists = []
    for path in tree.paths("runtime/*.cpp", "runtime/*.h"):
        text = tree.text(path)
        named = [name for name in types if re.search(rf"\b(MessageType::{name}\b|\({name},)", text)]
        if len(named) == len(types):
            lists.append(path)
        elif len(named) > len(types) // 2 and not path.endswith("_test.cpp"):
            missing = ", ".join(sorted(set(types) - set(named)))
            yield Finding(path, 1, f"names most message types but not {missing}: follow the list")
    if not lists:
        yield Finding(ENVELOPE, 1, "no file of the runtime lists all message types")
    for path in lists[1:]:
        yield Finding(path, 1, f"lists all message types, as {lists[0]} does: one list suffices")


CHECKS = (check_schemas, check_baseline, check_page, check_one_list)
