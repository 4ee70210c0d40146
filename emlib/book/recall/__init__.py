"""Questions that a reader answers from memory, each choice with the reason why it is right or not.

The questions of a chapter are in the TOML file of its name.
"""

from __future__ import annotations

import html
import tomllib
from dataclasses import dataclass
from importlib.resources import files

from IPython.display import HTML


@dataclass(frozen=True)
class Choice:
    """An answer to choose.

    Attributes
    ----------
    text : str
    why : str
        Why it is right, or wrong.
    right : bool
    """

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its choices, of which exactly one is right.

    Attributes
    ----------
    ask : str
    choices : tuple of Choice
    """

    ask: str
    choices: tuple[Choice, ...]


def questions(chapter: str) -> list[Question]:
    """The recall questions of a chapter, in order.

    Examples
    --------
    >>> first = questions("em_by_hand")[0]
    >>> sum(choice.right for choice in first.choices)
    1
    """
    text = files(__package__).joinpath(f"{chapter}.toml").read_text(encoding="utf8")
    return [
        Question(entry["ask"], tuple(Choice(**choice) for choice in entry["choice"]))
        for entry in tomllib.loads(text)["question"]
    ]


def recall(chapter: str) -> HTML:
    """The recall questions of a chapter: open a choice to see whether it is right, and why.

    It needs no script, so it works on a page, on paper and in a notebook that is not trusted.
    """
    asked = "".join(map(_as_html, questions(chapter)))
    page = f"<section class='em-recall' data-chapter='{chapter}'><ol>{asked}</ol></section>"
    return HTML(page)  # type: ignore[no-untyped-call]


def _as_html(question: Question) -> str:
    choices = "".join(
        f"<details data-right='{str(choice.right).lower()}'><summary>{html.escape(choice.text)}"
        f"</summary><p><strong>{'Right' if choice.right else 'No'}.</strong> "
        f"{html.escape(choice.why)}</p></details>"
        for choice in question.choices
    )
    return f"<li><p>{html.escape(question.ask)}</p>{choices}</li>"
