"""Reading our Markdown pages: links, anchors, shell blocks and variables."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^( *)(```+|~~~+)[ ]*([\w-]*)[^\n]*\n(.*?)^ *\2[ ]*$", re.M | re.S)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
_INLINE = re.compile(r"(?<!`)`(millrace\s[^`]+)`(?!`)")
_LEFT_OPEN = re.compile(r"[\[\]()|…<>]")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.M)
_VARIABLE = re.compile(r"\bMILLRACE(?:_[A-Z0-9]+)+(?:_(?=[…*<]))?")
_SHELLS = {"sh", "bash", "shell", "console"}
_SEPARATORS = re.compile(r"^(?:[;&|]+|\(|\))$")
_DESCRIPTORS = re.compile(r"(?<=\s)\d(?=[<>])")
_REDIRECTION = re.compile(r"^&?[<>]+&?$")


@dataclass(frozen=True)
class Invocation:
    """`millrace` with its arguments, as a shell would split them."""

    line: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A block of shell commands, and the line of its page at which it begins."""

    page: str
    line: int
    code: str


def blocks(page: Path) -> list[Block]:
    """The shell blocks of a page, in order."""
    text = page.read_text("utf-8")
    name = page.relative_to(PROJECT).as_posix()
    return [
        Block(name, text.count("\n", 0, found.start()) + 1, found[4])
        for found in _FENCE.finditer(text)
        if found[3] in _SHELLS
    ]


def links(text: str) -> list[str]:
    """What is linked to, outside of code."""
    return _LINK.findall(_CODE.sub("`", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Of all headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        shown = _LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        number = next(n for n in range(1000) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def variables(text: str) -> set[str]:
    """Names of `MILLRACE_…`; one that is cut short by `…`, `*` or `<` ends with `_`."""
    return set(_VARIABLE.findall(text))


def invocations(text: str) -> Iterator[Invocation]:
    """Every `millrace …` in the shell blocks of a page, and between backticks where it is written
    out: without `[…]`, `a | b` or `…`."""
    for _, _, language, block in _FENCE.findall(text):
        if language not in _SHELLS:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if "millrace" in line:
                yield from _of_line(line)
    for code in _INLINE.findall(_FENCE.sub("", text)):
        if not _LEFT_OPEN.search(code):
            yield from _of_line(" ".join(code.split()))


def _of_line(line: str) -> Iterator[Invocation]:
    line = _DESCRIPTORS.sub("", line.removeprefix("$ "))
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if _REDIRECTION.match(word):
            next(lexer, None)
        elif _SEPARATORS.match(word):
            commands.append([])
        else:
            commands[-1].append(word)
    for words in commands:
        for place, word in enumerate(words):
            # `.venv/bin/millrace` and `docker compose run worker millrace` are ours, too.
            if word.rpartition("/")[2] == "millrace" and not word.startswith("-"):
                yield Invocation(line.strip(), tuple(words[place + 1 :]))
                break
