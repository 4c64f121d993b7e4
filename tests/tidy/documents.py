"""Documentation that names what does not exist: files, commands, options, stages, metrics, keys."""
import functools
import re
import tomllib

from source_text import comments_only
from tree import Finding

_TOP = "runtime|stages|bpf|schemas|pipelines|deploy|tests|docs"
_PATH = re.compile(rf"(?<![\w./<*-])(?:{_TOP})/[\w./*{{}},<>…-]*")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SOURCE_NAME = re.compile(r"`([\w-]+\.(?:h|cpp|bpf\.c|py|sh|fbs))`")
EXCEPTIONS = "tests/tidy/exceptions.toml"


def _pages(tree):
    return tree.paths("*.md")


def _excepted(tree, kind):
    return {entry["name"] for entry in tree.toml(EXCEPTIONS).get(kind, [])}


def _exists(tree, named):
    """Whether a path is there; `*` and `{h,cpp}` as in a shell; <placeholders>, NAMES always."""
    if "<" in named or "…" in named or re.search(r"/[A-Z]+(?=/|$)", named):
        return True
    braces = re.search(r"\{([^}]*)\}", named)
    if braces:
        return all(_exists(tree, named[:braces.start()] + one + named[braces.end():])
                   for one in braces.group(1).split(","))
    named = named.rstrip("/.,")
    if "*" in named:
        return bool(tree.paths(named, named + "/*"))
    return named in tree


def _named_paths(text):
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _PATH.finditer(line):
            yield number, match.group(0)


def _prose_of(tree, path):
    """What is written for people: pages whole, sources' comments."""
    text = tree.text(path)
    if path.endswith((".cpp", ".h", ".c", ".fbs")):
        return comments_only(text)
    if path.endswith(".md"):
        return text
    return "\n".join(line if line.lstrip().startswith("#") else "" for line in text.splitlines())


def check_paths(tree):
    """A path in a page or a comment that is not in the tree."""
    excepted = tuple(_excepted(tree, "path"))
    for path in tree.paths("*.md", "*.cpp", "*.h", "*.c", "*.fbs", "*.py", "*.sh", "*.toml",
                           "*CMakeLists.txt", "*.cmake"):
        for line, named in _named_paths(_prose_of(tree, path)):
            if not _exists(tree, named) and not named.startswith(excepted):
                yield Finding(path, line, f"{named} does not exist")


def check_links(tree):
    """A link of a page whose target, or whose heading there, is missing."""
    for path in _pages(tree):
        folder = path.rpartition("/")[0]
        for number, line in tree.lines(path):
            for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, heading = target.partition("#")
                linked = _joined(folder, name) if name else path
                if linked not in tree:
                    yield Finding(path, number, f"{target} does not exist")
                elif heading and heading not in _headings(tree, linked):
                    yield Finding(path, number, f"{linked} has no heading for #{heading}")


def _joined(folder, name):
    parts = folder.split("/") if folder else []
    for part in name.rstrip("/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _headings(tree, path):
    titles = re.findall(r"^#+ (.*)$", tree.text(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def check_source_names(tree):
    """A file named by its last part only, `x.cpp`, that is nowhere."""
    there = {path.rpartition("/")[2] for path in tree.paths("*")}
    excepted = _excepted(tree, "path")
    for path in _pages(tree):
        for number, line in tree.lines(path):
            for name in _SOURCE_NAME.findall(line):
                if name not in there and name not in excepted:
                    yield Finding(path, number, f"`{name}` is nowhere in the tree")


# `gala command …` in code marks, or as a line of a code block up to its comment.
_CALL = re.compile(r"(?:`|^\s+|^)(?:\S*/)?gala ([a-z][a-z-]*)((?: [^`#]*)?)(?:`|#|$)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def _commands(tree):
    return {path.rpartition("/")[2].removesuffix("_command.cpp").replace("_", "-")
            for path in tree.paths("runtime/cli/*_command.cpp")}


def _command_sources(tree):
    return "".join(tree.text(path) for path in
                   tree.paths("runtime/cli/*.cpp", "runtime/cli/*.h", "runtime/*stage_options.cpp",
                              "stages/*.cpp", "stages/*.h"))


def _calls(tree, path):
    fenced = False
    for number, line in tree.lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        code = fenced or line.startswith("    ")
        for match in _CALL.finditer(line):
            if code or match.group(0).startswith("`"):
                yield number, match.group(1), match.group(2)


def check_commands(tree):
    """`gala …` with a command or an option that the command line does not have."""
    commands, sources = _commands(tree), _command_sources(tree)
    for path in _pages(tree):
        for number, command, rest in _calls(tree, path):
            if command not in commands:
                yield Finding(path, number, f"`gala {command}` is no command")
            for option in _OPTION.findall(rest):
                if option not in sources and option != "--help":
                    yield Finding(path, number, f"`gala {command}` has no option {option}")


_PROGRAM = re.compile(r"(?<![\w/.-])gala-([a-z][a-z0-9-]*)")
_STAGE_LIKE = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)*-(?:source|sink))`")


def _stages(tree):
    return {path.split("/")[1] for path in tree.paths("stages/*/main.cpp")}


def check_stage_names(tree):
    """A program gala-… or a `…-source`, `…-sink` that is no folder of stages/."""
    known = _stages(tree) | _excepted(tree, "program")
    for path in _pages(tree):
        for number, line in tree.lines(path):
            for name in _PROGRAM.findall(line) + _STAGE_LIKE.findall(line):
                if name not in known:
                    yield Finding(path, number, f"there is no stage {name}")


_METRIC = re.compile(r"\bgala_gopher_\w*\w(?![\w*<…])")


def check_metric_names(tree):
    """A metric gala_gopher_… that the model does not have."""
    known = _excepted(tree, "metric")
    for path in tree.paths("schemas/model/*.toml"):
        entity = path.rpartition("/")[2].removesuffix(".toml")
        known |= {f"gala_gopher_{entity}_{name}" for name in tree.toml(path).get("metric", {})}
    for path in _pages(tree):
        for number, line in tree.lines(path):
            for name in _METRIC.findall(line):
                if name not in known and not name.endswith("_"):
                    yield Finding(path, number, f"{name} is no metric of the model")


KEYS = "docs/reference/pipelines.md"


@functools.cache
def _keys(tree):
    """Keys of [pipeline], of every stage, and of each `run`, from the generated page."""
    keys, run = {"pipeline": set(), "stages": set()}, None
    for _, line in tree.lines(KEYS):
        head = re.match(r'## run = "([^"]+)"', line)
        run = head.group(1) if head else run
        row = re.match(r"\| `(?:(pipeline|stages)(?:\.<name>)?\.)?(\w+)`", line)
        if row:
            keys.setdefault(row.group(1) or run, set()).add(row.group(2))
    return keys


_BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def check_pipeline_keys(tree):
    """A pipeline in a page whose keys, or whose stages, do not exist."""
    keys = _keys(tree)
    for path in _pages(tree):
        for block in _BLOCK.finditer(tree.text(path)):
            start = tree.text(path).count("\n", 0, block.start(1)) + 1
            if not re.search(r"^\[(pipeline|stages\.)", block.group(1), re.MULTILINE):
                continue
            try:
                pipeline = tomllib.loads(block.group(1))
            except tomllib.TOMLDecodeError as problem:
                yield Finding(path, start, f"not TOML: {problem}")
                continue
            for text in _wrong_keys(pipeline, keys, _stages(tree), _excepted(tree, "program")):
                yield Finding(path, start, text)


def _wrong_keys(pipeline, keys, stages, excepted):
    for key in pipeline.get("pipeline", {}).keys() - keys["pipeline"]:
        yield f"[pipeline] has no key {key}"
    for name, section in pipeline.get("stages", {}).items():
        run = section.get("run")
        if run in excepted:
            continue
        if run is not None and run not in stages:
            yield f"there is no stage {run}"
        own = keys.get(run, set()) if run else set().union(*keys.values())
        for key in section.keys() - keys["stages"] - own:
            yield f"stage {name}: {run or 'no stage'} has no key {key}"


def check_exceptions(tree):
    """An exception for a name that no page tells any more."""
    told = "".join(tree.text(path) for path in _pages(tree))
    for kind in ("path", "program", "metric"):
        for name in _excepted(tree, kind):
            if name not in told:
                yield Finding(EXCEPTIONS, tree.line_of(EXCEPTIONS, f'"{name}"'),
                              f"no page tells {name} any more: delete the exception")


CHECKS = (check_paths, check_links, check_source_names, check_commands, check_stage_names,
          check_metric_names, check_pipeline_keys, check_exceptions)
