"""Calling a person's code in any setting, once it is known where every array goes and where its gradient comes from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.code.calling import words
from verify.code.calling.axes import SCALES, Axes, Setting, arranged
from verify.code.calling.base import MisfitError, Output, RaisedError, Target, Variable, as_it_is
from verify.code.running.unwritten import Unwritten
from verify.numbers.case import Array, Arrays

Fixed = Callable[[Setting, np.random.Generator], Any]
"""What is given beside the variables: sizes, indices of classes, flags."""


@dataclass(frozen=True)
class Slot:
    """Where the value of a variable goes: an argument (or a key of one) of forward or of the constructor, an attribute
    of the object, an entry of a list or dict it keeps, or a global name."""

    kind: str
    name: str
    key: str | int | None = None


@dataclass
class Passed:
    """One forward pass: what was made, called with and returned."""

    made: Any
    arguments: dict[str, Any]
    returned: Any
    weighed: dict[str, Array]


@dataclass
class CallPlan:
    """How a person's code is called; see the fields.

    forward, backward: the functions; for methods their names. `weighs` takes what J weighs out of what forward
    returned, by the name of the output. `sources` says for every argument of backward where it comes from: `seed
    NAME`, `pair NAME NAME`, `argument NAME`, `returned K`, `whole`, `fixed NAME`, `rate`. `collect` gathers the
    gradients from what backward returned and the object; with `updates` they are what backward takes off the
    parameters at the learning rate 1. `scale`: by what a loss is multiplied (`axes.SCALES`). `seed_shape`: vectors
    are handed to backward as a `row` or a `column`. `trim`: outputs that hold the state before the first step, the
    axis of time and its place along it. `target_of`: the target with its axes, where it is not an argument of
    forward. `square`: its backward pass runs only where a readout is as long as the state. `last_only`: J reads the
    last step of the outputs alone. `unwritten`: what stands in arrays that the code makes and never writes. `ragged`:
    in no layout all gradients had the shapes of their variables. `unproved`: why nothing is judged unless named
    mistakes explain all gradients, as where none of them is right for the loss of the file. `ends`: the axis of time
    of outputs of which backward takes the gradient of the last alone. `equal`: input, state and output are of one
    length.
    """

    protocol: str
    target: Target
    variables: dict[str, Variable]
    slots: dict[str, Slot]
    forward: Callable[..., Any] | str
    backward: Callable[..., Any] | str | None
    weighs: Callable[[Any, Any], dict[str, Array]]
    sources: dict[str, str]
    collect: Callable[[Any, Any], dict[str, Any]]
    weighed: list[Output] = field(default_factory=list)
    make: Callable[..., Any] | None = None
    make_fixed: dict[str, Fixed] = field(default_factory=dict)
    fixed: dict[str, Fixed] = field(default_factory=dict)
    global_fixed: dict[str, Fixed] = field(default_factory=dict)
    loss: bool = False
    targets: dict[str, str] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    not_given: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: Sequence[str] = ()
    to_theirs: Callable[[Array], Any] = as_it_is
    sizes_fixed: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    large_weights: float = 1.0
    tied: bool = False
    square: bool = False
    last_only: bool = False
    hands_object: bool = False
    longest: int = 1000
    updates: bool = False
    seed_shape: str = ""
    scale: str = ""
    trim: dict[str, tuple[int, int]] = field(default_factory=dict)
    target_of: Callable[[Any], tuple[Array, Axes]] | None = None
    unwritten: Unwritten = field(default_factory=Unwritten)
    ragged: bool = False
    unproved: str = ""
    ends: dict[str, int] = field(default_factory=dict)
    equal: bool = False

    @property
    def batched(self) -> bool:
        """Whether several examples are gone through at once."""
        return self.loss or any("B" in variable.axes for variable in self.variables.values())

    @property
    def several(self) -> bool:
        """Whether the arrays have an axis of examples."""
        return any("B" in variable.axes for variable in self.variables.values()) or any(
            "B" in o.axes for o in self.weighed
        )

    @property
    def timed(self) -> bool:
        """Whether the code goes through several steps."""
        return self.loss or any("T" in variable.axes for variable in self.variables.values())

    def time_of(self, output: str) -> int | None:
        """The place of the axis of time among those of an output."""
        found = next((o.axes for o in self.weighed if o.name == output), ())
        return found.index("T") if "T" in found else None

    def trial(self, setting: Setting, seed: int = 0) -> CallTrial:
        """Random arrays in a setting."""
        return CallTrial(self, self.fitted(setting), np.random.default_rng(1000 * seed + setting.T))

    def fitted(self, setting: Setting) -> Setting:
        """The setting with the sizes that the code fixes."""
        if self.equal and not self.sizes_fixed:
            return setting.with_sizes({"D": setting.H, "K": setting.H})
        known = self.sizes_fixed or ({"K": setting.D} if self.tied else {"K": setting.H} if self.square else {})
        return setting.with_sizes(known) if known else setting

    def variable_of(self, label: str, shape: tuple[int, ...], setting: Setting) -> str | None:
        """The variable whose gradient a label names, by name, then by what the name stands for."""
        if label in self.aliases:
            return self.aliases[label]
        bare = words.ungraded(label)
        names = list(self.variables)
        if (within := f"{label.rpartition('.')[0]}.{bare}") in self.variables:
            return within  # ahead.dW is the gradient of ahead.W
        for candidates in (
            [n for n in names if n in (bare, label)],
            [n for n in names if _spelled(n) in (_spelled(bare), _spelled(label))],
        ):
            if candidates:
                return candidates[0]
        parts = {n: v.part for n, v in self.variables.items()}
        wanted = words.state_part(bare)
        for part in filter(None, (wanted, words.part(bare))):
            same = [n for n in names if parts[n] == part]
            if len(same) == 1:
                return same[0]
        fits = [n for n in names if setting.shape(self.variables[n].axes) == shape]
        like = [n for n in fits if parts[n] in ("h", "c")] if words.means_before(bare) else []
        return like[0] if len(like) == 1 else None


def _spelled(name: str) -> str:
    return words.plain(name)


class CallTrial:
    """One setting of a plan; see `base.Trial`."""

    def __init__(self, plan: CallPlan, setting: Setting, rng: np.random.Generator) -> None:
        self.plan, self.setting = plan, setting
        self.values = {name: _drawn(v, setting, rng) for name, v in plan.variables.items()}
        if setting.seeds != 1 and plan.large_weights != 1:
            for name, variable in plan.variables.items():
                if variable.part == "weight" and words.kinds(name)[0] == "readout":
                    self.values[name] = self.values[name] * plan.large_weights
        state = rng.bit_generator.state
        self._fixed: dict[str, dict[str, Any]] = {}
        for kind, table in (("fixed", plan.fixed), ("make", plan.make_fixed), ("global", plan.global_fixed)):
            self._fixed[kind] = {name: give(setting, rng) for name, give in table.items()}
        rng.bit_generator.state = state
        self._rng_state = rng.bit_generator.state
        self._rng = rng
        self.seeds: dict[str, Array] = {}
        self.changed: list[str] = []

    @property
    def given(self) -> dict[str, Any]:
        """What forward is given beside the variables."""
        return self._fixed["fixed"]

    def run(self, values: Arrays) -> Passed:
        """One forward pass on copies of the values."""
        plan = self.plan
        filled: dict[str, dict[str, Any]] = {"argument": {}, "make": {}}
        attributes, items = [], []
        for name, slot in plan.slots.items():
            value = plan.to_theirs(np.array(values[name]))
            if slot.kind in filled:
                place = filled[slot.kind]
                if slot.key is None:
                    place[slot.name] = value
                else:
                    place.setdefault(slot.name, {})[slot.key] = value
            elif slot.kind == "global":
                plan.target.space[slot.name] = value
            elif slot.kind == "attribute":
                attributes.append((slot, value))
            else:
                items.append((slot, value))
        for name, value in self._fixed["global"].items():
            plan.target.space[name] = value
        made = None
        if plan.make is not None:
            with plan.unwritten.standing():
                made = called(plan.make, {**copy.deepcopy(self._fixed["make"]), **filled["make"]})
        for slot, value in [*attributes, *items]:
            try:
                put(made, slot, value)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise RaisedError(error) from error  # their object does not take it
        whole = {name: _as_tuple(value) for name, value in filled["argument"].items()}
        arguments = {**copy.deepcopy(self._fixed["fixed"]), **whole}
        returned = self._forward(made, arguments)
        weighed = {} if plan.loss else plan.weighs(returned, made)
        for name, (axis, step) in plan.trim.items():
            weighed[name] = np.delete(weighed[name], step, axis)
        for name, axis in plan.ends.items():
            weighed[name] = np.take(weighed[name], -1, axis)
        return Passed(made, arguments, returned, weighed)

    def _forward(self, made: Any, arguments: dict[str, Any]) -> Any:
        plan = self.plan
        function = getattr(made, plan.forward) if isinstance(plan.forward, str) else plan.forward
        with np.errstate(all="ignore"), plan.unwritten.standing():
            return called(function, {"*made": made, **arguments} if plan.hands_object else arguments)

    def unmasked(self) -> CallTrial:
        """The same trial with every sequence of full length, as a cell without lengths goes through it."""
        for name, variable in self.plan.variables.items():
            if variable.part in ("lengths", "mask"):
                full = self.setting.T if variable.part == "lengths" else 1
                self.values[name] = np.full_like(self.values[name], full)
        return self

    def again(self, passed: Passed) -> None:
        """A second forward pass of the same object, at the values."""
        for name, slot in self.plan.slots.items():
            if slot.kind in ("attribute", "item"):
                put(passed.made, slot, np.array(self.values[name]))
        passed.returned = self._forward(passed.made, passed.arguments)

    def outputs(self, values: Arrays) -> dict[str, Array]:
        """What J weighs."""
        return self.run(values).weighed

    def objective(self, values: Arrays) -> float:
        """J of some values."""
        passed = self.run(values)
        if self.plan.loss:
            return float(np.real(self._loss(passed)))
        self._draw_seeds(passed)
        with np.errstate(all="ignore"):
            return float(sum(np.sum(self.seeds[n] * np.asarray(o, np.float64)) for n, o in passed.weighed.items()))

    def analytic(self, values: Arrays) -> complex:
        """J of complex values: the complex step reads a derivative off its imaginary part."""
        passed = self.run(values)
        if self.plan.loss:
            return complex(self._loss(passed))
        with np.errstate(all="ignore"):
            return complex(sum(np.sum(self.seeds[n] * np.asarray(o)) for n, o in passed.weighed.items()))

    def _loss(self, passed: Passed) -> Any:
        plan, setting = self.plan, self.setting
        scale = SCALES[plan.scale](setting.T, setting.B if plan.several else 1, setting.K)
        return scale * np.asarray(plan.weighs(passed.returned, passed.made)["loss"]).reshape(())

    def _draw_seeds(self, passed: Passed) -> None:
        for name, value in passed.weighed.items():
            if name not in self.seeds or self.seeds[name].shape != value.shape:
                self.seeds[name] = self._rng.normal(size=value.shape) * self.setting.seeds
                if self.plan.last_only:
                    _keep_last(self.seeds[name], self.plan.time_of(name))

    def gradients(self, passed: Passed | None = None) -> dict[str, Array]:
        """What the code gives, by its names; `changed` then holds the arguments that it wrote to."""
        return {n: np.asarray(v) for n, v in self.raw(passed).items()}

    def raw(self, passed: Passed | None = None, *, shapes: bool = False) -> dict[str, Any]:
        """The gradients as they came."""
        plan = self.plan
        passed = passed or self.run(self.values)
        if plan.loss and plan.backward is None:
            found = plan.collect(passed.returned, passed.made)
            return found | self._taken(passed, {n: self.values[n] for n in plan.slots}) if plan.updates else found
        self._draw_seeds(passed)
        arguments: dict[str, Any] = {}
        for name, source in plan.sources.items():
            kind, _, rest = source.partition(" ")
            if kind == "seed" and rest not in self.seeds:
                raise MisfitError(f"nothing that the forward pass gives is what {rest} is a gradient of")
            if kind == "seed":
                arguments[name] = plan.to_theirs(_shaped(np.array(self.seeds[rest]), plan.seed_shape))
            elif kind == "rate":
                arguments[name] = 1.0
            elif kind == "argument":
                arguments[name] = passed.arguments[rest]
            elif kind == "returned":
                arguments[name] = passed.returned[int(rest)]
            elif kind == "whole":
                arguments[name] = passed.returned
            elif kind == "seeds":
                arguments[name] = dict(self.seeds)
            elif kind == "pair":
                parts = (np.array(self.seeds[one]) for one in rest.split())
                arguments[name] = tuple(plan.to_theirs(_shaped(part, plan.seed_shape)) for part in parts)
            elif kind == "fixed":
                arguments[name] = copy.deepcopy(self._fixed["fixed"][rest])
        before = {n: v.copy() for n, v in arguments.items() if isinstance(v, np.ndarray)}
        values = {n: v.copy() for n, v in passed.arguments.items() if isinstance(v, np.ndarray)}
        function = getattr(passed.made, plan.backward) if isinstance(plan.backward, str) else plan.backward
        parameters = self._parameters(passed) if plan.updates else {}
        with np.errstate(all="ignore"), plan.unwritten.standing():
            returned = called(function, arguments)
        self.changed = [n for n, v in before.items() if not _equal(v, arguments[n])]
        self.changed += [n for n, v in values.items() if n not in before and not _equal(v, passed.arguments[n])]
        found = plan.collect(returned, passed.made)
        if plan.updates:
            found |= self._taken(passed, parameters)
        if plan.seed_shape:
            found = {n: self._unshaped(n, v) for n, v in found.items()}
        return found

    def _taken(self, passed: Passed, before: Mapping[str, Array]) -> dict[str, Array]:
        """What has been taken off the parameters since."""
        found = {f"d{n}": before[n] - v for n, v in self._parameters(passed).items()}
        return found if any(v.any() for v in found.values()) else {}

    def _parameters(self, passed: Passed) -> dict[str, Array]:
        """Copies of the parameters as they now stand where the code keeps them."""
        found = {}
        for name, slot in self.plan.slots.items():
            if self.plan.variables[name].part in ("weight", "bias"):
                found[name] = np.array(standing(passed, slot, self.plan.target.space))
        return found

    def _unshaped(self, label: str, value: Any) -> Any:
        """A gradient of a vector without the axis of length one that its seed was given."""
        shape = np.shape(value)
        name = self.plan.variable_of(label, shape, self.setting)
        wanted = self.values[name].shape if name is not None else shape
        same = [n for n in shape if n != 1] == [n for n in wanted if n != 1]
        return np.reshape(value, wanted) if same else value


def _keep_last(seed: Array, axis: int | None) -> None:
    if axis is not None:
        np.moveaxis(seed, axis, 0)[:-1] = 0


def _shaped(seed: Array, shape: str) -> Array:
    if seed.ndim != 1 or not shape:
        return seed
    return seed[None, :] if shape == "row" else seed[:, None]


def _as_tuple(value: Any) -> Any:
    """Arrays under numbers as the tuple that they are taken out of."""
    numbered = isinstance(value, dict) and all(isinstance(key, int) for key in value)
    return tuple(value[key] for key in sorted(value)) if numbered else value


def standing(passed: Passed, slot: Slot, space: Mapping[str, Any]) -> Any:
    """What stands in a slot after a call."""
    if slot.kind == "global":
        return space[slot.name]
    if slot.kind in ("attribute", "item"):
        owner = within(passed.made, slot.name.split("."))
        return owner if slot.key is None else owner[slot.key]
    found = passed.arguments[slot.name]
    return found if slot.key is None else found[slot.key]


def _equal(a: Array, b: Any) -> bool:
    return (
        isinstance(b, np.ndarray) and a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
    )


def called(function: Any, arguments: Mapping[str, Any]) -> Any:
    """Call by place as far as names are not allowed, by name otherwise."""
    by_place = [value for name, value in arguments.items() if name.startswith("*")]
    try:
        return function(*by_place, **{name: value for name, value in arguments.items() if not name.startswith("*")})
    except (Exception, SystemExit) as error:  # whatever a person's code may raise
        raise RaisedError(error) from error


def within(made: Any, path: Sequence[str]) -> Any:
    """What stands at a place in an object: attributes, and numbers for places in lists."""
    for name in path:
        made = made[int(name)] if name.isdigit() else getattr(made, name)
    return made


def put(made: Any, slot: Slot, value: Any) -> None:
    """Write a value to its place in an object: into the array that is there, so that whoever shares it sees it."""
    *path, last = slot.name.split(".")
    owner = within(made, path)
    if slot.key is None:
        there = getattr(owner, last, None)
        if there is not None and hasattr(there, "detach"):
            import torch

            there.data = torch.as_tensor(value if hasattr(value, "detach") else np.array(value), dtype=torch.float64)
            return
        if isinstance(there, np.ndarray) and there.shape == np.shape(value) and there.dtype == np.float64:
            there[...] = value
        else:
            setattr(owner, last, value)
        return
    container = getattr(owner, last)
    there = container[slot.key]
    if isinstance(there, np.ndarray) and there.shape == np.shape(value) and there.dtype == np.float64:
        there[...] = value
    else:
        container[slot.key] = value


def _drawn(variable: Variable, setting: Setting, rng: np.random.Generator) -> Array:
    shape = setting.shape(variable.axes)
    if variable.part in ("lengths", "mask"):
        lengths = rng.integers(1, setting.T + 1, size=setting.B)
        lengths[:2] = (setting.T, max(1, setting.T // 2))[: setting.B]
        if variable.part == "lengths":
            return lengths
        mask = (np.arange(setting.T)[None] < lengths[:, None]).astype(float)
        return np.array(arranged(mask, ("B", "T"), variable.axes))
    if variable.part == "weight":
        inner = [setting.size(a) for a in variable.axes if a in ("D", "J", "N", "M", "H")] or [1]
        return np.asarray(rng.normal(size=shape) / np.sqrt(min(inner)))
    return rng.normal(size=shape) * (1.0 if variable.part == "input" else 0.7)


def real_array(value: Any) -> Array | None:
    """A value as a float array: an array, a list of arrays of one shape, or a dict from step to array; else None."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, Mapping):
        steps = sorted(k for k in value if isinstance(k, int | np.integer) and k >= 0)
        if not steps or steps != list(range(len(steps))):
            return None
        value = [value[k] for k in steps]
    if isinstance(value, list | tuple):
        if not value or not all(isinstance(v, np.ndarray) or hasattr(v, "detach") for v in value):
            return None
        parts = [v.detach().cpu().numpy() if hasattr(v, "detach") else v for v in value]
        if len({p.shape for p in parts}) != 1 or parts[0].dtype.kind not in "fc":
            return None
        return np.stack(parts)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return value
    if (
        isinstance(value, np.ndarray)
        and value.dtype == object
        and value.size
        and all(isinstance(v, np.ndarray) for v in value.flat)
    ):
        return real_array(list(value.flat))
    if isinstance(value, float | np.floating | np.complexfloating):
        return np.asarray(value)
    return None
