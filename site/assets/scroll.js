// What scrolls by itself, such as a long equation on a phone, can be reached by keyboard there.
(() => {
  const mark = () => {
    for (const element of document.querySelectorAll(
      ".katex-display, .pst-scrollable-table-container, .highlight pre, .output pre",
    )) {
      if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    }
  };
  addEventListener("load", mark);
  addEventListener("resize", mark);
})();
