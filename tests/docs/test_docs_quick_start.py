"""The first page from nothing to documents: what it says brings up servers and ends them."""

import json
import re
from pathlib import Path

import pytest
from docs.not_run import NOT_RUN
from docs.pages import PROJECT, blocks
from docs.shell import Shell
from docs.shop import orders
from elasticsearch import Elasticsearch
from waiting import wait_until

import local_stack


@pytest.mark.stack
@pytest.mark.timeout(900)  # a page is many commands
def test_a_table_of_ones_own_becomes_documents(tmp_path: Path) -> None:
    readme = blocks(PROJECT / "README.md")
    first, then = (one for one in readme if not any(other.is_of(one) for other in NOT_RUN))
    table = orders().rename(columns={"was_fraud": "y"})
    table.to_csv(tmp_path / "my.csv", index=False)
    try:
        with Shell(tmp_path, {}) as shell:
            shell.paste(first)
            servers = json.loads((tmp_path / ".millrace" / "stack.json").read_text())
            search = Elasticsearch(servers["elasticsearch"]).options(ignore_status=(404, 503))

            def indexed() -> bool:
                search.indices.refresh(index="millrace-*")
                found = search.count(index="millrace-predictions-mine-*")
                return bool(found.get("count", 0) == len(table))

            wait_until(indexed, 90, lambda: shell.output)
            shell.paste(then)
            assert re.search(r"^prediction\.label +(yes|no)$", shell.output, re.MULTILINE)
            assert local_stack.running_stack(tmp_path) is None
    finally:
        local_stack.down(tmp_path, wipe=True)
