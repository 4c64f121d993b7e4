"""C and C++ as text: what is code, what is comment, what is included."""
import re

_TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<raw>R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")'
    r'|(?P<text>"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\')', re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def _blank(text):
    return re.sub(r"[^\n]+", lambda line: " " * len(line.group(0)), text)


def code_only(text):
    """The text with comments and the insides of literals blanked; places stay."""
    return _TOKEN.sub(lambda token: _blank(token.group(0)), text)


def without_raw_texts(text):
    """The text with raw literals left out but for their line ends: what they hold is data."""
    return _TOKEN.sub(lambda token: "\n" * token.group(0).count("\n") if token.group("raw")
                      else token.group(0), text)


def comments_only(text):
    """The text with everything but comments blanked; places stay."""
    kept, end = [], 0
    for token in _TOKEN.finditer(text):
        kept.append(_blank(text[end:token.start()]))
        kept.append(token.group(0) if token.group("comment") else _blank(token.group(0)))
        end = token.end()
    return "".join(kept) + _blank(text[end:])


def includes(text):
    """(line, path) of each include of the project's own: in quotes, a repository path."""
    return [(text.count("\n", 0, match.start(1)) + 1, match.group(1))
            for match in _INCLUDE.finditer(text) if "/" in match.group(1)]
