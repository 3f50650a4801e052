"""A second reader of printed formulas: LaTeX -> functions of numbers. It shares nothing with the package's.

A formula is read strictly: columns, juxtaposition is the matrix product (of two columns the elementwise one), ⊙ is
elementwise, shapes must fit; a sum without a bound runs from 1 to T, and a letter without its step means step t.
"""

from __future__ import annotations

import re

from numbers_arithmetic import (
    FUNCTIONS,
    BeyondError,
    UnreadError,
    added,
    column,
    divided,
    elementwise,
    multiplied,
    transposed,
)

STEPS = 4
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|\d+|.", re.DOTALL)


def tokens(text: str) -> list[str]:
    """The tokens of LaTeX; white space is one of them, so that they join to the text."""
    return TOKEN.findall(text)


class Reader:
    """Recursive descent over the printed language; each rule returns a function of an environment."""

    def __init__(self, text: str, names: dict[str, str]) -> None:
        spaces = (r"\,", r"\;", r"\!", r"\left", r"\right", r"\displaystyle")
        spaces += (r"\mathrm",)  # a font says nothing
        items = [token for token in tokens(text) if not token.isspace() and token not in spaces]
        # A comma before a relation, an operator or a closing brace, or at an end, is punctuation.
        stops = ("=", "}", "", "+", "-", r"\odot")
        kept = [x for x, after in zip(items, [*items, ""][1:], strict=True) if x != "," or after not in stops]
        self.items = kept[1:] if kept[:1] == [","] else kept
        self.names = names
        self.taken = {key.split("_")[-1] for key in names} | {key.split("_")[0] for key in names}
        self.i = 0

    @property
    def now(self) -> str:
        return self.items[self.i] if self.i < len(self.items) else ""

    def take(self, wanted: str = "") -> str:
        if not self.now or (wanted and self.now != wanted):
            raise UnreadError(f"{wanted or 'more'} at {self.i}")
        self.i += 1
        return self.items[self.i - 1]

    def equation(self):
        left = self.sum()
        self.take("=")
        right = self.sum()
        if self.now:
            raise UnreadError(self.now)
        return left, right

    def sum(self):
        sign = -1 if self.now == "-" else 1
        if self.now in ("-", "+"):
            self.take()
        found = [(sign, self.dots())]
        while self.now and self.now in "+-":
            found.append((-1 if self.take() == "-" else 1, self.dots()))
        if len(found) == 1 and sign == 1:
            return found[0][1]
        return lambda env: added([(s, term(env)) for s, term in found])

    def dots(self):
        found = [self.run()]
        while self.now in (r"\odot", r"\circ"):
            self.take()
            found.append(self.run())
        return found[0] if len(found) == 1 else lambda env: elementwise([factor(env) for factor in found])

    def run(self):
        found = []
        while self.now and self.now not in ("+", "-", "=", ")", "}", "]", "&", ",", r"\odot", r"\circ", "^", "_"):
            if self.now == r"\sum":
                found.append(self.big())
                break
            found.append(self.raised())
        if not found:
            raise UnreadError("nothing")
        return found[0] if len(found) == 1 else lambda env: multiplied([factor(env) for factor in found])

    def big(self):
        self.take(r"\sum")
        scripts = {}
        while self.now in ("_", "^"):
            mark = self.take()
            if mark in scripts:
                raise UnreadError("two scripts")
            scripts[mark] = self.group() if self.now == "{" else [self.take()]
        below, above = scripts.get("_", []), scripts.get("^", ["T"])
        if below == ["t"]:
            below = ["t", "=", "1"]
        if len(below) < 3 or below[1] != "=" or below[0] not in ("t", "k"):
            raise UnreadError("the index of a sum")
        index, first, last = below[0], _time(below[2:]), _time(above)
        body = self.dots()

        def value(env):
            start, end = first(env), last(env)
            total = None
            for k in range(start, end + 1):
                term = body({**env, index: k})
                total = term if total is None else added([(1, total), (1, term)])
            if total is None:
                raise BeyondError("an empty sum")
            return total

        return value

    def group(self) -> list[str]:
        self.take("{")
        depth, found = 1, []
        while True:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth == 0:
                return found
            found.append(token)

    def raised(self):
        base = self.atom()
        while self.now == "^":
            self.take()
            script = self.group() if self.now == "{" else [self.take()]
            base = _scripted(base, script)
        return base

    def atom(self):
        token = self.now
        if token in ("(", "["):
            self.take()
            inner = self.sum()
            self.take({"(": ")", "[": "]"}[token])
            return inner
        if token.isdigit():
            number = int(self.take())
            return lambda env: number
        if token in (r"\frac", r"\tfrac"):
            return self.fraction()
        if token == r"\mathbf":
            self.take()
            inner = self.group() if self.now == "{" else [self.take()]
            if inner == []:
                return self.atom()
            if inner != ["1"]:
                raise UnreadError("bold")
            if self.items[self.i : self.i + 2] == ["{", "}"]:
                self.i += 2
            return lambda env: "ones"
        name = self.letter()
        if name in ("tanh", "sigma", "log", "softmax"):
            return self.call(name)
        if name == "g" and "g" not in self.names:
            slope = self.now == "'"
            self.i += slope
            if self.now != "(":
                raise UnreadError("an open function without an argument")
            return self.call("g'" if slope else "g")
        return self.quantity(name)

    def letter(self) -> str:
        """The text of a letter without scripts."""
        token = self.take()
        if token in (r"\operatorname", r"\tilde", r"\hat"):
            inner = "".join(self.group()) if self.now == "{" else self.take()
            return f"{token}{{{inner}}}" if token in (r"\tilde", r"\hat") else inner
        if token in (r"\tanh", r"\log", r"\sigma"):
            return token[1:]
        if len(token) == 1 and token.isalpha():
            return token
        if token == "{":
            self.i -= 1
            inner = "".join(self.group())
            return f"\\mathrm{{{inner}}}" if inner.isalpha() and len(inner) > 1 else inner
        raise UnreadError(token)

    def scripts(self) -> tuple[list[str], list[str]]:
        labels: list[str] = []
        time: list[str] = []
        if self.now == "_":
            self.take()
            parts = "\0".join(self.group() if self.now == "{" else [self.take()]).split("\0,\0")
            pieces = [part.split("\0") for part in parts]
            for piece in pieces:
                if self.stepped(piece[0]):
                    if time or piece is not pieces[-1]:
                        raise UnreadError("two times")
                    time = piece
                elif len(pieces) <= 2 and not labels:
                    # net_{it} is net_{i,t}
                    both = len(pieces) == 1 and len(piece) > 1 and piece[-1] == "t"
                    labels.append("".join(piece[:-1] if both else piece))
                    time = ["t"] if both else time
                else:
                    raise UnreadError("labels")
        return labels, time

    def stepped(self, item: str) -> bool:
        """Whether this can begin a step: t, T, a number, or a letter that stands for nothing else."""
        return (
            item in ("t", "T", "k") or item.isdigit() or (len(item) == 1 and item.islower() and item not in self.taken)
        )

    def quantity(self, letter: str):
        turned = False
        if self.now == "^" and self.items[self.i + 1 : self.i + 2] in (["T"], [r"\top"]):
            turned = True
            self.i += 2
        found = self.placed(letter)
        return (lambda env: transposed(found(env))) if turned else found

    def placed(self, letter: str):
        labels, time = self.scripts()
        key = letter + ("_" + labels[0] if labels else "")
        if key not in self.names:
            raise UnreadError(key)
        name, at = self.names[key], _time(time) if time else None
        if name == "L" and at is None:
            raise UnreadError("the loss without a step can be the sum")
        return lambda env: env["model"].value(env, name, at)

    def call(self, name: str):
        power = None
        if self.now == "^":
            self.take()
            script = self.group() if self.now == "{" else [self.take()]
            if len(script) != 1 or not script[0].isdigit():
                raise UnreadError("a script at a function")
            power = int(script[0])
        if self.now == "(":
            self.take("(")
            inner = self.sum()
            self.take(")")
        else:
            inner = self.atom()

        def value(env):
            result = FUNCTIONS[name](column(inner(env)))
            return result if power is None else result**power

        return value

    def fraction(self):
        self.take()
        start = self.i
        above, middle = self.group(), self.i
        below, end = self.group(), self.i
        if above[:1] == [r"\partial"]:
            return self.derivative(above[1:], below)
        self.i = start + 1
        top = self.sum()
        if self.i != middle - 1:
            raise UnreadError("above")
        self.i = middle + 1
        bottom = self.sum()
        if self.i != end - 1:
            raise UnreadError("below")
        self.i = end
        return lambda env: divided(top(env), bottom(env))

    def derivative(self, above: list[str], below: list[str]):
        immediate = above[:4] == ["^", "{", "+", "}"]
        losses = (["J"], ["L"]) if "L" in self.names.values() else (["J"],)
        if above[4 if immediate else 0 :] not in losses or below[:1] != [r"\partial"]:
            raise UnreadError("a derivative")
        inner = Reader("", self.names)
        inner.items = below[1:]
        letter = inner.letter()
        turned = False
        if inner.now == "^" and inner.items[inner.i + 1 : inner.i + 2] in (["T"], [r"\top"]):
            inner.i += 2
            turned = True
        labels, time = inner.scripts()
        if not turned and inner.items[inner.i :] in (["^", "T"], ["^", r"\top"]):
            inner.i += 2
            turned = True
        if inner.now:
            raise UnreadError(inner.now)
        key = letter + ("_" + labels[0] if labels else "")
        if key not in self.names:
            raise UnreadError(key)
        name, at = self.names[key], _time(time) if time else None
        if turned:
            return lambda env: transposed(env["model"].gradient(env, name, at, immediate))
        return lambda env: env["model"].gradient(env, name, at, immediate)


def _time(items: list[str]):
    """t, t-1, T, 3, k+1 as a function of an environment."""
    if not items or len(items) % 2 == 0 or any(sign not in "+-" for sign in items[1::2]):
        raise UnreadError("a time")
    if not all((len(i) == 1 and i.islower()) or i == "T" or (i.isdigit() and len(i) < 3) for i in items[::2]):
        raise UnreadError("a time")

    def value(env):
        total = 0
        for sign, item in zip(["+", *items[1::2]], items[::2], strict=True):
            number = int(item) if item.isdigit() else STEPS if item == "T" else env.get(item)
            if number is None:
                raise BeyondError(f"no {item} here")
            total += number if sign == "+" else -number
        return total

    return value


def _scripted(base, script: list[str]):
    if script in ([r"\top"], ["T"]):
        return lambda env: transposed(base(env))
    digits = [item for item in script if item != r"\odot"]
    if len(digits) == 1 and digits[0].isdigit() and len(script) - len(digits) < 2:
        exponent, marked = int(digits[0]), len(script) == 2

        def value(env):
            matrix = base(env)
            if isinstance(matrix, str):
                return matrix
            if not marked and not isinstance(matrix, int) and 1 not in matrix.shape:
                raise UnreadError("a power of a matrix")
            return matrix**exponent

        return value
    if script == ["-", "1"]:
        return lambda env: divided(1, base(env)) if not isinstance(base(env), str) else base(env)
    raise UnreadError("a script")
