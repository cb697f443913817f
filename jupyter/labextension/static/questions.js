// What ipywidgets leaves out of a question for keyboards and screen readers.
let questions = 0;
let pressed = null;

// A question is a group with a name, its radio buttons are one group. ipywidgets makes the buttons again whenever the
// kernel says something about them, so this is done again, too.
function describe(quiz) {
  const prompt = quiz.querySelector(".lab-quiz-prompt");
  if (!prompt) return;
  prompt.id = quiz.dataset.question ??= `lab-question-${++questions}`;
  for (const [group, role] of [[quiz, "group"], [quiz.querySelector(".widget-radio-box"), "radiogroup"]]) {
    group?.setAttribute("role", role);
    group?.setAttribute("aria-labelledby", prompt.id);
  }
  for (const radio of quiz.querySelectorAll("input[type=radio]")) radio.name = `${prompt.id}-options`;
}

// A button that goes when it was pressed takes the focus with it; the answer below it is the next thing to read.
function follow() {
  if (!pressed || pressed.offsetParent || ![document.body, pressed].includes(document.activeElement)) return;
  const said = pressed.closest(".lab-quiz")?.querySelector(".lab-quiz-said");
  pressed = null;
  said?.setAttribute("tabindex", "-1");
  said?.focus();
}

export function activate() {
  document.addEventListener("click", (event) => (pressed = event.target.closest(".lab-quiz button")), true);
  new MutationObserver(() => {
    document.querySelectorAll(".lab-quiz").forEach(describe);
    follow();
  }).observe(document.body, { childList: true, subtree: true });
}
