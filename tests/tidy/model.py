"""schemas/model: every number has a unit, every name a text in both languages."""
from tree import Finding


def _place(tree, path, table, name):
    """The line of `name` in `[table]`, or of `[table.name]`."""
    head = tree.line_of(path, f"[{table}.{name}]")
    if head > 1:
        return head
    start = tree.line_of(path, f"[{table}]")
    return next((number for number, line in tree.lines(path)
                 if number >= start and line.startswith(name)), start)


def check_texts(tree):
    """What has a name in the model has `about` and `zh`; metrics have a unit, too."""
    for path in tree.paths("schemas/model/*.toml"):
        model = tree.toml(path)
        entity = model.get("entity", {"about", "zh"} if "kind" in model else {})
        for lacking in sorted({"about", "zh"} - set(entity)):
            yield Finding(path, tree.line_of(path, "[entity]"), f"the entity has no `{lacking}`")
        for table, needed in (("kind", {"about", "zh"}), ("key", {"about", "zh"}),
                              ("label", {"about", "zh"}),
                              ("metric", {"about", "zh", "unit", "type"})):
            for name, value in model.get(table, {}).items():
                for lacking in sorted(needed - value.keys()):
                    yield Finding(path, _place(tree, path, table, name),
                                  f"{table} {name} has no `{lacking}`")


def check_sentences(tree):
    """What has a sentence in English has it in Chinese, and the other way round."""
    for path in tree.paths("schemas/model/*.toml"):
        for table, entries in tree.toml(path).items():
            if not isinstance(entries, list):
                continue
            for place, entry in zip(_heads(tree, path, table), entries):
                if ("text" in entry) != ("zh" in entry):
                    lacking = "zh" if "text" in entry else "text"
                    yield Finding(path, place, f"this {table} has no `{lacking}`")


def _heads(tree, path, table):
    return [number for number, line in tree.lines(path) if line.strip() == f"[[{table}]]"]


CHECKS = (check_texts, check_sentences)
