"""Which published or framework cell is this, and in what does it differ?

1. `normal`    cell -> the step of each state as sums of products, with no names of its own in between
2. `align`     two such steps laid beside each other -> what answers to what, and the differences
3. `nearest`   cell -> the catalogue's nearest cells; where nothing but letters and conventions differ, proved the same
4. `telling`   -> words and JSON

`exchanged` is the same cell with a gate the other way round, for what is judged of the one and true of the other.
"""

from verify.which.nearest import Match, which

__all__ = ["Match", "which"]
