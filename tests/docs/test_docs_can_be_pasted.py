"""What stands in the shell blocks of the pages does what they say, pasted as it is."""

import os
from collections.abc import Iterator

import pytest
from docs.not_run import NOT_RUN, NotRun
from docs.pages import PAGES, PROJECT, Block, blocks
from docs.preparations import AFTER, BEFORE, steps_of
from docs.shell import Shell
from docs.shop import Shop
from real_stack import RealStack

BLOCKS = [block for page in PAGES for block in blocks(page)]
ELSEWHERE = {"README.md": "test_docs_quick_start.py", "docs/security.md": "tests/security"}
"""Pages whose blocks need servers of their own, and where they are pasted."""


def is_run(block: Block) -> bool:
    return not any(one.is_of(block) for one in NOT_RUN)


HERE = sorted({block.page for block in BLOCKS if is_run(block)} - ELSEWHERE.keys())


@pytest.fixture(scope="module")
def shop(stack: RealStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MILLRACE_")]:
            patch.delenv(name)
        shop = Shop(stack, tmp_path_factory.mktemp("shop"))
    try:
        shop.open()
        yield shop
    finally:
        shop.close()


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.timeout(900)  # a page is many commands
@pytest.mark.parametrize("page", HERE)
def test_every_block_of_a_page_does_what_it_says(shop: Shop, page: str) -> None:
    shop.as_before()
    with Shell(shop.folder, shop.variables) as shell:
        for block in filter(is_run, blocks(PROJECT / page)):
            for prepare in steps_of(BEFORE, block):
                prepare(shop, shell)
            shell.paste(block)
            for examine in steps_of(AFTER, block):
                examine(shop, shell)
        shell.leave()


@pytest.mark.parametrize("one", NOT_RUN, ids=lambda one: one.command)
def test_what_is_not_run_is_there_and_could_be(one: NotRun) -> None:
    [block] = filter(one.is_of, BLOCKS)

    one.check(block.code)


def test_every_preparation_is_of_a_block() -> None:
    for steps in (BEFORE, AFTER):
        for page, command in steps:
            assert [b for b in BLOCKS if b.page == page and b.code.startswith(command)]


def test_there_is_something_to_run() -> None:
    assert len(list(filter(is_run, BLOCKS))) > 30
    assert len(NOT_RUN) < 7
