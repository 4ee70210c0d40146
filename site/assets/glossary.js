// What a word of the glossary means, beside the word: for who points at it, comes to it by key, or
// taps it. A click, Enter or a second tap leads to its entry; Escape takes what was said away.
(() => {
  const GAP = 4; // pixels between the word and what is said
  const MARGIN = 8; // pixels that are left to the edge of the window
  const PATIENCE = 250; // milliseconds in which a pointer may cross the gap
  const box = Object.assign(document.createElement("div"), { id: "em-meaning", hidden: true });
  box.setAttribute("role", "tooltip");
  let shown = null; // the link that the box stands at
  let leaving = null;

  function hide() {
    clearTimeout(leaving);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    box.hidden = true;
  }

  const hideSoon = () => {
    leaving = setTimeout(hide, PATIENCE);
  };

  function show(link, invitation = "") {
    hide();
    shown = link;
    box.textContent = `${link.dataset.meaning} ${invitation}`.trim();
    box.hidden = false;
    link.setAttribute("aria-describedby", box.id);
    const word = link.getBoundingClientRect();
    const { clientWidth, clientHeight } = document.documentElement;
    const left = Math.max(MARGIN, Math.min(word.left, clientWidth - box.offsetWidth - MARGIN));
    const isBelow = word.bottom + GAP + box.offsetHeight < clientHeight;
    const top = isBelow ? word.bottom + GAP : word.top - GAP - box.offsetHeight;
    const frame = box.offsetParent.getBoundingClientRect();
    box.style.left = `${left - frame.left}px`;
    box.style.top = `${top - frame.top}px`;
  }

  function watch(link) {
    let isFirstTap = false;
    // The browser would show a title too, and a screen reader say it twice.
    link.dataset.meaning = link.title;
    link.removeAttribute("title");
    link.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && show(link));
    link.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && hideSoon());
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", hide);
    link.addEventListener("pointerdown", ({ pointerType }) => {
      isFirstTap = pointerType !== "mouse" && shown !== link;
    });
    link.addEventListener("click", (event) => {
      if (!isFirstTap) return;
      isFirstTap = false;
      event.preventDefault();
      show(link, "(Tap again for the glossary.)");
    });
  }

  const links = document.querySelectorAll("a:has(> .glossary)");
  if (!links.length) return;
  links.forEach(watch);
  document.querySelector("article").append(box);
  box.addEventListener("pointerenter", () => clearTimeout(leaving));
  box.addEventListener("pointerleave", hideSoon);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("pointerdown", ({ target }) => {
    if (shown && !shown.contains(target) && !box.contains(target)) hide();
  });
})();
