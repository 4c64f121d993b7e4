#!/usr/bin/env python3
"""The house keeps itself: reads the tree and says, with file:line, what breaks its rules.

Usage: tests/tidy/tidy.py [CHECK…]        CHECK is a name such as layers.check_includes, or layers
What is known and not mended yet stands in pending.toml, which may only shrink.
"""
import fnmatch
import pathlib
import sys

import calls
import documents
import layers
import messages
import model
import sizes
import stages
from tree import Finding, Tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PENDING = "tests/tidy/pending.toml"
MODULES = (layers, calls, messages, model, stages, documents, sizes)


def name_of(check):
    return f"{check.__module__}.{check.__name__.removeprefix('check_')}"


def all_checks():
    return {name_of(check): check for module in MODULES for check in module.CHECKS}


def split_pending(tree, findings):
    """(what fails, how many are pending). An entry that holds nothing any more fails, too."""
    entries = tree.toml(PENDING).get("pending", []) if PENDING in tree else []
    held = [0] * len(entries)
    failing = []
    for check, finding in findings:
        index = next((i for i, entry in enumerate(entries) if entry["check"] == check and
                      fnmatch.fnmatchcase(finding.path, entry["path"])), None)
        if index is None:
            failing.append((check, finding))
        else:
            held[index] += 1
    for entry, count in zip(entries, held):
        if count > entry["at_most"]:
            failing.append(("pending", Finding(
                PENDING, tree.line_of(PENDING, entry["path"]),
                f"{count} findings of {entry['check']}, at most {entry['at_most']} are pending")))
        elif count == 0:
            failing.append(("pending", Finding(
                PENDING, tree.line_of(PENDING, entry["path"]),
                f"nothing of {entry['check']} is left in {entry['path']}: delete the entry")))
    return failing, sum(held)


def main(arguments):
    wanted = [name for name in all_checks()
              if not arguments or name in arguments or name.split(".")[0] in arguments]
    if not wanted:
        sys.exit("no such check; there are: " + ", ".join(all_checks()))
    tree = Tree.of_repository(ROOT)
    findings = [(name, finding) for name in wanted
                for finding in sorted(set(all_checks()[name](tree)))]
    if arguments:
        failing, pending = findings, 0
    else:
        failing, pending = split_pending(tree, findings)
    for name, finding in failing:
        print(f"{finding}  [{name}]")
    print(f"{len(wanted)} checks, {len(failing)} findings, {pending} pending")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
