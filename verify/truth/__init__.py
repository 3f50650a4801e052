"""The independent road to the truth: how J responds, by the equations alone; of `derive` it knows nodes and cells."""
