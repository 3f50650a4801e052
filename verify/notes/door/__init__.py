"""Habits of whole notes put into one form before formulas are judged, each told with every verdict."""
