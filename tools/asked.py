"""The cell that waits for a reader's answer: dots, and the check of what takes their place."""

import re

QUESTION = re.compile(r'^(\w+) = \.\.\.(?:  # (.*))?\ncheck\("([\w.]+)", \1\)\n?', re.MULTILINE)


def asked(code: str) -> list[tuple[str, str]]:
    """Of each answer that the code waits for, the comment behind the dots and the exercise."""
    return [(comment, exercise) for _, comment, exercise in QUESTION.findall(code)]


def given(code: str) -> str:
    """The code without what waits for an answer: the data that the exercise gives."""
    return QUESTION.sub("", f"{code}\n").strip()
