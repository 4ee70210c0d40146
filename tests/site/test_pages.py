"""The site that `make book` built, page by page: whole, self-contained, readable by all, light."""

import base64
import io
import json
import re
from collections import Counter
from functools import cache
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, SoupStrainer
from fontTools.ttLib import TTFont
from PIL import Image

from emlib.book.answers import can_be_typed, concealed
from emlib.book.exercises.checking import OPEN, find
from emlib.book.laboratory import SCENES
from tools.lighten import ICON_FONT
from tools.look import built_site, evaluate
from tools.paths import ROOT
from tools.publish import TITLE, faults, metadata
from tools.references import targets
from tools.repository import repository, with_ways_out
from tools.search_index import NOT_WORDS, NUMBERS

NAMES = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf8"))
REMOTE = re.compile(r"(?:https?|wss?|ftp):|//", re.IGNORECASE)
IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""", re.IGNORECASE)
IN_SCRIPT = re.compile(r"""["'`]((?:https?:|wss?:)?//\w[^"'`]*)""", re.IGNORECASE)
EMBEDDED = re.compile(r"data:image/png;base64,[\w+/=]+")

# Where a script of ours asks a page for something.
ASKED = re.compile(
    r"""(?:querySelector(?:All)?|closest|matches|locator|seen)\(\s*(["'`])(.+?)\1""", re.DOTALL
)
# Asked for, and on no page as it is built: what the theme's scripts add, a table that the theme's
# rule, which ours takes the place of, leaves out, and what is never to be there.
ON_NO_PAGE = {".copybtn", ".highlighted", ".toggle-button", ".dataframe", ".katex-error"}

# A page with all it loads except its pictures, uncompressed; the longest chapter needs 1.3 MB.
BUDGET = 1_600_000

# The menu of a page, read alone: to read whole pages anew takes seconds.
WAYS_OUT = SoupStrainer("div", class_="dropdown dropdown-ways-out")

pages = pytest.mark.parametrize("name", NAMES)
chapter_pages = pytest.mark.parametrize(
    "name", [name for name in NAMES if (ROOT / f"{name}.ipynb").exists()]
)


@pytest.fixture(scope="module")
def site():
    return built_site()


@cache
def text(path):
    return path.read_text(encoding="utf8")


@cache
def parsed(path):
    return BeautifulSoup(text(path), "html.parser")


@cache
def places(path):
    """Every element that an address can lead to, by its id."""
    return {tag["id"]: tag for tag in parsed(path).select("[id]")}


def page(site, name):
    return parsed(site / f"{name}.html")


def article(site, name):
    return page(site, name).find("article")


def source(name):
    return next(text(path) for path in ROOT.glob(f"{name}.*") if path.suffix in (".ipynb", ".md"))


def loaded(soup):
    """Every address from which the page loads something, without being asked."""
    loading = "script, link:not([rel=canonical]), img, iframe, source, video, audio, embed, object"
    for tag in soup.select(loading):
        yield from (tag[key] for key in ("src", "href", "data", "poster") if tag.has_attr(key))
        yield from (part.split()[0] for part in tag.get("srcset", "").split(",") if part.strip())


def styles(site, name):
    """Every piece of CSS that the page uses: its files, its own, its elements'."""
    soup = page(site, name)
    for link in soup.select("link[rel=stylesheet]"):
        yield text(target(site / f"{name}.html", link["href"])[0])
    yield from (tag.get_text() for tag in soup.find_all("style"))
    yield from (tag["style"] for tag in soup.select("[style]"))


def scripts(soup):
    """The code that stands in the page itself."""
    yield from (tag.get_text() for tag in soup.find_all("script"))
    for tag in soup.find_all(True):
        yield from (code for key, code in tag.attrs.items() if key.startswith("on"))


def target(path, address):
    """The file, and the place in it, to which a relative address leads from a page."""
    parts = urlsplit(address)
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return (file / "index.html" if file.is_dir() else file), unquote(parts.fragment)


@pages
def test_page_exists_and_says_what_it_is(site, name):
    soup = page(site, name)
    assert soup.html["lang"] == "en"
    assert soup.title.get_text().strip()
    assert len(article(site, name).find_all("h1")) == 1


def test_no_page_is_missing_from_the_contents(site):
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert built == {*NAMES, "index", "search", "404"}


def asked_for():
    """The classes and ids, but for the book's own, that style, scripts, look and search go by."""
    assets = ROOT / "site" / "assets"
    selectors = [NOT_WORDS, NUMBERS]
    for sheet in assets.glob("*.css"):
        rules = re.sub(r"/\*.*?\*/", "", text(sheet), flags=re.DOTALL)
        selectors += re.findall(r"([^{};]*)\{", rules)
    for script in (*assets.glob("*.js"), ROOT / "site" / "look.mjs"):
        selectors += [selector for _, selector in ASKED.findall(text(script))]
    whole = re.sub(r"\[[^\]]*\]", "", "\n".join(selectors))  # an attribute may be anything
    return {
        name for name in re.findall(r"[.#][a-zA-Z][\w-]*", whole) if not name[1:].startswith("em-")
    }


def test_what_styles_and_scripts_go_by_is_on_some_page(site):
    """Most of it others have named, and their next version may name it otherwise."""
    whole = "".join(text(site / f"{name}.html") for name in (*NAMES, "search"))
    there = {f"#{name}" for name in re.findall(r"""\bid=["']([^"']*)""", whole)}
    for names in re.findall(r"""\bclass=["']([^"']*)""", whole):
        there |= {f".{name}" for name in names.split()}
    assert asked_for() - there == ON_NO_PAGE


@pages
def test_nothing_is_loaded_from_another_host(site, name):
    soup = page(site, name)
    in_styles = (address for css in styles(site, name) for address in IN_CSS.findall(css))
    in_scripts = (address for code in scripts(soup) for address in IN_SCRIPT.findall(code))
    addresses = [*loaded(soup), *in_styles, *in_scripts]
    assert addresses
    assert not [address for address in addresses if REMOTE.match(address)]


@pages
def test_every_link_inside_the_book_leads_somewhere(site, name):
    path = site / f"{name}.html"
    addresses = [
        *loaded(page(site, name)),
        *(a["href"] for a in page(site, name).select("a[href]")),
    ]
    for address in addresses:
        if not re.match(r"(?:[a-z]+:|//|#$)", address):
            file, fragment = target(path, address)
            assert file.exists(), address
            is_scene = fragment.removeprefix("scene=") in SCENES
            assert not fragment or is_scene or fragment in places(file), address


def test_every_word_of_the_glossary_is_linked_where_a_page_first_uses_it(site):
    words = {dt["id"] for dt in page(site, "chapters/glossary").select("dl.glossary dt")}
    assert len(words) > 45
    led = set()
    for name in NAMES:
        links = page(site, name).select("a:has(> .glossary)")
        places = [a["href"].split("#")[1] for a in links]
        assert len(places) == len(set(places)), name
        assert not [
            a for a in links if a.find_parent(["h1", "h2", "h3", "a", "code", "figcaption"])
        ]
        led |= set(places)
    assert led == words


def test_a_word_of_the_glossary_says_what_it_means_as_its_entry_does(site):
    """All but the entry's last sentence, which says where to read more."""
    glossary = page(site, "chapters/glossary")
    for name in NAMES:
        for link in page(site, name).select("a:has(> .glossary)"):
            entry = glossary.find(id=link["href"].split("#")[1]).find_next("dd").get_text()
            text = " ".join(entry.split())
            assert link["title"]
            assert text.startswith(f"{link['title']} See "), (name, link)


NO_PROSE = "code, pre, .katex, .cell, .admonition-title, figcaption, h1, h2, h3, h4, dt, form"


def runs(tag, *, prose=False):
    """The text of paragraphs, piece by piece, each with the glossary's word that it links."""
    for part in tag.children:
        if isinstance(part, str):
            if prose:
                yield str(part), None
        elif part.name == "a":
            if part.select_one(":scope > .glossary"):
                yield part.get_text(), part["href"].split("#")[1]
        elif not part.css.match(NO_PROSE):
            yield from runs(part, prose=prose or part.name == "p")


@chapter_pages
def test_no_word_of_the_glossary_is_used_before_it_is_linked(site, name):
    pieces = list(runs(article(site, name)))
    for term in page(site, "chapters/glossary").select("dl.glossary dt"):
        word = term.get_text().strip().rstrip("#").strip()
        spelt = re.escape(word).replace(r"\ ", r"\s+").replace("'", "['’]").replace("–", "[-–]")
        use = re.compile(rf"(?<![\w-]){spelt}s?(?![\w-])", re.IGNORECASE if word.islower() else 0)
        for text_, linked in pieces:
            if linked == term["id"]:
                break
            assert linked or not use.search(text_), word


def test_labels_have_the_numbers_that_downloads_and_copies_give_them(site):
    """A downloaded notebook says (5.4) where the page does."""
    labels = targets()
    assert len(labels) > 300
    for label, place in labels.items():
        there = places(site / f"chapters/{place.page}.html")
        if place.text.startswith("("):
            printed = there[f"equation-{label}"].select_one(".eqno").get_text()
        elif place.text.startswith("Fig."):
            printed = there[label].select_one(".caption-number").get_text()
        else:
            printed = there[label].select_one(".admonition-title").get_text()
        assert printed.split("#")[0].strip().startswith(place.text), label


@chapter_pages
def test_a_chapter_can_be_downloaded_with_its_solutions_and_without(site, name):
    links = page(site, name).select(".dropdown-download-buttons a")
    both = [text(target(site / f"{name}.html", link["href"])[0]) for link in links]
    assert ["Solution of" in notebook for notebook in both] == [
        "{solution-start}" in source(name),
        False,
    ]
    for notebook in both:
        assert "make lab" in notebook  # how to get what it needs
        assert not re.search(r"\{(?:eq|numref|ref|prf:ref|cite:.)\}`", notebook)


@pages
def test_the_menu_of_downloads_says_what_each_of_them_is(site, name):
    found = page(site, name).select(".dropdown-download-buttons .dropdown-item")
    is_notebook = (ROOT / f"{name}.ipynb").exists()
    first = ["Notebook", "Without solutions"] if is_notebook else ["Source"]
    last = ["All figures"] if name == "chapters/teaching" else []
    assert [item.get_text(strip=True) for item in found] == [*first, "Print", *last]


@pages
def test_downloads_are_kept_and_not_opened_in_the_browser(site, name):
    for link in page(site, name).select("a[href*='_sources/']"):
        assert link.has_attr("download"), link
        assert not link.has_attr("target"), link


def test_the_site_is_ready_for_a_static_host(site):
    assert faults(site) == []


def test_an_address_gives_canonical_previews_and_none_gives_no_dead_ones(site):
    text_ = text(site / "chapters" / "hmm.html")
    assert "og:url" not in metadata(text_, "", "chapters/hmm.html")
    head = metadata(text_, "https://example.org/book/", "chapters/hmm.html")
    assert 'content="https://example.org/book/chapters/hmm.html"' in head
    assert 'content="https://example.org/book/_static/preview.png"' in head


def test_no_page_leads_to_a_repository_that_nobody_named(site):
    for name in NAMES:
        assert bool(page(site, name).select(".dropdown-ways-out")) == bool(repository()), name
        assert with_ways_out(text(site / f"{name}.html"), "") == text(site / f"{name}.html")


def test_a_repository_is_offered_on_every_page_of_its_source(site):
    project = "https://github.com/name/book"
    for name in NAMES:
        whole = with_ways_out(text(site / f"{name}.html"), project)
        menu = BeautifulSoup(whole, "html.parser", parse_only=WAYS_OUT)
        links = {a.get_text(): a["href"] for a in menu.find_all("a")}
        file = next(ROOT.glob(f"{name}.*")).relative_to(ROOT).as_posix()
        assert links["See the source"] == f"{project}/blob/main/{file}"
        assert links["Edit this page"] == f"{project}/edit/main/{file}"
        assert links["Report a mistake"].startswith(f"{project}/issues/new?title=")
        stem = name.split("/")[1]
        runs = {
            "Run in Binder": "https://mybinder.org/v2/gh/name/book/main"
            f"?urlpath=lab%2Ftree%2Fnotebooks%2F{stem}.ipynb",
            "Run in Colab": "https://colab.research.google.com/github/name/book/blob/notebooks/"
            f"{stem}.ipynb",
        }
        given = {key: links[key] for key in runs if key in links}
        assert given == (runs if file.endswith(".ipynb") else {})


@pages
def test_a_page_has_one_title_one_viewport_and_a_description(site, name):
    soup = page(site, name)
    (viewport,) = soup.select("meta[name=viewport]")
    assert "width=device-width" in viewport["content"]
    title = soup.title.get_text()
    assert title.count(TITLE) == 1
    assert soup.select_one("meta[property='og:title']")["content"] == title
    said = soup.select_one("meta[name=description]")["content"]
    assert 20 <= len(said) <= 165
    assert said != TITLE  # which is said of a page without a paragraph


def test_the_first_page_stands_at_the_top_of_the_site(site):
    top, first = parsed(site / "index.html"), page(site, NAMES[0])
    assert top.find("article").get_text() == first.find("article").get_text()
    assert not top.select("meta[http-equiv=refresh]")
    assert top.html["data-content_root"] == "./"  # where the theme's scripts begin
    for address in (*loaded(top), *(a["href"] for a in top.select("a[href]"))):
        if not re.match(r"(?:[a-z]+:|//|#$)", address):
            file, fragment = target(site / "index.html", address)
            assert file.exists(), address
            of_a_scene = fragment.startswith("scene=")  # a state of the laboratory, and no place
            assert not fragment or of_a_scene or fragment in places(file), address


@pages
def test_scenes_are_described_lead_to_the_laboratory_and_load_what_they_need(site, name):
    scenes = page(site, name).select("figure.em-scene")
    files = [address for address in loaded(page(site, name)) if "live_scenes.js" in address]
    assert len(files) == bool(scenes)
    for scene in scenes:
        assert (
            scene.select_one(".em-still a")["href"]
            == f"laboratory.html#scene={scene['data-scene']}"
        )
        assert SCENES[scene["data-scene"]].sentence == scene.figcaption.get_text()


def test_links_to_scenes_say_their_titles(site):
    named = [
        (link.get_text(), SCENES[link["href"].partition("#scene=")[2]].title)
        for name in NAMES
        for link in page(site, name).select("a[href*='laboratory.html#scene=']")
        if not link.find_parent(class_="em-still")  # whose words name the scene: see below
    ]
    named += [
        (scene.select_one(".em-still").get_text(), SCENES[scene["data-scene"]].title)
        for name in NAMES
        for scene in page(site, name).select("figure.em-scene")
    ]
    assert len(named) > 12
    assert [(text, title) for text, title in named if title not in text] == []


def indexed(site):
    """The sections that the search knows."""
    index = text(site / "_static" / "search-index.js")
    return json.loads(index.removeprefix("window.bookSections=").removesuffix(";\n"))


def test_the_search_has_words_and_neither_formulas_nor_signs_beside_headings(site):
    sections = indexed(site)
    assert len(sections) > 500
    for section in sections:
        assert re.search(r"\w", section["title"]), section
        assert not re.search(r"#$|^[\d.]+ |\\[a-z]", section["title"]), section
        assert not re.search(r"\\[a-z]", section["text"]), section


def test_the_search_leads_to_every_scene(site):
    found = {section["url"]: section for section in indexed(site)}
    for name, scene in SCENES.items():
        section = found[f"chapters/laboratory.html#scene={name}"]
        assert (section["title"], section["text"]) == (scene.title, scene.sentence)


def test_a_scene_in_a_chapter_is_live_once_its_reader_comes_near(site):
    before, after, heads = evaluate(
        site / "chapters" / "em_by_hand.html",
        """const figure = document.querySelector(".em-scene[data-scene=saddle]");
        const isLive = () => figure.querySelector("img").checkVisibility() === false;
        const before = [isLive(), Boolean(globalThis.emLaboratory)];
        figure.scrollIntoView();
        for (let i = 0; i < 100 && !figure.querySelector("button"); i++)
          await new Promise((resolve) => setTimeout(resolve, 100));
        const press = (name) => [...figure.querySelectorAll("button")]
          .find((button) => button.textContent.trim() === name).click();
        const after = [isLive(), Boolean(globalThis.emLaboratory)];
        press("E-step");
        press("M-step");
        return [before, after, figure.innerText];""",
    )
    assert before == [False, False]
    assert after == [True, True]
    assert "0.66" in heads


@pages
def test_ids_are_there_once_and_names_are_those_that_are_seen(site, name):
    soup = page(site, name)
    ids = [tag["id"] for tag in soup.select("[id]")]
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert not soup.select("summary[aria-label]")
    assert soup.select(".search-button-field:not([aria-label])")
    assert not soup.select(".citation [role=doc-biblioentry], .citation[role=doc-biblioentry]")
    assert soup.select("nav#page-contents") or not soup.select(".page-toc")
    assert soup.select_one(".bd-sidebar-primary[role=region][aria-label]")
    for head in soup.select("th"):  # what of a formula is drawn is hidden from who hears the page
        heard = (text for text in head.strings if not text.find_parent(class_="katex-html"))
        assert "".join(heard).strip(), head


@pages
def test_every_image_is_there_and_described(site, name):
    for image in page(site, name).find_all("img"):
        assert is_picture(site / f"{name}.html", image["src"])
        assert image.has_attr("alt")  # the logo's is empty: the title stands beside it
    for image in article(site, name).find_all("img"):
        assert len(image["alt"].split()) > 3, image["alt"]
        assert not re.search(r"_images/|\.(png|svg|jpe?g)$", image["alt"])


def is_picture(path, address):
    """Whether there is a picture at the address: embedded in the page, or a file."""
    if EMBEDDED.fullmatch(address):
        file = io.BytesIO(base64.b64decode(address.partition(",")[2]))
    else:
        file = target(path, address)[0]
        if file.suffix == ".svg":
            return "<svg" in text(file)
    with Image.open(file) as picture:
        picture.verify()
    return True


@pages
def test_every_picture_has_its_size_and_its_caption(site, name):
    for image in article(site, name).find_all("img"):
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0
        assert image.find_parent("figure"), image["alt"]
    for figure in article(site, name).find_all("figure"):
        assert len(figure.figcaption.get_text()) > 20


@pages
def test_figures_that_move_are_numbered_and_referred_to(site, name):
    for player in article(site, name).select(".em-player"):
        figure = player.find_parent("figure")
        assert figure.select_one(".caption-number")
        links = article(site, name).select(f'a[href="#{figure["id"]}"]:not(.headerlink)')
        assert links or name == NAMES[0], figure["id"]


@pages
def test_photographs_have_a_picture_for_the_dark(site, name):
    light, dark = (article(site, name).select(f"img.only-{mode}") for mode in ("light", "dark"))
    assert len(light) == len(dark) == source(name).count('"classes": "dark-light"')
    for day, night in zip(light, dark, strict=True):
        files = (target(site / f"{name}.html", image["src"])[0] for image in (day, night))
        corners = [Image.open(file).convert("RGB").getpixel((0, 0)) for file in files]
        assert corners == [(255, 255, 255), (18, 18, 18)]


@pages
def test_every_equation_is_typeset(site, name):
    formulas = article(site, name).select(".math")
    in_code = r'`[^`]*`|\\"\$+\\"'
    assert bool(formulas) == ("$" in re.sub(in_code, "", source(name)))
    for formula in formulas:
        assert formula.select_one(".katex-html")
        assert formula.select_one(".katex-mathml > math annotation")
    assert not page(site, name).select(".katex-error")


@pages
def test_no_line_can_begin_with_the_comma_after_a_short_formula(site, name):
    for formula in article(site, name).select("span.math"):
        short = len(formula.select_one("annotation").get_text()) <= 24
        after = formula.next_sibling
        if short and isinstance(after, str) and re.match("[,.;:)]", after):
            assert "whole" in formula.parent.get("class", []), formula.parent


@pages
def test_equations_named_in_code_are_links_that_show_their_numbers(site, name):
    path = site / f"{name}.html"
    for comment in article(site, name).select("span.c1"):
        if comment.get_text().startswith(("# Equation ", "# Equations ")):
            links = comment.select("a.equation")
            assert links, comment
            for link in links:
                file, place = target(path, link["href"])
                number = parsed(file).find(id=place).select_one(".eqno").get_text()
                assert number.startswith(link["data-number"]), link


@pages
def test_no_markup_is_left_in_the_text(site, name):
    for part in article(site, name).find_all(["p", "li", "td", "figcaption"]):
        # Code may look like anything, and an annotation is the formula's source.
        words = (s for s in part.strings if not s.find_parent(["code", "pre", "annotation"]))
        assert not re.search(r"\$\$|\\[a-z]+\{|\{[a-z:]+\}`|:::", "".join(words))


@pages
def test_solutions_and_plotting_code_are_folded(site, name):
    for solution in article(site, name).select(".solution"):
        assert "dropdown" in solution["class"]
    for details in article(site, name).find_all("details"):
        assert not details.has_attr("open")
    assert len(article(site, name).select(".solution")) == source(name).count("{solution-start}")


@pages
def test_numbers_are_typed_on_the_page_and_no_empty_answer_is_printed(site, name):
    asked = re.findall(r'= \.\.\..*\n *"check\(\\"([\w.]+)', source(name))
    part = article(site, name)
    assert OPEN not in part.get_text()
    forms = part.select("form.em-answer")
    typed = [form["data-exercise"] for form in forms]
    assert typed == [exercise for exercise in asked if can_be_typed(find(exercise))]
    for form in forms:
        label, field = form.label, form.input
        assert label["for"] == field["id"]
        assert label.get_text().startswith("Your answer")
        assert form["data-key"] == concealed(find(form["data-exercise"]))
    programmed = part.select(".em-in-notebook")
    assert len(programmed) == len(asked) - len(typed)
    for way in programmed:
        assert target(site / f"{name}.html", way.a["href"])[0].exists()
    loads = "answers.js" in str(page(site, name).select("script[src]"))
    assert loads == bool(forms)


@pages
def test_page_is_light(site, name):
    path = site / f"{name}.html"
    files = {target(path, address)[0] for address in loaded(page(site, name)) if ":" not in address}
    files = {file for file in files if file.suffix in (".css", ".js")}
    fonts = {
        target(file, address)[0]
        for file in files
        for address in IN_CSS.findall(text(file))
        if address.endswith(".woff2")
    }
    own = len(EMBEDDED.sub("", text(path)).encode())
    assert own + sum(file.stat().st_size for file in files | fonts) < BUDGET


@pages
def test_a_page_loads_one_sheet_and_one_script_and_what_only_some_pages_need(site, name):
    addresses = [urlsplit(address).path for address in loaded(page(site, name))]
    files = [address.rpartition("/")[2] for address in addresses]
    of_some = {"answers.js", "laboratory.css", "laboratory.js", "live_scenes.js"}
    shared = {file for file in files if file.endswith((".css", ".js"))} - of_some
    assert shared == {"site.css", "site.js"}
    assert files.count("site.css") == files.count("site.js") == 1


def test_no_file_is_there_that_no_page_needs(site):
    assert not [*site.rglob("*.map"), *site.rglob("*.po"), *site.rglob("*webpack*")]
    css = text(site / "_static" / "site.css")
    assert "@import" not in css
    fonts = {path.relative_to(site / "_static").as_posix() for path in site.rglob("*.woff2")}
    assert fonts == {address for address in IN_CSS.findall(css) if address.endswith(".woff2")}
    assert "katex/fonts/KaTeX_Main-Regular.woff2" in fonts
    whole = "".join(text(site / f"{name}.html") for name in NAMES)
    assert [path for path in (site / "_images").iterdir() if path.name not in whole] == []


def test_whose_code_and_fonts_are_in_the_site_is_said_with_their_licences(site):
    said = text(site / "_static" / "licences.txt")
    for name in ("Khan Academy", "Mike Bostock", "Luca Ongaro", "Google", "pydata", "Bootstrap"):
        assert name in said, name
    assert not re.search(r"Awesome\W+\d+\W+Free", text(site / "_static" / "site.css"))
    assert article(site, "chapters/cite").select("a[href='../_static/licences.txt']")


def test_every_icon_is_in_the_font_within_the_style_sheet(site):
    css = text(site / "_static" / "site.css")
    assert css.count(ICON_FONT) > 2  # also in rules, which named it otherwise
    font = TTFont(io.BytesIO(base64.b64decode(re.search(r"font/woff;base64,([\w+/=]+)", css)[1])))
    icons = {i for name in NAMES for i in page(site, name).select("i[class*='fa-']")}
    names = {c for i in icons for c in i["class"] if re.fullmatch("fa-[a-z-]+", c)}
    codes = {
        int(code, 16)
        for name in names
        for code in re.findall(rf'\.{name}(?=[,{{]|::?before)[^}}]*"\\(f[0-9a-f]{{3}})"', css)
    }
    signs = dict(re.findall(r'--pst-icon-([a-z-]+):"([\uf000-\uf8ff])"', css))
    of_boxes = {
        ord(signs[name]) for name in signs.keys() - {"github", "gitlab"}
    }  # no page has these
    assert len(codes) > 10
    assert len(of_boxes) > 10
    assert codes | of_boxes <= font.getBestCmap().keys()


def test_the_index_leads_to_the_sections_that_teach_each_word(site):
    index = parsed(site / "chapters/word_index.html").select_one("article .book-index")
    links = {}
    for item in index.select("li"):
        links.setdefault(item.p.get_text().split(",")[0], []).extend(item.p.select("a"))
    words = parsed(site / "chapters/glossary.html").select("dt[id]")
    for word in words:
        term = word.get_text().removesuffix("#").strip()
        assert any("glossary.html" in link["href"] for link in links[term]), term
        assert any("glossary.html" not in link["href"] for link in links[term]), term
    homes = {"label switching": "latent_variables", "SQUAREM": "faster", "Viterbi": "hmm"}
    for term, home in homes.items():
        assert any(link["href"].startswith(f"../chapters/{home}.html#") for link in links[term])
    for link in index.select("li a"):
        file, place = link["href"].split("#")
        assert place in places(site / file.removeprefix("../")), link
    for link in index.select(".em-letters a"):
        assert index.find(id=link["href"].removeprefix("#")).get_text() == link.get_text()
    assert all(item.a for item in index.find_all("li") if item.get_text().startswith("see "))
    assert "GMM" in index.get_text()
    assert "emlib" in index.get_text()


def test_the_glossary_begins_with_its_letters(site):
    part = article(site, "chapters/glossary")
    links = {a.get_text(): a["href"].removeprefix("#") for a in part.select(".em-letters a")}
    words = [(dt["id"], dt.get_text()[0].upper()) for dt in part.select("dl.glossary dt")]
    assert "".join(links) == "".join(sorted({letter for _, letter in words}))
    for letter, place in links.items():
        assert next(id_ for id_, first in words if first == letter) == place


@pages
def test_a_table_breaks_no_line_within_e_step(site, name):
    for cell in article(site, name).select("td, th"):
        for part in cell.find_all(string=re.compile(r"(?<![\w-])[EM]-steps?(?![\w-])")):
            assert "whole" in part.parent.get("class", []), part


def test_a_table_breaks_lines_within_long_names(site):
    assert len(page(site, "chapters/reference").select("td .pre > wbr")) > 20


@pages
def test_code_and_what_it_prints_say_how_wide_they_are(site, name):
    for block in article(site, name).select("div.highlight:has(> pre)"):
        code = block.pre
        lines = code.get_text().rstrip("\n").split("\n")
        numbers = {a.get_text(): a["data-number"] for a in code.select("a.equation")}
        for label, number in numbers.items():  # which the style shows behind the label
            lines = [re.sub(rf"{label}(?![\w-])", f"{label} {number}", line) for line in lines]
        said = dict(re.findall(r"--(\w+):(\d+)", block.get("style", "")))
        longest = max(map(len, lines))
        assert int(said["longest"]) == longest if said else longest <= 30
        for line in lines:
            indent = re.match(r"(>>> |\.\.\. )? *", line).end()
            assert len(line) <= 30 or int(said["hang"]) > indent, line


@pytest.fixture
def on_a_phone():
    """Ask a page that is 390 pixels wide for the value of some JavaScript."""
    wait = "const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));"
    return lambda file, code: evaluate(file, f"{wait}{code}", width=390)


def test_back_and_escape_close_the_search_and_leave_the_page_where_it_is(site, on_a_phone):
    ground, *moments = on_a_phone(
        site / "chapters" / "em_by_hand.html",
        """const dialog = document.querySelector("#pst-search-dialog");
        const now = () => [dialog.open, scrollY];
        location.hash = "#the-whole-algorithm";
        await wait(200);
        scrollBy(0, 333);
        await wait(200);
        const seen = [];
        for (const close of [() => history.back(), () => dialog.close()]) {
          seen.push(now());
          dialog.showModal();
          await wait(200);
          seen.push(now());
          close();
          await wait(400);
          seen.push(now(), history.state);
        }
        dialog.showModal();
        return [getComputedStyle(dialog).backgroundColor, ...seen];""",
    )
    assert re.fullmatch(r"rgb\(.*\)", ground)  # rgba can be seen through
    place = moments[0][1]
    assert place > 3000
    assert moments == [[False, place], [True, place], [False, place], None] * 2


def test_the_contents_close_once_a_heading_is_chosen_and_nothing_lies_on_the_text(site, on_a_phone):
    found = on_a_phone(
        site / "chapters" / "em_by_hand.html",
        """const contents = document.querySelector("#pst-secondary-sidebar-modal");
        document.querySelector(".secondary-toggle").click();
        const before = contents.open;
        const link = contents.querySelector("a[href='#the-whole-algorithm']");
        const { x, y } = link.getBoundingClientRect();
        const place = { clientX: x + 5, clientY: y + 5 }; // beside them, any click shuts them
        link.dispatchEvent(new MouseEvent("click", { ...place, bubbles: true }));
        await wait(300);
        scrollBy(0, 2000);
        await wait(200);
        scrollBy(0, -300); // whoever scrolls up is offered the top
        await wait(300);
        const over = document.querySelector("#pst-back-to-top").checkVisibility();
        return [before, contents.open, location.hash, over];""",
    )
    assert found == [True, False, "#the-whole-algorithm", False]


def test_the_page_stays_when_a_button_of_its_header_gets_the_focus(site, on_a_phone):
    found = on_a_phone(
        site / "chapters" / "em_by_hand.html",
        """const places = [];
        for (const button of document.querySelectorAll(".bd-header-article :is(a, button)")) {
          scrollTo(0, 2000);
          await wait(100);
          if (button.checkVisibility()) button.focus();
          await wait(100);
          places.push(scrollY);
        }
        return places;""",
    )
    assert len(found) > 3
    assert set(found) == {2000}


@pytest.mark.parametrize("name", ["em_by_hand", "mixtures_1d", "how_many"])
def test_what_code_prints_fits_a_phone_or_is_as_small_as_can_be_read(site, on_a_phone, name):
    found = on_a_phone(
        site / "chapters" / f"{name}.html",
        """return [...document.querySelectorAll("article .output pre")].map((pre) => [
          Math.max(...pre.textContent.split("\\n").map((line) => line.length)),
          parseFloat(getComputedStyle(pre).fontSize),
          pre.scrollWidth > pre.clientWidth + 1,
        ]);""",
    )
    assert any(longest > 42 for longest, _, _ in found)
    for longest, size, is_cut in found:
        assert 9.5 <= size <= 13
        assert not is_cut or longest > 54, longest


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_what_hides_the_shadow_of_what_scrolls_has_the_colour_of_its_ground(site, on_a_phone, mode):
    found = on_a_phone(
        site / "chapters" / "em_by_hand.html",
        f"document.documentElement.dataset.theme = '{mode}';"
        """const isOpaque = (color) => color.startsWith("rgb(");
        const color = (element) => getComputedStyle(element).backgroundColor;
        const shadowed = ".output pre, .pst-scrollable-table-container, .katex-display";
        return [...document.querySelectorAll(`article :is(${shadowed})`)].map((element) => {
          const [cover] = getComputedStyle(element).backgroundImage.match(/rgb\\([^)]*\\)/);
          let ground = element;
          while (!isOpaque(color(ground))) ground = ground.parentElement;
          const above = [...element.querySelectorAll("tr, th, td")].map(color).filter(isOpaque);
          return [cover, color(ground), above];
        });""",
    )
    assert len(found) > 10
    for cover, ground, above in found:
        assert (cover, above) == (ground, [])
