// Remembers, in this browser and nowhere else, which recall questions their reader has answered.
// A question counts by the choice that was opened first.
(() => {
  const KEY = "em-step-by-step-recall";
  const read = () => JSON.parse(localStorage.getItem(KEY) ?? "{}");
  const write = (answers) => localStorage.setItem(KEY, JSON.stringify(answers));

  function watch(section) {
    const chapter = section.dataset.chapter;
    const questions = [...section.querySelectorAll("li")];
    const said = Object.assign(document.createElement("p"), { className: "em-recall-said" });
    said.setAttribute("role", "status");
    const say = () => {
      const answers = read()[chapter] ?? {};
      const right = Object.values(answers).filter(Boolean).length;
      const count = Object.keys(answers).length;
      said.textContent = count ? `${count} of ${questions.length} answered, ${right} right at once.` : "";
    };
    questions.forEach((question, i) => {
      for (const choice of question.querySelectorAll("details")) {
        choice.addEventListener("toggle", () => {
          const answers = read();
          if (!choice.open || answers[chapter]?.[i] !== undefined) return;
          answers[chapter] = { ...answers[chapter], [i]: choice.dataset.right === "true" };
          write(answers);
          say();
        });
      }
    });
    section.append(said);
    say();
  }

  // On the page of contents: each chapter's score behind its link, and a button that forgets all.
  function show(map) {
    const answers = read();
    if (!Object.keys(answers).length) return;
    for (const [chapter, given] of Object.entries(answers)) {
      const link = map.querySelector(`a[href="${chapter}.html"]`);
      const right = Object.values(given).filter(Boolean).length;
      link?.insertAdjacentText("afterend", ` (${right} of ${Object.keys(given).length} recalled)`);
    }
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      className: "em-forget",
      textContent: "Forget my answers in this browser",
    });
    button.onclick = () => {
      localStorage.removeItem(KEY);
      location.reload();
    };
    map.after(button);
  }

  document.addEventListener("DOMContentLoaded", () => {
    try {
      document.querySelectorAll(".em-recall").forEach(watch);
      const contents = document.querySelector("#map-of-the-book table");
      if (contents) show(contents);
    } catch {
      // A browser that stores nothing still shows every question.
    }
  });
})();
