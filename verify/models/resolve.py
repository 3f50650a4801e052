"""A formula -> its model: named, the note's own, or recognised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from derive import catalogue
from derive.notation import find as find_notation
from verify.models.equations import Equation, equations
from verify.models.model import Model
from verify.models.names import names, stripped
from verify.models.own import own
from verify.models.recognise import ENOUGH, recognised
from verify.notes import Formula

IN_CLAIMS, IN_WORDS = 1.0, 0.25
"""What a letter counts for in a formula that claims something, and where it is only mentioned."""


class Models:
    """The models of one note: one for every section, and for what its comments name."""

    def __init__(
        self, formulas: Sequence[Formula], file: str, cell: str | None = None, notation: str | None = None
    ) -> None:
        self.formulas = formulas
        self.file = file
        self.named = {key: value for key, value in (("cell", cell), ("notation", notation)) if value}
        self.equations: list[Equation] = [
            equation
            for index, formula in enumerate(formulas)
            if formula.claims
            for equation in equations(formula, index)
        ]
        self._found: dict[tuple[object, ...], Model | None] = {}

    def of(self, formula: Formula) -> Model | None:
        """The model that a formula is about; None if none fits. Raises InputError for a name that nothing has."""
        key = formula.section, formula.settings
        if key not in self._found:
            self._found[key] = self._resolve(formula)
        return self._found[key]

    def _resolve(self, formula: Formula) -> Model | None:
        settings = {**self.named, **dict(formula.settings)}
        cell, notation = settings.get("cell"), settings.get("notation")
        if notation:
            find_notation(notation)
        around = [f for f in self.formulas if (f.section, f.settings) == (formula.section, formula.settings)]
        claimed = set().union(*(names(f.fragment) for f in around if f.claims))
        text = " ".join(f.text for f in around)
        wanted = dict.fromkeys(claimed, IN_CLAIMS)
        for each in around:
            for name in names(each.fragment):
                wanted.setdefault(name, IN_WORDS)
        if cell is not None:
            if cell in catalogue.cells():
                return recognised(wanted, text, cell, notation)
            found = catalogue.find(self._path(cell))
            return Model(found, f"{found.name}, as named")
        model = None if notation else own(self.equations, formula.section, claimed)
        if model is not None and _share(model, claimed) >= ENOUGH:
            return model
        other = recognised(wanted, text, None, notation)
        if model is None or (other is not None and _share(other, claimed) > _share(model, claimed)):
            return other
        return model

    def _path(self, name: str) -> str:
        """A note that is named beside the file is found there too."""
        beside = Path(self.file.split("#")[0]).parent / name
        if not Path(name).is_file() and beside.is_file():
            return str(beside)
        return name


def _share(model: Model, claimed: set[str]) -> float:
    """The share of the letters of the claims that a model knows."""
    has = model.cell.quantities
    return sum(name in has or stripped(name) in has for name in claimed) / max(len(claimed), 1)
