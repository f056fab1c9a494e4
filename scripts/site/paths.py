"""Gives the site the paths of the repository; mkdocs calls it (`hooks` in mkdocs.yml)."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("benchmarks/results/*.md", "benchmarks/results/*.png"),
    *("examples/ci/train.yml", "examples/notebooks/*.ipynb"),
)
"""What pages link to outside of docs/: Markdown becomes a page, all else is copied."""
SEARCH = "assets/iframe-worker.js"
_ROW = re.compile(r"^\|.*\|$", re.M)
_CODE = re.compile(r"`[^`]+`")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put pages and files where their links look for them."""
    root = Path(config.config_file_path).parent
    ours = [file for file in files if file.src_dir == config.docs_dir]
    for file in ours:
        files.remove(file)
    names = [Path(file.abs_src_path or "").relative_to(root).as_posix() for file in ours]
    names += [path.relative_to(root).as_posix() for one in OUTSIDE for path in root.glob(one)]
    for name in names:
        files.append(File.generated(config, name, abs_src_path=str(root / name)))
    shim = Path(__file__).with_name("iframe-worker.js")
    files.append(File.generated(config, SEARCH, abs_src_path=str(shim)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """GitHub wants the bars of code in tables escaped; Python-Markdown would show the escapes."""
    return _ROW.sub(lambda row: _CODE.sub(_without_escapes, row[0]), markdown)


def _without_escapes(code: re.Match[str]) -> str:
    return code[0].replace(r"\|", "|")
