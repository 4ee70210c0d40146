"""What a static host, a search engine and a link's preview want of the built site."""

import html as escaping
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup

from tools.accessible import accessible
from tools.paths import BUILD, ROOT
from tools.search_index import pages, words

TITLE = "Expectation–Maximization, Step by Step"
FIRST_PAGE = "chapters/intro.html"
VIEWPORT = re.compile(r'\s*<meta name="viewport"[^>]*>')
HEAD_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
FIRST = re.compile(r"<article.*?<p(?: [^>]*)?>(.*?)</p>", re.DOTALL)
# Parts of highlighted code that have the colour of all code, and what comes before them.
PLAIN = re.compile(r'<span class="(?:n|nn|nx|p|w)">([^<]*)</span>')
EMPTY = re.compile(r"(?<=<pre>)<span></span>(?!\n)")
# What the theme offers for download, and opens in a tab of its own.
DOWNLOAD = re.compile(r'(<a href="[^"]*_sources/[^"]*") target="_blank"')
LONGEST = 160  # characters of a description that search engines show


def public_address(config: Path = ROOT / "_config.yml") -> str:
    """Where the site is published, as `html: baseurl:` in _config.yml says; '' if nowhere."""
    settings = yaml.safe_load(config.read_text(encoding="utf8"))
    address = settings["html"].get("baseurl") or ""
    return address.rstrip("/") + "/" if address else ""


def description(text: str) -> str:
    """The first paragraph of a page, as far as a search engine shows it."""
    first = FIRST.search(text)
    soup = BeautifulSoup(first[1] if first else TITLE, "html.parser")
    for formula in soup.select(".katex-mathml"):
        formula.decompose()
    whole = words(soup)
    return whole if len(whole) <= LONGEST else whole[:LONGEST].rsplit(" ", 1)[0] + " …"


def public_url(address: str, page: str) -> str:
    """The one address that a page is known by; the first page's is the site's own."""
    return address if page in ("index.html", FIRST_PAGE) else address + page


def with_fewer_elements(text: str) -> str:
    """The page without the elements around code that mark nothing: a quarter of a chapter's."""
    return EMPTY.sub("", PLAIN.sub(r"\1", text))


def metadata(text: str, address: str, page: str) -> str:
    """The lines for a page's head: what it is about, for search engines and previews of links."""
    title = HEAD_TITLE.search(text)
    about = {
        "og:title": escaping.unescape(title[1]) if title else TITLE,
        "og:description": description(text),
        "og:type": "article",
        "og:site_name": TITLE,
    }
    if address:
        about |= {"og:url": public_url(address, page), "og:image": address + "_static/preview.png"}
    lines = [f'<meta name="description" content="{escaping.escape(about["og:description"])}">']
    lines += [
        f'<meta property="{name}" content="{escaping.escape(content)}">'
        for name, content in about.items()
    ]
    return "\n    ".join(lines)


def complete(text: str, address: str, page: str) -> str:
    """A page with right names for all that has one, one viewport, one title, and its metadata."""
    text = with_fewer_elements(accessible(text))
    text = text.replace(f"<title>{TITLE} &#8212; {TITLE}</title>", f"<title>{TITLE}</title>")
    if address:
        theirs = f'<link rel="canonical" href="{address}{FIRST_PAGE}"'
        text = text.replace(theirs, f'<link rel="canonical" href="{address}"')
    text = DOWNLOAD.sub(r"\1 download", text)
    text = VIEWPORT.sub("", text)
    first = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"<head>\n    {first}\n    {metadata(text, address, page)}\n"
    return text.replace("<head>", head, 1)


def make_publishable(html: Path) -> None:
    """Add what hosts and search engines look for besides pages."""
    address = public_address()
    (html / ".nojekyll").touch()  # or GitHub would leave out folders that begin with _
    shutil.copy(ROOT / "site" / "preview.png", html / "_static")
    start = address or "/"
    (html / "404.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Not found: {TITLE}</title>\n"
        "<style>\n:root { color-scheme: light dark; }\n"
        "body { max-width: 34rem; margin: 15vh auto; padding: 0 1rem; "
        "font: 1rem/1.65 system-ui, sans-serif; }\nh1 { font-size: 1.65rem; }\n"
        "a { color: inherit; }\n</style>\n"
        "</head>\n<body>\n<main>\n"
        "<h1>There is no such page</h1>\n"
        f'<p><a href="{start}">{TITLE}</a> begins here.</p>\n</main>\n</body>\n</html>\n',
        encoding="utf8",
    )
    robots = ["User-agent: *", "Allow: /"]
    if address:
        listed = [p.relative_to(html).as_posix() for p in pages(html) if p.name != "404.html"]
        known = dict.fromkeys(public_url(address, name) for name in listed)
        urls = "".join(f"  <url><loc>{url}</loc></url>\n" for url in known)
        (html / "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n',
            encoding="utf8",
        )
        robots.append(f"Sitemap: {address}sitemap.xml")
    (html / "robots.txt").write_text("\n".join(robots) + "\n", encoding="utf8")


class Links(HTMLParser):
    """Where the elements of a page lead, in its order: a fourth of the time that a tree takes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Note what the parser has come to."""
        self.found += [value or "''" for name, value in attrs if name in ("href", "src")]


def faults(html: Path) -> list[str]:
    """What would not work on a static host, in a folder of it too."""
    found = []
    needed = (".nojekyll", "404.html", "robots.txt", "index.html", "_static/preview.png")
    found += [f"{name} is missing" for name in needed if not (html / name).exists()]
    if address := public_address():
        if not (html / "sitemap.xml").exists():
            found.append("sitemap.xml is missing")
        first = html / "index.html"
        if first.exists() and f'rel="canonical" href="{address}"' not in first.read_text("utf8"):
            found.append(f"index.html does not say that its address is {address}")
    for page in pages(html):
        name = page.relative_to(html).as_posix()
        for link in Links(page.read_text(encoding="utf8")).found:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path or name == "404.html":
                continue
            if parts.path.startswith("/"):
                found.append(f"{name}: {link} leaves the folder that the site may be in")
            elif not (html / unquote(urljoin(name, parts.path))).exists():
                found.append(f"{name}: {link} leads nowhere")
    return found


def publish_check() -> None:
    """Say whether the built site is ready for a static host."""
    site = BUILD / "html"
    if not (site / "index.html").exists():
        raise SystemExit("There is no site: run `make book` first.")
    if wrong := faults(site):
        raise SystemExit("\n".join(wrong))
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(
        f"Ready: {len(pages(site))} pages, {size / 1e6:.0f} MB, for the root of a host or a folder."
    )
    if not public_address():
        print(
            "No address is set (`html: baseurl:` in _config.yml), so there is no sitemap, previews "
            "of links have no picture, and 404.html leads to the root of the host, not to a folder."
        )
