"""Every stage has a page with a map of its files, and tests; every fuzz target has inputs."""
import re

from tree import Finding

README_LINES = 80


def _folders(tree):
    return sorted({path.rpartition("/")[0] for path in tree.paths("stages/*/main.cpp")})


def _mapped_folders(tree):
    """Stages, and folders of their offline modes that have a page of their own."""
    pages = {path.rpartition("/")[0] for path in tree.paths("stages/*/*/README.md")}
    return sorted({*_folders(tree), *pages})


def _stems(tree, folder):
    """What a map names: each .h/.cpp pair, but not main.cpp, the tests, and what another maps."""
    others = tuple(f"{other}/" for other in _mapped_folders(tree) if other.startswith(f"{folder}/"))
    names = [path.rpartition("/")[2] for path in tree.paths(f"{folder}/*.cpp", f"{folder}/*.h")
             if not path.startswith(others)]
    stems = {name.rpartition(".")[0] for name in names}
    return sorted(stem for stem in stems if stem != "main" and not stem.endswith("_test"))


def check_readme(tree):
    """A README of bounded length that names each pair of files in code marks."""
    for folder in _mapped_folders(tree):
        page = f"{folder}/README.md"
        if page not in tree:
            yield Finding(f"{folder}/main.cpp", 1, f"{page} is missing")
            continue
        lines = len(tree.text(page).splitlines())
        if lines > README_LINES:
            yield Finding(page, README_LINES, f"{lines} lines, at most {README_LINES}")
        marked = " ".join(re.findall(r"`[^`]+`|```.*?```", tree.text(page), re.DOTALL))
        named = set(re.findall(r"\w+", marked))
        for stem in _stems(tree, folder):
            if stem not in named:
                yield Finding(page, 1, f"the map of files lacks `{stem}`")


def check_tests(tree):
    """A stage without a test."""
    for folder in _folders(tree):
        if not tree.paths(f"{folder}/*_test.cpp"):
            yield Finding(f"{folder}/main.cpp", 1, "the stage has no *_test.cpp")


def check_fuzz_inputs(tree):
    """A fuzz target without kept inputs, and inputs without a target."""
    targets = {path.rpartition("/")[2].removesuffix(".cpp")
               for path in tree.paths("tests/fuzz/*_fuzz.cpp")}
    kept = {path.split("/")[3] for path in tree.paths("tests/fuzz/corpus/*/*")}
    for name in sorted(targets - kept):
        yield Finding(f"tests/fuzz/{name}.cpp", 1, f"tests/fuzz/corpus/{name}/ holds no inputs")
    for name in sorted(kept - targets):
        yield Finding(f"tests/fuzz/corpus/{name}", 1, f"there is no tests/fuzz/{name}.cpp")


CHECKS = (check_readme, check_tests, check_fuzz_inputs)
