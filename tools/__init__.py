"""How the book is executed, built, checked and looked at: `python -m tools --help`."""
