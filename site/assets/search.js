// Searches the book by section. Library and index are loaded when a reader first wants to search,
// as scripts, so that it works from disk too.
(() => {
  const here = new URL(".", document.currentScript.src);
  const top = new URL("..", here);

  const load = (name) =>
    new Promise((loaded, failed) => {
      const script = Object.assign(document.createElement("script"), { src: new URL(name, here).href });
      script.onload = loaded;
      script.onerror = failed;
      document.head.append(script);
    });

  // British and American spelling, accents and plurals are one; E-step is a word.
  const normal = (word) =>
    word
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .replace(/iz(e|ed|es|er|ing|ation)$/, "is$1")
      .replace(/([^s])s$/, "$1");
  const words = (text) => text.match(/[\p{L}\p{N}_]+(?:[-–][\p{L}\p{N}_]+)*/gu) ?? [];
  const forms = (word) => {
    const parts = word.split(/[-–]/);
    return parts.length > 1 ? [parts.join(""), ...parts.filter((part) => part.length > 1)] : [word];
  };
  const tokens = (text) => words(text).flatMap(forms);

  // Words of a question that do not say what it is about.
  const IDLE = new Set(
    ("a about all always an and any are as at be become been before between by called can compute computed did " +
      "difference do does doesn don during each every explain explanation for from get gets give gives goes has " +
      "have how i if in instead into is isn it its meaning my not of on or question should simple so take than that " +
      "the there they this to use used using versus vs was we what when where which who why will with you").split(" "),
  );
  // What the book calls it.
  const OTHERWISE = {
    "1d": "one dimension",
    anomaly: "outlier",
    biased: "bias",
    bimodal: "hump",
    bivariate: "multivariate",
    center: "centre",
    centroid: "centre",
    collapse: "singular",
    decrease: "fall",
    decreased: "fall",
    decreasing: "fall",
    down: "fall",
    drop: "fall",
    elbo: "lower bound",
    example: "hand",
    forecasting: "forecast",
    gmm: "gaussian mixture",
    gradient: "bfgs",
    greater: "exceed",
    hmm: "hidden markov model",
    identical: "equal",
    increase: "rise",
    increasing: "rise",
    initial: "start",
    initialisation: "start",
    initialise: "start",
    intuition: "idea",
    kl: "kullback",
    larger: "exceed",
    log: "logarithm",
    maxima: "maximum",
    membership: "responsibility",
    mle: "maximum likelihood",
    multiple: "several",
    normal: "gaussian",
    numerical: "hand",
    online: "incremental",
    optima: "maximum",
    optimum: "maximum",
    pdf: "density",
    restart: "start",
    same: "equal",
    select: "choose",
    sklearn: "scikit",
    starting: "start",
    stuck: "local",
    termination: "stop",
    unbiased: "bias",
    univariate: "one dimension",
  };
  // Where something is taught comes before where it is practised or listed.
  const LESSER = [
    [/^(Exercises|Read more|Summary|Before you start)$/, 0.4],
    [/^(All exercises|How to study)$/, 0.2],
    [/^Bibliography$/, 0.02], // it has nearly every word
    [/^Glossary$/, 0.8],
    [/^(Applications of EM|Misconceptions about EM)$/, 0.6],
    [/^(The emlib reference|Notation)$/, 0.5],
    [/^The EM laboratory$/, 0.08],
    [/^[“"]/, 0.5], // a mistake, told where people make it
  ];

  let engine;
  async function ready() {
    if (engine) return engine;
    await Promise.all([load("minisearch.js"), load("search-index.js")]);
    engine = new MiniSearch({
      fields: ["title", "page", "text"],
      storeFields: ["title", "page", "url", "text"],
      idField: "url",
      tokenize: tokens,
      processTerm: normal,
    });
    engine.addAll(window.bookSections);
    return engine;
  }

  // What a search is about: of "Why is it called the E step?" the E-step.
  function telling(query) {
    const all = words(query.replace(/['’]\w\b/g, "").replace(/\b([em]) step/gi, "$1-step"));
    const some = all.filter((word) => !IDLE.has(word.toLowerCase()));
    return some.length ? some : all;
  }

  // A word, the parts of a compound, or what the book calls it.
  function sought(word) {
    const [whole, ...parts] = forms(word).map(normal);
    const ways = [whole];
    if (parts.length > 1) ways.push({ queries: parts, combineWith: "AND" });
    if (OTHERWISE[whole]) ways.push({ queries: [OTHERWISE[whole]], combineWith: "AND" });
    return { queries: ways, combineWith: "OR" };
  }

  async function find(query) {
    const book = await ready();
    const wanted = query.trim().toLowerCase();
    const options = {
      boost: { title: 4, page: 2 },
      prefix: (term) => term.length > 3,
      fuzzy: (term) => (term.length > 5 ? 0.15 : false),
      boostDocument: (url, term, { title, page }) => {
        const [, weight] = LESSER.find(([name]) => name.test(title) || name.test(page)) ?? [0, 1];
        const name = title.toLowerCase();
        return weight * (name.startsWith(wanted) ? 2.2 : name.includes(wanted) ? 2 : 1);
      },
    };
    // The more of the words a section has, the better, and rare words count most.
    const sections = new Map();
    for (const word of telling(query).map(sought)) {
      const results = book.search(word, options);
      const rarity = Math.log(1 + book.documentCount / results.length);
      for (const result of results) {
        const { score, share, terms } = sections.get(result.id) ?? { score: 0, share: 0, terms: [] };
        const sums = { score: score + result.score, share: share + rarity, terms: [...terms, ...result.terms] };
        sections.set(result.id, { ...result, ...sums });
      }
    }
    const merit = ({ score, share }) => score * share ** 3;
    const all = [...sections.values()].sort((a, b) => merit(b) - merit(a));
    // One entry of the glossary says what a word means; others come after the sections that teach it.
    const others = new Set(all.filter(({ page }) => page === "Glossary").slice(1));
    return [...all.filter((result) => !others.has(result)), ...others].slice(0, 12);
  }

  const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  // A line around the first word that matched, with all of them marked.
  function line(result) {
    const found = new Set(result.terms);
    const parts = result.text.split(/([\p{L}\p{N}_]+(?:[-–][\p{L}\p{N}_]+)*)/u);
    const hit = (part) => tokens(part).some((token) => found.has(normal(token)));
    const first = Math.max(0, parts.findIndex(hit));
    const [from, to] = [Math.max(0, first - 16), first + 40];
    const shown = parts.slice(from, to).map((part) => (hit(part) ? `<mark>${escape(part)}</mark>` : escape(part)));
    return `${from ? "…" : ""}${shown.join("")}${to < parts.length ? "…" : ""}`;
  }

  function address(result, query) {
    const [file, place] = result.url.split("#");
    const marked = telling(query).filter((word) => word.length > 2);
    const marks = marked.length ? `?highlight=${encodeURIComponent(marked.join(" "))}` : "";
    return `${new URL(file, top).href}${marks}#${place}`;
  }

  async function show(query, list, status) {
    if (!query.trim()) {
      list.replaceChildren();
      status.textContent = "";
      return;
    }
    const results = await find(query);
    status.textContent = results.length ? `${results.length} sections` : "Nothing found.";
    list.innerHTML = results
      .map(
        (result) =>
          `<li><a href="${escape(address(result, query))}">${escape(result.title)}</a>` +
          `<span class="em-search-page">${result.page === result.title ? "" : escape(result.page)}</span>` +
          `<p>${line(result)}</p></li>`,
      )
      .join("");
  }

  function serve(form, box) {
    const input = form.querySelector("input[name=q]");
    const status = Object.assign(document.createElement("p"), { className: "em-search-status" });
    status.setAttribute("role", "status");
    const list = Object.assign(document.createElement("ol"), { className: "em-search" });
    box.append(status, list);
    let waiting;
    input.addEventListener("focus", ready, { once: true });
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => show(input.value, list, status), 120);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show(input.value, list, status);
    });
    return (query) => {
      input.value = query;
      show(query, list, status);
    };
  }

  // While the dialog is open, the page has an entry more in the browser's history, so that Back
  // closes it and leaves the page where it is. What is chosen in it takes that entry's place.
  function closeByBack(dialog) {
    const hasEntry = () => history.state?.search === true;
    let place;
    new MutationObserver(() => {
      if (dialog.open) {
        place = scrollY;
        history.pushState({ search: true }, "");
      } else if (hasEntry()) history.back();
    }).observe(dialog, { attributeFilter: ["open"] });
    addEventListener("popstate", () => {
      if (hasEntry() || place === undefined) return;
      dialog.close();
      const before = place; // and not where the part of the address behind # would lead
      requestAnimationFrame(() => scrollTo(0, before));
      place = undefined;
    });
    dialog.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      place = undefined;
      history.replaceState(null, "");
      dialog.close();
      location.replace(link.href);
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const dialog = document.querySelector("#pst-search-dialog");
    if (dialog) {
      serve(dialog.querySelector("form"), dialog);
      closeByBack(dialog);
    }
    const results = document.querySelector("#search-results");
    if (!results) return;
    const search = serve(document.querySelector(".bd-search-container form"), results);
    search(new URLSearchParams(location.search).get("q") ?? "");
  });
})();
