"""Two calls become one only where nothing else reads what the first has written."""

from __future__ import annotations

from derive.targets.language.code import Apply, Assign, Each, Name, Number, Power, Product, Statement, Sum, lines
from derive.targets.torch.joins import joined

a, b, c, out, work = map(Name, ("a", "b", "c", "out", "work"))
PRODUCT = Apply("torch.mm", (a, b), work)
ENTRIES = Apply("torch.mul", (a, b), work)


def texts(*body: Statement, kept: tuple[str, ...] = ()) -> list[str]:
    (loop,) = joined([Each(False, (), body)], kept)
    assert isinstance(loop, Each)
    return lines(loop.body)


def test_a_product_is_added_in_one_call() -> None:
    assert texts(PRODUCT, Apply("torch.add", (c, work), c), ENTRIES) == [
        "torch.addmm(c, a, b, out=c)",
        "torch.mul(a, b, out=work)",
    ]
    assert texts(Apply("torch.mul", (a, b), out), Apply("torch.sub", (c, out), out)) == [
        "torch.addcmul(c, a, b, value=-1, out=out)"
    ]


def test_what_is_read_again_is_written() -> None:
    add = Apply("torch.add", (c, work), c)
    assert len(texts(PRODUCT, add, kept=("work",))) == 2
    assert len(texts(PRODUCT, add, Apply("torch.add", (work, c), out))) == 3
    assert len(texts(Apply("torch.add", (work, c), out), PRODUCT, add)) == 3, "the next step reads it"
    (loop,) = joined([Each(False, ((work, Name("buffer")),), (PRODUCT, add))], ())
    assert isinstance(loop, Each)
    assert len(loop.body) == 2, "the array keeps what every step has written"


def test_nothing_is_read_after_it_was_written() -> None:
    assert len(texts(ENTRIES, Apply("torch.add", (c, work), a), ENTRIES)) == 2, "entry by entry a may be both"
    assert len(texts(PRODUCT, Apply("torch.add", (c, work), a), PRODUCT)) == 3
    assert len(texts(ENTRIES, Apply("torch.sub", (work, c), c), ENTRIES)) == 3


def test_slopes_of_sigmoid_and_tanh_are_one_call() -> None:
    one = (False, Number("1"))
    sigmoid = Assign((out,), Product((c, a, Sum((one, (True, a))))))
    tanh = Assign((out,), Product((b, c, Sum((one, (True, Power(a, "2")))))))
    assert lines(joined([sigmoid, tanh], ())) == [
        "out = torch.ops.aten.sigmoid_backward(c, a)",
        "out = torch.ops.aten.tanh_backward(b * c, a)",
    ]
    alone = Assign((out,), Product((a, Sum((one, (True, a))))))
    assert joined([alone], ()) == [alone]
