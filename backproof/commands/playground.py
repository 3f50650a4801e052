"""serve: a page to type in, on this computer."""

from __future__ import annotations

import click

from backproof.commands.answering import guarded
from derive.errors import InputError


@click.command(epilog="Example:  backproof serve --open")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--time-limit", type=click.FloatRange(1, 600), default=20, show_default=True, help="Seconds per answer.")
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@guarded
def serve(port: int, time_limit: float, opened: bool) -> None:
    """A page on this computer to type equations and formulas in: typeset, read, judged and derived as you type.

    It listens on 127.0.0.1 alone and answers only who has the token of its address. Ctrl + C ends it.
    """
    from verify.playground.server import Playground

    try:
        server = Playground(port, time_limit, "backproof.preload")
    except OSError as error:
        raise InputError(f"cannot listen on port {port}: {error.strerror}", hint="leave out --port") from None
    click.echo(server.url)
    click.echo("Ctrl + C ends it", err=True)
    if opened:
        import webbrowser

        webbrowser.open(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("ended", err=True)
    finally:
        server.server_close()
