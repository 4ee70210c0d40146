// Remembers, in this browser and nowhere else, what its reader has answered: the recall questions,
// each by the choice that was opened first on the last visit, and the exercises, each by its last
// answer.
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

  const rightOf = (answers) => Object.values(answers).filter(Boolean).length;

  // The answers of this visit take the place of those of earlier ones, question by question.
  function watchRecall(section) {
    const chapter = section.dataset.chapter;
    const questions = [...section.querySelectorAll("li")];
    const before = read().recall[chapter] ?? {};
    const now = {};
    const said = Object.assign(document.createElement("p"), { className: "em-recall-said" });
    said.setAttribute("role", "status");
    const say = () => {
      const [count, earlier] = [Object.keys(now).length, Object.keys(before).length];
      const sentences = [];
      if (count) sentences.push(`${count} of ${questions.length} answered, ${rightOf(now)} right at once.`);
      if (earlier) sentences.push(`Before, ${rightOf(before)} of ${earlier} right at once.`);
      if (earlier && !count) sentences.push("Your answers from this visit will take their place.");
      said.textContent = sentences.join(" ");
    };
    questions.forEach((question, i) => {
      for (const choice of question.querySelectorAll("details")) {
        choice.addEventListener("toggle", () => {
          if (!choice.open || i in now) return;
          now[i] = choice.dataset.right === "true";
          remember("recall", chapter, i, now[i]);
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
    if (recalled.length) said.push(`${rightOf(recalled)} of ${recalled.length} recalled`);
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
