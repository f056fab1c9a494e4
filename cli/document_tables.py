"""What `millrace documents` tells people: tables, and what they mean."""

from typing import TYPE_CHECKING

from cli.output import print_table, stdout

if TYPE_CHECKING:
    from elk.documents.comparing import Comparison
    from elk.documents.erasing import Erased
    from elk.documents.remains import Kept

_COLUMNS = (
    *("records", "repeated", "rejected", "erased", "set_aside"),
    *("documents", "older", "missing", "extra"),
)
_MEANING = {
    "missing": "no document for the record",
    "unknown": "no record for the document",
    "erased": "the document of an erased record",
    "twice": "the document is in two indices",
}
_ELSEWHERE = """\
Not reached, and for you to see to:
  - snapshots of Elasticsearch: 'millrace documents snapshot restore' leaves erased documents out
    again, but the files hold them until the snapshots are deleted
  - files of your own that events, labels or training sets were read from
  - golden samples in model packages: a few feature values each, without ids; train a new version
    without the entity where these could tell who it is
  - records and dead letters that name the entity nowhere but in free text
Elasticsearch frees the space on its disks when it merges segments next."""


def print_comparison(found: "Comparison") -> None:
    """One line for each partition, then the first differences."""
    rows = [
        (row.topic, row.partition, *(f"{getattr(row, column):,}" for column in _COLUMNS))
        for row in found.rows
    ]
    columns = ("topic", "part.", *(column.replace("_", " ") for column in _COLUMNS))
    print_table("Kafka and Elasticsearch", columns, rows)
    for one in found.examples:
        place = "" if one.offset is None else f"@{one.offset}"
        stdout.print(
            f"{_MEANING[one.why]}: {one.topic}[{one.partition}]{place}  {one.id}",
            markup=False,
            soft_wrap=True,
        )
    if found.behind:
        stdout.print(
            f"The indexers have {found.behind:,} records to go; wait for them, or start one."
        )
    if found.equal:
        stdout.print("Equal: every record has its document, and every document its record.")
    else:
        stdout.print(
            "Not equal. 'millrace documents rebuild' writes what is missing.", soft_wrap=True
        )


def print_erased(erased: "Erased", kept: list["Kept"]) -> None:
    """What was erased, and what remains where and until when."""
    verb = "would be erased" if erased.dry_run else "erased"
    for kind, count in erased.documents.items():
        stdout.print(f"{count:>10,}  {kind} {verb}", markup=False)
    stdout.print(f"{erased.events:>10,}  events of the entity were found")
    if erased.unscored:
        stdout.print(
            f"{erased.unscored:>10,}  events of all entities are not scored yet; what becomes of "
            "those of this entity is dropped by the indexers",
            soft_wrap=True,
        )
    stdout.print("\nKafka keeps the records themselves, until they are gone at the latest:")
    for topic in kept:
        until = "never" if topic.gone_by is None else f"{topic.gone_by:%Y-%m-%d %H:%M} UTC"
        days = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms / 86_400_000:g} days"
        stdout.print(f"  {topic.topic:<28} kept {days:<10} gone by {until}", markup=False)
    stdout.print(_ELSEWHERE, markup=False)
