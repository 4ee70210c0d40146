// A picture that a phone shows smaller than it was drawn is, tapped, seen as it was drawn, around the
// place that was tapped, and scrolls within its figure; tapped again, it is whole.
addEventListener("click", ({ target, offsetX, clientX }) => {
  if (!target.matches(".cell_output figure img")) return;
  const { clientWidth, classList } = target;
  if (!classList.contains("em-as-drawn") && clientWidth >= Number(target.getAttribute("width"))) return;
  classList.toggle("em-as-drawn");
  const frame = target.closest("figure, .em-frames");
  const place = clientX - frame.getBoundingClientRect().left;
  frame.scrollLeft = (offsetX / clientWidth) * target.clientWidth - place;
});
