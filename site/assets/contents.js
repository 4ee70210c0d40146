// In the page's contents, the section that stands at the top of the window is marked.
(() => {
  const links = [...document.querySelectorAll(".page-toc a[href^='#']")];
  const places = links.map((link) => document.getElementById(link.hash.slice(1)));
  let waiting = false;

  function mark() {
    waiting = false;
    // A little below where a link's target comes to stand.
    const line = Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) + 24 || 88;
    const begun = places.filter((place) => place?.getBoundingClientRect().top < line);
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const here = (atEnd && places.find((place) => `#${place?.id}` === location.hash)) || begun.at(-1);
    links.forEach((link, i) => {
      const current = here !== undefined && places[i] === here;
      link.classList.toggle("active", current);
      if (current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    for (const entry of document.querySelectorAll(".page-toc .toc-entry")) {
      entry.classList.toggle("active", entry.querySelector("a.active") !== null);
    }
  }

  const soon = () => {
    if (!waiting) requestAnimationFrame(mark);
    waiting = true;
  };
  if (!links.length) return;
  // On a phone the contents lie over the page, in a dialog, until one of them is chosen.
  for (const link of links) link.addEventListener("click", () => link.closest("dialog")?.close());
  for (const event of ["scroll", "resize", "hashchange", "load"]) addEventListener(event, soon);
  soon();
})();
