"""Answers to the book's exercises can be checked, offline, with a hint where they are wrong.

One module per chapter holds that chapter's exercises; looking inside spoils them.
"""

from emlib.book.exercises.checking import Exercise, FunctionExercise, Verdict, check, grade

__all__ = ["Exercise", "FunctionExercise", "Verdict", "check", "grade"]
