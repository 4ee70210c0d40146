"""What only the book needs: the answers to its exercises, and the style of its figures."""

from emlib.book.exercises import check

__all__ = ["check"]
