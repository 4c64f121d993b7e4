"""Calls and words that product code does not use (docs/contributing.md tells what to use)."""
import fnmatch
import re

from source_text import code_only
from tree import Finding

# word, what to do instead, also in tests?
_BANNED = (
    (re.compile(r"(?<![\w.>])(?:std::)?system\s*\("), "system(", "start a Process", True),
    (re.compile(r"(?<![\w.>])popen\s*\("), "popen(", "start a Process", True),
    (re.compile(r"std::cout\b"), "std::cout", "print with fmt::print", False),
    (re.compile(r"(?<![\w.>])(?:std::)?printf\s*\("), "printf(", "print with fmt::print", False),
    (re.compile(r"\bnew\b(?=\s*[A-Za-z_:(\[])"), "new", "hold a value or a unique_ptr", True),
    (re.compile(r"\bshared_ptr\b"), "shared_ptr", "own once, borrow by reference", True),
    (re.compile(r"\bsleep_for\b"), "sleep_for", "wait for the condition, with a deadline", True),
    (re.compile(r"\busing\s+namespace\s+(?!std::\w*literals\b)"), "using namespace",
     "name what you use", False),
)
_PRODUCT = re.compile(r"^(runtime|stages|bpf)/")
_TEST = re.compile(r"^tests/|(_test|testing|_test\w*)\.(cpp|h)$")
EXCEPTIONS = "tests/tidy/exceptions.toml"


def check_calls(tree):
    """A banned word without an exception that names its files and the reason."""
    excepted = tree.toml(EXCEPTIONS).get("call", [])
    used = set()
    for path in tree.paths("*.cpp", "*.h", "*.c"):
        product = bool(_PRODUCT.match(path)) and not _TEST.search(path)
        for line, word, instead in _banned_in(code_only(tree.text(path)), product):
            index = next((i for i, entry in enumerate(excepted) if entry["word"] == word and
                          fnmatch.fnmatchcase(path, entry["path"])), None)
            if index is None:
                yield Finding(path, line, f"{word} is not used here: {instead}")
            used.add(index)
    for index, entry in enumerate(excepted):
        if index not in used:
            yield Finding(EXCEPTIONS, tree.line_of(EXCEPTIONS, entry["path"]),
                          f"{entry['path']} does not use {entry['word']} any more: "
                          "delete the exception")


def _banned_in(code, product):
    for pattern, word, instead, also_in_tests in _BANNED:
        if product or also_in_tests:
            for match in pattern.finditer(code):
                yield code.count("\n", 0, match.start()) + 1, word, instead


CHECKS = (check_calls,)
