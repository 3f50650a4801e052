"""Which of a document's equations make one model: the one place where that is chosen, for cells and for claims.

1. equations: formulas -> forward equations, with what cannot be used; `filters` say which of them count
2. written: all that one document writes, with its habits
3. choice, gaps: one equation for each quantity, the section's own first, then the nearest, never a later one's
4. holes, declaring, own: the cell that they make -> `model.Model`, and what they leave open
"""
