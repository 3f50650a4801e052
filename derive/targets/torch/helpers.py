"""Helper functions of a torch file whose NumPy form torch does not share."""

WRITTEN = {
    "rows": '''def rows(a):
    """(T, B, n) as T·B rows."""
    return a.reshape(-1, a.shape[-1])''',
    "rows_times": '''def rows_times(a, matrix):
    """a @ matrix for every step and example at once, as one product of rows."""
    return a @ matrix''',
    "in_rows": '''def in_rows(matrix, T, B):
    """The matrix in one piece, which products read faster, where T steps of B rows are worth the copy."""
    return matrix.contiguous() if T > 8 and B > 4 else matrix''',
    "batch_times": '''def batch_times(a, b, out=None):
    """a @ b for batches of matrices; columns by NumPy, or as rows times the transposed matrix, which is faster."""
    if b.shape[-1] != 1:
        return torch.matmul(a, b, out=out)
    if torch.get_num_threads() == 1 and not torch.is_grad_enabled() and is_plain(a, b):
        if out is None:
            return torch.from_numpy(np.matmul(*arrays_of(a, b)))
        np.matmul(*arrays_of(a, b), out=arrays_of(out)[0])
        return out
    return torch.matmul(b.mT, a.mT, out=None if out is None else out.mT).mT''',
    "in_memory": '''def in_memory(shape, dtype, device):
    """torch.empty; a large tensor on a CPU takes memory that is left."""
    found = torch.empty(shape, dtype=dtype, device=device)
    large = found.nbytes >= 2**17 and is_plain(found)
    return torch.from_numpy(memory(shape, found.numpy().dtype)) if large else found''',
    "cached": '''def cached(device):
    """The entries that a block of steps may have in one tensor: on a CPU all tensors of a block stay in the cache."""
    return 2**15 if device.type == "cpu" else 2**22''',
    "joined": '''def joined(*parts, dim):
    """Parts joined along an axis, those without leading axes repeated along the others' leading axes."""
    leading = torch.broadcast_shapes(*(part.shape[:dim] for part in parts))
    return torch.cat([part.expand(leading + part.shape[dim:]) for part in parts], dim=dim)''',
    "gated": '''def gated(gate, a):
    """a where the gate is 1; where it is 0 that is the product, whatever a is."""
    return torch.where(gate > 0, a, 0)''',
    "softmax": '''def softmax(a):
    """exp(a) / Σ exp(a) along the last axis."""
    return torch.softmax(a, dim=-1)''',
    "log_softmax": '''def log_softmax(a):
    """log softmax(a) along the last axis without forming a quotient."""
    return torch.log_softmax(a, dim=-1)''',
    "erf": '''def erf(a):
    """The error function, entry by entry."""
    return torch.erf(a)''',
    "sigmoid": '''def sigmoid(a):
    """sigmoid, entry by entry."""
    return torch.sigmoid(a)''',
}
"""By name, in place of what `derive.targets.numpy.helpers` writes."""
