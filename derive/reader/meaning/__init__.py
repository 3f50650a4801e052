"""Syntax -> terms: what letters with their scripts stand for, and what stands next to what."""
