// Scenes in chapters: when one comes near, the laboratory takes the place of its picture.
"use strict";

(() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  let laboratory = null;

  function load() {
    laboratory ??= new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = `${folder}laboratory.js`;
      script.onload = resolve;
      document.head.append(script);
    });
    return laboratory;
  }

  async function goLive(figure) {
    await load();
    const place = document.createElement("div");
    figure.append(place);
    figure.classList.add("em-live");
    const { scene } = figure.dataset;
    const [home] = figure.querySelector(".em-still a").href.split("#");
    emLaboratory.mountLaboratory(place, { scene, compact: true, home });
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        goLive(target);
      }
    },
    { rootMargin: "600px" },
  );
  for (const figure of document.querySelectorAll(".em-scene")) near.observe(figure);
})();
