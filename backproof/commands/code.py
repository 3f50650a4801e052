"""check-code: a person's own backward pass judged."""

from __future__ import annotations

from typing import Any

import click

from backproof.commands.answering import guarded, print_json, tell
from backproof.commands.options import CELL, LANG, json_option, network_options
from derive.errors import InputError, ProgramFault

NEXT = "next: name how it is called with --as, say the axes of its arrays in the file (SHAPES), or fill in an adapter:"
"""What to do where it was not found out how code is called."""


EXAMPLES = """\b
Example:  backproof check-code my_lstm.py:lstm_backward --cell lstm
          backproof check-code my_model.py:GRUCell --cell gru
          backproof check-code my_model.py:RNN.bptt --cell rnn
          backproof check-code my_norm.py:layernorm_backward --gradients
"""


@click.command("check-code", epilog=EXAMPLES)
@click.argument("function", metavar="FILE[:TARGET]")
@click.option("--cell", help="The cell that the function belongs to.", **CELL)
@click.option("--gradients", is_flag=True, help="Judge the gradients by their own forward pass alone; no cell.")
@click.option("--as", "protocol", metavar="PROTOCOL", help="How it is called, where that cannot be told (see above).")
@click.option("--layout", default="", help="For f(params, x, d_ys): axes of x, as in: BTn, vectors=n1, gates=ifgo.")
@click.option("--names", default="", help="For f(params, x, d_ys): your arrays in the cell's names, as in: W_ih=W_*.")
@click.option("--tolerance", type=float, help="For --layout and --names: the largest relative error that is right.")
@click.option("--time-limit", type=click.FloatRange(1, 3600), default=20, show_default=True, help="Seconds per stage.")
@click.option("--skeleton", is_flag=True, help="Print an adapter for what could not be called.")
@network_options
@LANG
@json_option
@guarded
def check_code(function: str, cell: str | None, protocol: str | None, lang: str, as_json: bool, **options: Any) -> int:
    """Judge your own backward pass: by your own forward pass, explained by a cell. THIS RUNS YOUR CODE.

    TARGET is a function (its forward function is found beside it), a class with forward and backward, a method, a loss
    function, a rule of JAX, or a torch Module or Function; left out, it is the only one in the file, which may be a
    notebook. It runs in a process of its own, with a limit of time. How it is called is found out.

    \b
    PROTOCOL (each on a page of docs/code):
    cs231n, deeplearning-ai, min-char-rnn, layer, framework, torch, functions, loss, predictions, one-function
    """
    from verify.code.running import careful

    if cell is None and not options["gradients"]:
        raise InputError("which cell does it belong to?", hint="name it with --cell lstm, or ask for --gradients alone")
    if protocol:
        from verify.code import protocols  # and with them SymPy: the process that runs the code loads it anyway

        if protocol not in protocols.names():
            raise InputError(f"no protocol is called {protocol}", hint=f"known: {', '.join(protocols.names())}")
    tell(f"running your code: {function}", err=True)
    names = ("layers", "bidirectional", "reverse", "dropout", "head", "loss", "last_step")
    network = {name: options.pop(name) for name in names}
    request = {"spec": function, "cell": cell, "as": protocol, "network": network, **options}
    request["limit"] = options["time_limit"]
    answer = careful.judged(request)
    for line in answer.get("printed", "").splitlines()[-20:]:
        click.echo(f"  | {line}", err=True)
    if "fault" in answer:
        raise ProgramFault("unforeseen", answer["fault"], answer["calls"])
    if "error" in answer:
        raise InputError(answer["message"], hint=answer["hint"])
    if answer["reason"]:
        tell(f"error: {answer['reason']}", err=True)
        if answer.get("uncalled") and "--skeleton" not in answer["reason"]:
            tell(NEXT, err=True)
            click.echo(f"  backproof check-code {function} --cell {cell or 'lstm'} --skeleton > adapter.py", err=True)
    if as_json:
        print_json(answer["json"])
    elif answer["text"]:
        tell(answer["text"])
    return int(answer["code"])
