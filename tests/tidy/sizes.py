"""Lines, functions and files have limits."""
import ast
import re

from source_text import code_only, without_raw_texts
from tree import Finding, columns

CODE_COLUMNS = 100
PROSE_COLUMNS = 120
FUNCTION_LINES = 60
FILE_LINES = 400
EXCEPTIONS = "tests/tidy/exceptions.toml"

_CODE = ("*.cpp", "*.h", "*.c", "*.py", "*.sh", "*.fbs", ".ci/run")
_FILES = ("*.cpp", "*.h", "*.c", "*.py", "*.sh", "*.fbs")
_GENERATED_PAGES = "docs/reference/"
# A line with one unbroken word (a link, a path) cannot be made shorter.
_LINK_ONLY = re.compile(r"^\s*(?:[-*>#/]+\s+)*\S+$")


def check_columns(tree):
    """Code beyond 100 columns; pages, build files and comments in TOML beyond 120. Longer may be
    tables, code blocks, links and data: raw literals, TOML, whose inline tables do not break."""
    for path in tree.paths(*_CODE):
        text = tree.text(path)
        if path.endswith((".cpp", ".h")):
            text = without_raw_texts(text)
        for number, line in enumerate(text.splitlines(), start=1):
            line = line.rstrip()
            if len(line) > CODE_COLUMNS / 2 and columns(line) > CODE_COLUMNS:
                if not _LINK_ONLY.match(line):
                    yield Finding(path, number, f"{columns(line)} columns, at most {CODE_COLUMNS}")
    for path in tree.paths("*.md"):
        if not path.startswith(_GENERATED_PAGES):
            yield from _long_prose(path, prose_lines(tree, path))
    for path in tree.paths("*CMakeLists.txt", "*.cmake"):
        yield from _long_prose(path, tree.lines(path))
    for path in tree.paths("*.toml"):
        comments = ((number, line) for number, line in tree.lines(path)
                    if line.lstrip().startswith("#"))
        yield from _long_prose(path, comments)


def _long_prose(path, lines):
    for number, line in lines:
        if columns(line) > PROSE_COLUMNS and not _LINK_ONLY.match(line):
            yield Finding(path, number, f"{columns(line)} columns, at most {PROSE_COLUMNS}")


def prose_lines(tree, path):
    """Lines of a Markdown page outside its tables and code blocks."""
    fenced = False
    for number, line in tree.lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    ") and not line.lstrip().startswith("|"):
            yield number, line


# What stands before the brace that opens a function: its parameters, then at most qualifiers.
_PARAMETERS_BEFORE = re.compile(
    r"\)\s*(?:(?:const|noexcept|override|final|mutable|&&?)\s*)*(?:->\s*[\w:<>,*&\s]+)?$")


def check_functions(tree):
    """Functions beyond 60 lines, C++ and BPF C as clang-format writes them, and Python."""
    excepted = _excepted(tree, "long_function")
    for path in tree.paths("*.cpp", "*.h", "*.c"):
        for begin, end in _function_lines(code_only(tree.text(path))):
            if end - begin + 1 > FUNCTION_LINES and path in excepted:
                excepted[path] = True
            elif end - begin + 1 > FUNCTION_LINES:
                yield Finding(path, begin, f"a function of {end - begin + 1} lines, "
                                           f"at most {FUNCTION_LINES}")
    for path in tree.paths("*.py"):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > FUNCTION_LINES:
                    yield Finding(path, node.lineno,
                                  f"{node.name} has {lines} lines, at most {FUNCTION_LINES}")
    yield from _unused(tree, excepted, "has no function that long")


def _function_lines(code):
    """(first, last line) of each outermost block that follows a list of parameters."""
    opened, function_depth, line, begin = 0, None, 1, 0
    for match in re.finditer(r"[{}\n]", code):
        mark = match.group(0)
        if mark == "\n":
            line += 1
        elif mark == "{":
            before = code[max(0, match.start() - 200):match.start()]
            if function_depth is None and _PARAMETERS_BEFORE.search(before):
                function_depth, begin = opened, line
            opened += 1
        else:
            opened -= 1
            if opened == function_depth:
                yield begin, line
                function_depth = None


def check_files(tree):
    """Files beyond 400 lines without an exception that says why."""
    excepted = _excepted(tree, "long_file")
    for path in tree.paths(*_FILES):
        count = len(tree.text(path).splitlines())
        if count > FILE_LINES and path in excepted:
            excepted[path] = True
        elif count > FILE_LINES:
            yield Finding(path, FILE_LINES, f"{count} lines, at most {FILE_LINES}")
    yield from _unused(tree, excepted, f"has at most {FILE_LINES} lines")


def _excepted(tree, kind):
    """Path → whether the exception was needed."""
    return {entry["path"]: False for entry in tree.toml(EXCEPTIONS).get(kind, [])}


def _unused(tree, excepted, why):
    for path, used in excepted.items():
        if not used:
            yield Finding(EXCEPTIONS, tree.line_of(EXCEPTIONS, f'"{path}"'),
                          f"{path} {why}: delete the exception")


CHECKS = (check_columns, check_functions, check_files)
