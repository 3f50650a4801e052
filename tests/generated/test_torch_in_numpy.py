"""What of the torch file runs in NumPy: with the same results, where nobody records what is done."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from derive import catalogue
from derive.targets import generate
from verify.numbers.load import load

torch = pytest.importorskip("torch", reason="the files are torch's")


@pytest.fixture
def lstm() -> ModuleType:
    return load(generate(catalogue.find("lstm"), "torch"))


def counted(monkeypatch: pytest.MonkeyPatch, made: ModuleType) -> list[str]:
    """The names of the loops that run in NumPy, as they do."""
    found: list[str] = []
    for name in ("_forward_in_numpy", "_backward_in_numpy"):
        itself = getattr(made, name)

        def counting(*given: Any, name: str = name, itself: Any = itself) -> None:
            found.append(name)
            itself(*given)

        monkeypatch.setattr(made, name, counting)
    return found


def gradients(made: ModuleType, H: int = 3, **more: Any) -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    kind = next(v for v in vars(made).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))
    module = kind(D=2, H=H, dtype=torch.float64)
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(H, 3, dtype=torch.float64)
    ys, final = module(x, **more)
    (ys.sum() + (final["h"].T * weights).sum()).backward()  # the gradient of h comes in columns
    return {name: a.grad.numpy() for name, a in [("x", x), *module.named_parameters()]}


def test_results_are_those_of_torchs_calls(lstm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counted(monkeypatch, lstm)
    found = gradients(lstm)
    assert ran == ["_forward_in_numpy", "_backward_in_numpy"]
    monkeypatch.setattr(lstm, "np", None)
    wanted = gradients(lstm)
    assert len(ran) == 2
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-14)


def test_many_numbers_and_lengths_are_torchs(lstm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counted(monkeypatch, lstm)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    gradients(lstm, H=2**11)
    gradients(lstm, lengths=torch.tensor([4, 0, 2]))
    monkeypatch.setattr(lstm, "np", None)
    gradients(lstm)
    assert not ran


def test_what_is_recorded_is_torchs(lstm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Recording(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return function(*args, **(kwargs or {}))

    ran = counted(monkeypatch, lstm)
    with Recording():
        gradients(lstm)
    assert not ran


def test_tensors_of_other_kinds_are_torchs(lstm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(torch.Tensor):
        pass

    plain = torch.zeros(2)
    assert lstm.is_plain(plain, torch.nn.Parameter(plain))
    for other in (plain.as_subclass(Own), plain.to(torch.bfloat16), plain.to("meta")):
        assert not lstm.is_plain(plain, other)
    assert torch.func.vmap(lambda a: a * lstm.is_plain(a))(plain + 1).tolist() == [0, 0]


def test_one_thread_runs_all_vectors_in_numpy(lstm: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, many = torch.zeros(2), lstm.FEW + 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert lstm.are_few([plain], many, 0, lstm.SHARED + 1)
    assert not lstm.are_few([plain], many, many, many)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert lstm.are_few([plain], 4, 0, 16)
    assert not lstm.are_few([plain], many, 0, 16)
    assert not lstm.are_few([plain], 4, 0, lstm.SHARED + 1)


def test_products_with_columns_are_numpys_where_nobody_records(monkeypatch: pytest.MonkeyPatch) -> None:
    made = load(generate(catalogue.find("deltanet"), "torch"))
    a, b = torch.randn(2, 3, 4, dtype=torch.float64).mT, torch.randn(2, 3, 1, dtype=torch.float64)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    out = torch.empty(2, 4, 1, dtype=torch.float64)
    with torch.no_grad():
        for found in (made.batch_times(a, b), made.batch_times(a, b, out=out), out):
            torch.testing.assert_close(found, a @ b)
    made.batch_times(a, b.requires_grad_()).sum().backward()
    torch.testing.assert_close(b.grad, a.mT.sum(-1, keepdim=True))


def test_large_memory_is_used_again() -> None:
    made = load(generate(catalogue.find("deltanet"), "torch"))

    def place() -> int:
        found = made.in_memory((2**9, 2**9), torch.float32, torch.device("cpu"))
        assert found.shape == (2**9, 2**9) and found.dtype == torch.float32 and found.is_contiguous()
        place: int = found.data_ptr()
        return place

    assert place() == place()
    assert [len(block) for block in made.LEFT] == [2**20 + 64]
