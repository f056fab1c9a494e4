"""`millrace models`: the versions of models, what serves, and who may say so."""

import typer

from cli.models import deploying, exchanging, explaining, keeping, keys, listing, showing

app = typer.Typer(
    help="List, compare, publish, try out and take back the versions of models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

app.command("list")(listing.list_models)
app.command()(showing.show)
app.command()(showing.compare)
app.command()(explaining.explain)
app.command()(listing.history)
app.command()(deploying.publish)
app.command()(deploying.shadow)
app.command()(deploying.canary)
app.command()(deploying.promote)
app.command()(deploying.rollback)
app.command()(deploying.retire)
app.command()(deploying.pause)
app.command()(deploying.resume)
app.command()(deploying.restore)
app.command("import")(exchanging.import_)
app.command()(exchanging.export)
app.command()(keeping.collect)
app.command()(keeping.keygen)
app.command()(keeping.rebuild)
app.add_typer(keys.app, name="keys")
