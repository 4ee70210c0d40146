"""What the scripts of the site's pages do for a reader, each on a page of a few lines."""

import importlib.util
import json
import shutil

import pytest

from emlib.book.exercises.checking import find
from emlib.book.recall import recall
from tools.look import evaluate
from tools.node import packages
from tools.paths import ROOT

# A visit begins with the body as it was, and with the scripts run anew.
VISIT = """
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => [...document.querySelectorAll(selector)];
const before = document.body.innerHTML;
document.addEventListener = (name, listener) =>
  name === "DOMContentLoaded" ? listener() : addEventListener(name, listener);
const visit = async () => {
  document.body.innerHTML = before;
  for (const name of %s) {
    const script = Object.assign(document.createElement("script"), { src: name });
    await new Promise((resolve) => {
      script.onload = resolve;
      document.head.append(script);
    });
  }
  dispatchEvent(new Event("load"));
  await wait(100);
};
await visit();
"""


@pytest.fixture
def on_page(tmp_path):
    """The value of some JavaScript on a page with this body and these scripts of the site."""

    def value(body, scripts, code, width=1280):
        static, page = tmp_path / "_static", tmp_path / "chapters" / "em_by_hand.html"
        static.mkdir(exist_ok=True)
        page.parent.mkdir()
        for name in scripts:
            shutil.copy(ROOT / "site" / "assets" / name, static)
        page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{body}</body>', "utf8")
        names = json.dumps([f"../_static/{name}" for name in scripts])
        return evaluate(page, f"{VISIT % names}{code}", width)

    return value


def form(name):
    """The field in which an exercise is answered."""
    spec = importlib.util.spec_from_file_location("answers", ROOT / "site" / "answers.py")
    answers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(answers)
    return answers.form(name, "", find(name))


def test_answers_are_kept_counted_and_forgotten_only_when_asked(on_page):
    contents = "".join(f'<a href="{name}.html">{name}</a>' for name in ("hmm", "em_by_hand"))
    first, kept, second, third, nowhere = on_page(
        f"{recall('em_by_hand').data}{form('byhand.six')}{form('likelihood.coin_map')}"
        f'<div id="map-of-the-book"><table><tr><td>{contents}</table></div>',
        ["answers.js", "progress.js"],
        """const choose = async (i, right) => {
          $(`.em-recall li:nth-child(${i}) [data-right=${right}]`).open = true;
          await wait(50);
        };
        const answer = (i, text) => {
          $$(".em-answer input")[i].value = text;
          $$(".em-answer")[i].requestSubmit();
        };
        const seen = () => [$(".em-recall-said").textContent,
          $$(".em-answer").map((one) => [one.querySelector("input").value,
            one.dataset.right ?? null, one.querySelector(".em-said").textContent.slice(0, 6)]),
          $("#map-of-the-book td").textContent, Boolean($(".em-forget"))];
        const moments = [seen()];
        await choose(1, false);
        await choose(1, true);
        await choose(2, true);
        answer(0, "0.55");
        answer(1, "0.5");
        answer(1, " ");
        moments.push(seen());
        const kept = JSON.parse(localStorage.getItem("em-step-by-step"));
        await visit();
        moments.push(seen());
        await choose(1, true);
        answer(1, "0.5");
        answer(1, "0.643");
        moments.push(seen());
        await visit();
        globalThis.confirm = () => false;
        $(".em-forget").click();
        const third = [...seen(), localStorage.length];
        Storage.prototype.getItem = Storage.prototype.setItem = () => { throw new Error(); };
        await visit();
        await choose(3, true);
        answer(0, "0.55");
        return [moments.slice(0, 2), kept, moments.slice(2), third, seen()];""",
    )
    assert first == [
        ["", [["", None, ""], ["", None, ""]], "hmmem_by_hand", False],
        [
            "2 of 5 answered, 1 right at once.",
            [["0.55", "true", "Right."], [" ", "false", "Type y"]],
            "hmmem_by_hand",
            False,
        ],
    ]
    assert kept == {
        "recall": {"em_by_hand": {"0": False, "1": True}},
        "exercises": {
            "em_by_hand": {
                "byhand.six": {"text": "0.55", "right": True},
                "likelihood.coin_map": {"text": "0.5", "right": False},
            }
        },
    }
    had = "Before, 1 of 2 right at once."
    six, wrong = ["0.55", "true", "Right."], ["0.5", "false", "Not ye"]
    contents = "hmmem_by_hand (1 of 2 recalled, 1 exercise right)"
    assert second == [
        [
            f"{had} Your answers from this visit will take their place.",
            [six, wrong],
            contents,
            True,
        ],
        [
            f"1 of 5 answered, 1 right at once. {had}",
            [six, ["0.643", "true", "Right."]],
            contents,
            True,
        ],
    ]
    assert third[0].startswith("Before, 2 of 2 right at once.")
    assert third[1:] == [
        [six, ["0.643", "true", "Right."]],
        "hmmem_by_hand (2 of 2 recalled, 2 exercises right)",
        True,
        1,
    ]
    assert nowhere == [
        "1 of 5 answered, 1 right at once.",
        [six, ["", None, ""]],
        "hmmem_by_hand",
        False,
    ]


def test_the_meaning_of_a_word_comes_and_goes_with_mouse_key_and_finger(on_page):
    found = on_page(
        "<style>#em-meaning { position: absolute }</style>"
        '<article style="position: relative; height: 2000px"><p style="text-align: right">'
        '<a href="#other" title="Another."><b class="glossary">other</b></a> and '
        '<a href="#term" title="A meaning."><b class="glossary">word</b></a></p></article>',
        ["glossary.js"],
        """const [other, word] = $$("a"), box = $("#em-meaning"), seen = {};
        const now = () => (box.hidden ? null : box.textContent);
        const by = (type, element, pointerType = "mouse") =>
          element.dispatchEvent(new PointerEvent(type, { pointerType, bubbles: true }));
        const isFollowed = (type) => {
          if (type) by("pointerdown", word, type);
          return word.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
        };
        seen.titles = $$("a[title]").length;
        seen.first = now();
        by("pointerenter", word);
        seen.pointed = [now(), word.getAttribute("aria-describedby")];
        const [a, b] = [word, box].map((one) => one.getBoundingClientRect());
        seen.isBelow = b.top >= a.bottom && b.top < a.bottom + 10;
        seen.isInside = b.right <= innerWidth && b.left >= 0;
        by("pointerleave", word);
        by("pointerenter", box);
        await wait(400);
        seen.inBox = now();
        by("pointerleave", box);
        await wait(100);
        seen.soon = now();
        await wait(300);
        seen.left = [now(), word.getAttribute("aria-describedby")];
        by("pointerenter", word);
        by("pointerleave", word);
        await wait(400);
        seen.leftAlone = now();
        by("pointerenter", word);
        by("pointerenter", other);
        seen.other = [now(), word.getAttribute("aria-describedby")];
        dispatchEvent(new KeyboardEvent("keydown", { key: "a" }));
        seen.letter = now();
        dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
        seen.escape = now();
        seen.click = [isFollowed("mouse"), now()];
        seen.tap = [isFollowed("touch"), now()];
        seen.again = isFollowed("touch");
        by("pointerdown", box, "touch");
        seen.onBox = now();
        by("pointerdown", $("article"), "touch");
        seen.elsewhere = now();
        word.focus({ focusVisible: true });
        seen.focus = now();
        word.blur();
        seen.blur = now();
        $("p").style.marginTop = `${innerHeight - 40}px`;
        by("pointerenter", word);
        seen.isAbove = box.getBoundingClientRect().bottom <= word.getBoundingClientRect().top;
        return seen;""",
    )
    assert found == {
        "titles": 0,
        "first": None,
        "pointed": ["A meaning.", "em-meaning"],
        "isBelow": True,
        "isInside": True,
        "inBox": "A meaning.",
        "soon": "A meaning.",
        "left": [None, None],
        "leftAlone": None,
        "other": ["Another.", None],
        "letter": "Another.",
        "escape": None,
        "click": [True, None],
        "tap": [False, "A meaning. (Tap again for the glossary.)"],
        "again": True,
        "onBox": "A meaning. (Tap again for the glossary.)",
        "elsewhere": None,
        "focus": "A meaning.",
        "blur": None,
        "isAbove": True,
    }


SECTIONS = [
    ("Practice", "Exercises", "Take an E-step by hand. Take another step."),
    ("Taught", "The E-step", "An E-step computes responsibilities & says <b>how</b>."),
    ("Spelt", "Start", "How to initialise a Gaussian mixture with several components."),
    ("Glossary", "E-step", "The E-step, in a word."),
    ("Glossary", "step", "What a step is: an E-step, or another."),
    ("Far", "Far", f"{'begin ' * 30}Pólya{' end' * 60}"),
    *(("Many", f"Number {i}", "EM on a lattice.") for i in range(15)),
    ("Hidden Markov models", "Hidden Markov models", "What a hidden Markov model is."),
    ("Hidden Markov models", "Holes", "What if values are missing?"),
    ("Loop", "EM", "It is EM again, and EM."),
    ("Tails", "Heavy", "The t distribution."),
    ("Last", "Last", "One coin."),
    ("Bibliography", "Bibliography", "Coin or dice?"),
    ("Errors", "Wrong", "It falls if a coin is counted twice."),
]


def test_the_search_finds_sections_as_readers_spell_them_and_shows_the_words(on_page, tmp_path):
    (tmp_path / "_static").mkdir()
    library = packages() / "node_modules" / "minisearch" / "dist" / "umd" / "index.js"
    shutil.copy(library, tmp_path / "_static" / "minisearch.js")
    entries = [
        {"page": page, "title": title, "url": f"chapters/{page}.html#{i}", "text": text}
        for i, (page, title, text) in enumerate(SECTIONS)
    ]
    index = f"window.bookSections={json.dumps(entries)};"
    (tmp_path / "_static" / "search-index.js").write_text(index, "utf8")
    queries = ["e-step", "initialize", "component", "GMM", "polya", "Lattice"]
    queries += ["HMM", "HMM missing values", "EM coin"]
    queries += ["coins", "responsibilitys", "respons", " ", "xyzzy"]
    queries += ["Why is it called the E step?", "mixture of normals", "Doesn't EM decrease?"]
    queries += ["dice coin", "what", "Gaussian-mixtures"]
    found = on_page(
        '<dialog id="pst-search-dialog"><form><input name="q"></form></dialog>',
        ["search.js"],
        f"""const found = {{}};
        for (const query of {json.dumps(queries)}) {{
          $("input").value = query;
          $("input").dispatchEvent(new Event("input"));
          await wait(400);
          found[query] = [$(".em-search-status").textContent,
            $$(".em-search a").map((a) => a.href),
            $$(".em-search p").map((p) => p.innerHTML),
            $$(".em-search-page").map((span) => span.textContent)];
        }}
        return found;""",
    )
    places = {
        q: [int(link.rpartition("#")[2]) for link in links] for q, (_, links, *_) in found.items()
    }
    # What teaches comes first, then what practises; of the glossary one entry, the others last.
    assert places["e-step"] == [1, 3, 0, 4]
    assert places["initialize"] == places["component"] == places["GMM"] == [2]
    assert places["polya"] == [5]
    # The book's word for one of several says which chapter, and not which section.
    titles = [title for _, title, _ in SECTIONS]
    whole, holes = (titles.index(title) for title in ["Hidden Markov models", "Holes"])
    assert places["HMM"][0] == whole
    assert places["HMM missing values"][0] == holes
    last, listed, wrong = range(len(SECTIONS) - 3, len(SECTIONS))
    assert places["coins"] == [last, wrong, listed]
    # The more of the words the better, and EM, which is everywhere, counts least.
    assert places["EM coin"][:2] == [last, wrong]
    assert places["dice coin"] == [last, wrong, listed]  # a list of works has every word
    # Of a question only what it is about counts, and what the book calls it.
    assert places["Why is it called the E step?"] == [1, 3, 0, 4]
    assert places["mixture of normals"] == places["Gaussian-mixtures"] == [2]
    assert places["Doesn't EM decrease?"][0] == wrong
    assert places["what"] == [holes, whole, 4]
    assert places["responsibilitys"] == places["respons"] == [1]
    assert found["e-step"][0] == "4 sections"
    assert found["xyzzy"] == ["Nothing found.", [], [], []]
    assert found[" "] == ["", [], [], []]
    assert len(places["Lattice"]) == 12
    link, text = found["e-step"][1][0], found["e-step"][2][0]
    page = (tmp_path / "chapters" / "Taught.html").as_uri()
    assert link == f"{page}?highlight=e-step#1"
    assert found["Why is it called the E step?"][1][0] == f"{page}?highlight=E-step#1"
    assert text == (
        "An <mark>E-step</mark> computes responsibilities &amp; says &lt;b&gt;how&lt;/b&gt;."
    )
    assert (found["e-step"][3][0], found["polya"][3][0]) == ("Taught", "")
    assert found["dice coin"][2][-1] == "<mark>Coin</mark> or <mark>dice</mark>?"
    assert found["polya"][2][0].startswith("…")
    assert "begin <mark>Pólya</mark> end" in found["polya"][2][0]
    assert found["polya"][2][0].endswith("…")


def test_the_contents_mark_the_section_at_the_top_of_the_window(on_page):
    names = ["a", "b", "c", "d"]
    entries = "".join(f'<li class="toc-entry"><a href="#{n}">{n}</a>' for n in names)
    heights = dict.fromkeys(names, 900) | {"c": 90, "d": 90}
    sections = "".join(f'<h2 id="{n}" style="height:{heights[n]}px">{n}</h2>' for n in names)
    found = on_page(
        f'<nav class="page-toc" style="position:fixed"><ul>{entries}</ul></nav>{sections}',
        ["contents.js"],
        """const seen = [];
        const note = async () => {
          await wait(200);
          seen.push(["a[aria-current=true]", "a.active", "li.active"].map((one) =>
            $$(`.page-toc ${one}`).map((e) => e.textContent).join()));
        };
        await note();
        scrollTo(0, $("#b").offsetTop - 60);
        await note();
        scrollTo(0, $("#b").offsetTop - 200);
        await note();
        location.hash = "#c";
        await note();
        return seen;""",
    )
    assert found == [[name] * 3 for name in ("a", "b", "a", "c")]


def test_a_picture_that_a_phone_shrinks_is_shown_as_drawn_around_what_was_tapped(on_page):
    image = (
        '<div class="cell_output"><figure{}><img width="{}" style="display:block"></figure></div>'
    )
    found = on_page(
        "<style>img { height: 50px; width: 300px } .em-as-drawn { width: 900px }"
        "figure { margin: 0; width: 300px; overflow: auto }</style>"
        + image.format("", 900)
        + image.format("", 300),
        ["pictures.js"],
        """const [small, whole] = $$("img"), seen = [];
        for (const image of [small, small, whole]) {
          const { left, top } = image.getBoundingClientRect();
          const place = { clientX: left + 200, clientY: top + 9 };
          image.dispatchEvent(new MouseEvent("click", { ...place, bubbles: true }));
          seen.push([image.clientWidth, image.parentElement.scrollLeft]);
        }
        return seen;""",
        390,
    )
    assert found == [[900, 400], [300, 0], [300, 0]]


def test_what_scrolls_can_be_reached_by_key_and_nothing_else(on_page):
    found = on_page(
        '<div class="highlight"><pre>short</pre></div>'
        f'<div class="highlight"><pre style="overflow: auto">{"long " * 400}</pre></div>',
        ["scroll.js"],
        """const now = () => $$("pre").map((pre) => pre.tabIndex);
        const seen = [now()];
        $$("pre")[1].textContent = "short, too";
        dispatchEvent(new Event("resize"));
        return [...seen, now()];""",
    )
    assert found == [[-1, 0], [-1, -1]]
