"""The site: derivations, docs and hand-written chapters as one Sphinx project, built to be opened from disk."""

from verify.site.build import built
from verify.site.sources import sources

__all__ = ["built", "sources"]
