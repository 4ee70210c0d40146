"""How a comment in code names the equations that its lines compute."""

import re

# Up to the end of the line, or to the tag with which a highlighter ends it.
COMMENT = re.compile(r"# Equations? [^<\n]*")
LABEL = re.compile(r"[a-z][a-z0-9]*-[a-z0-9-]*[a-z0-9]")
