// Remembers, in this browser and nowhere else, what its reader has answered: the recall questions,
// each by the choice that was opened first, and the exercises, each by its last answer.
(() => {
  const KEY = "em-step-by-step";
  const CHAPTER = location.pathname.split("/").pop().replace(/\.html$/, "");

  function read() {
    const nothing = { recall: {}, exercises: {} };
    try {
      return { ...nothing, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
    } catch {
      return nothing; // a browser that keeps nothing still shows and checks everything
    }
  }

  function remember(kind, chapter, name, answer) {
    const all = read();
    all[kind][chapter] = { ...all[kind][chapter], [name]: answer };
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
    } catch {
      return; // kept nowhere, and said all the same
    }
  }

  function watchRecall(section) {
    const chapter = section.dataset.chapter;
    const questions = [...section.querySelectorAll("li")];
    const said = Object.assign(document.createElement("p"), { className: "em-recall-said" });
    said.setAttribute("role", "status");
    const say = () => {
      const answers = read().recall[chapter] ?? {};
      const right = Object.values(answers).filter(Boolean).length;
      const count = Object.keys(answers).length;
      said.textContent = count ? `${count} of ${questions.length} answered, ${right} right at once.` : "";
    };
    questions.forEach((question, i) => {
      for (const choice of question.querySelectorAll("details")) {
        choice.addEventListener("toggle", () => {
          if (!choice.open || read().recall[chapter]?.[i] !== undefined) return;
          remember("recall", chapter, i, choice.dataset.right === "true");
          say();
        });
      }
    });
    section.append(said);
    say();
  }

  function watchAnswer(form) {
    const name = form.dataset.exercise;
    const exercise = EmAnswers.reveal(form.dataset.key);
    const [input, said] = [form.querySelector("input"), form.querySelector(".em-said")];
    const say = () => {
      const verdict = EmAnswers.grade(input.value, exercise);
      said.textContent = verdict.message;
      form.dataset.right = verdict.right;
      return verdict;
    };
    const before = read().exercises[CHAPTER]?.[name];
    if (before) {
      input.value = before.text;
      say();
    }
    said.setAttribute("role", "status"); // from now on: what was said before is not news
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { right } = say();
      if (input.value.trim()) remember("exercises", CHAPTER, name, { text: input.value, right });
    });
  }

  // What has been answered of a chapter, in words; "" if nothing has.
  function score({ recall, exercises }, chapter) {
    const recalled = Object.values(recall[chapter] ?? {});
    const solved = Object.values(exercises[chapter] ?? {}).filter(({ right }) => right).length;
    const said = [];
    if (recalled.length) said.push(`${recalled.filter(Boolean).length} of ${recalled.length} recalled`);
    if (solved) said.push(solved === 1 ? "1 exercise right" : `${solved} exercises right`);
    return said.join(", ");
  }

  // Behind each chapter's link in a table of contents its score, and a button that forgets all.
  function show(table) {
    const all = read();
    const chapters = new Set([...Object.keys(all.recall), ...Object.keys(all.exercises)]);
    if (!chapters.size) return;
    for (const chapter of chapters) {
      const said = score(all, chapter);
      const link = table.querySelector(`a[href="${chapter}.html"]`);
      if (said) link?.insertAdjacentText("afterend", ` (${said})`);
    }
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      className: "em-forget",
      textContent: "Forget my answers in this browser",
    });
    button.onclick = () => {
      if (!confirm("Forget all your answers on this site?")) return;
      localStorage.removeItem(KEY);
      location.reload();
    };
    (table.closest(".pst-scrollable-table-container") ?? table).after(button);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".em-recall").forEach(watchRecall);
    document.querySelectorAll(".em-answer").forEach(watchAnswer);
    const contents = "#map-of-the-book table, #an-hour-a-day-a-month table";
    document.querySelectorAll(contents).forEach(show);
  });
})();
