// What a browser shows of `Rating` in rating.py: a page with a real clip beside new ones, and its questions.

const KEYS =
  "Keys: 1 to 5 answer the marked question; up and down mark another; right or Enter goes on, left goes back; " +
  "Backspace goes back to the question before.";
const LETTERS = "ABCDEFGHI";

/** A new child of `parent`; a name that the element does not know, such as `aria-label`, becomes an attribute. */
function add(parent, kind, properties = {}) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  return parent.appendChild(element);
}

function render({ model, el }) {
  const media = model.get("_media").map((data) => URL.createObjectURL(new Blob([data], { type: "image/webp" })));
  const pages = model.get("_pages");
  const questions = model.get("_questions");
  const best = model.get("_best");
  let active = 0; // the question that keys answer
  let said = "";

  const page = () => model.get("page");
  const given = () => model.get("answers")[page()];
  const complete = () => given().every(Boolean);
  const finished = () => model.get("answers").flat().every(Boolean);
  const last = () => page() === pages.length - 1;

  // The page

  el.classList.add("hpvae-rating");
  const own = { "data-lm-suppress-shortcuts": "true" }; // keys, or JupyterLab takes numbers, Enter and arrows for its own
  el.tabIndex = 0;
  Object.entries({ role: "group", "aria-label": "Rating", "aria-description": KEYS, ...own }).forEach((one) =>
    el.setAttribute(...one),
  );
  const button = (parent, text, act, properties = {}) => {
    const made = add(parent, "button", { type: "button", textContent: text, ...own, ...properties });
    made.addEventListener("click", act);
    return made;
  };
  const figure = (parent, className, words, title) => {
    const made = add(parent, "figure", { className });
    const picture = add(made, "img", { alt: title, title });
    add(made, "figcaption", { textContent: words });
    return picture;
  };
  const clips = add(el, "div", { className: "clips" });
  const pictures = [figure(clips, "real", "real", "The real one, in a loop")];
  for (let k = 0; k < pages[0].length - 1; k++) {
    pictures.push(figure(clips, "", `new ${LETTERS[k]}`, `New one ${LETTERS[k]}, in a loop`));
  }
  const groups = questions.map(([text, low, high], k) => {
    const group = add(el, "div", { className: "question", role: "group", "aria-label": text });
    add(group, "p", { textContent: text });
    const scale = add(group, "div", { className: "scale" });
    add(scale, "span", { textContent: low });
    const buttons = Array.from({ length: best }, (_, at) => {
      const meaning = at === 0 ? `, ${low}` : at === best - 1 ? `, ${high}` : "";
      const press = () => {
        active = k;
        answer(at + 1);
      };
      return button(scale, String(at + 1), press, { "aria-label": `${at + 1} of ${best}${meaning}` });
    });
    add(scale, "span", { textContent: high });
    group.addEventListener("focusin", () => mark(k));
    return { group, buttons };
  });
  const steps = add(el, "div", { className: "steps", role: "group", "aria-label": "Pages" });
  const backward = button(steps, "Back", () => turn(-1));
  const progress = add(steps, "progress", { max: pages.length * questions.length, "aria-label": "Answers" });
  const onward = button(steps, "Next", () => turn(1));
  const status = add(el, "p", { role: "status" });
  const failure = add(el, "p", { role: "alert" });
  add(el, "p", { className: "keys", textContent: KEYS });

  // What is seen

  function tell() {
    const saved = model.get("_saved");
    const thanks = finished() && saved === progress.max ? " All pages are rated. Thank you!" : "";
    const words = `Page ${page() + 1} of ${pages.length}, ${saved} of ${progress.max} answers saved.`;
    status.textContent = [words + thanks, said].filter(Boolean).join(" ");
    progress.value = saved;
    failure.textContent = model.get("_failure");
  }

  function mark(question) {
    active = question;
    groups.forEach(({ group }, k) => group.toggleAttribute("data-active", k === active));
  }

  function refresh() {
    groups.forEach(({ buttons }, k) =>
      buttons.forEach((one, at) => one.setAttribute("aria-pressed", String(given()[k] === at + 1))),
    );
    backward.setAttribute("aria-disabled", String(page() === 0));
    onward.setAttribute("aria-disabled", String(!complete() || last()));
    tell();
  }

  function show() {
    pages[page()].forEach((at, k) => (pictures[k].src = media[at]));
    const open = given().findIndex((value) => !value);
    mark(Math.max(0, open));
    refresh();
  }

  // What the hand does

  function answer(value) {
    const answers = model.get("answers").map((one) => [...one]);
    answers[page()][active] = value;
    said = "";
    model.set("answers", answers);
    model.save_changes();
    if (active < questions.length - 1) mark(active + 1);
  }

  /** To another page; `question` is marked there, if it is given. */
  function turn(by, question) {
    const to = page() + by;
    if (by > 0 && !complete()) {
      said = "Answer all questions of this page first.";
      return tell();
    }
    if (to < 0 || to >= pages.length) return;
    said = "";
    model.set("page", to);
    model.save_changes();
    if (question !== undefined) mark(question);
  }

  el.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { key } = event;
    const value = Number(key);
    if (Number.isInteger(value) && value >= 1 && value <= best) {
      answer(value);
      el.focus({ preventScroll: true }); // on a number's button, Enter would press that
    } else if (key === "ArrowUp") mark(Math.max(0, active - 1));
    else if (key === "ArrowDown") mark(Math.min(questions.length - 1, active + 1));
    else if (key === "ArrowRight" || (key === "Enter" && event.target.tagName !== "BUTTON")) turn(1);
    else if (key === "ArrowLeft") turn(-1);
    else if (key === "Backspace" && active > 0) mark(active - 1);
    else if (key === "Backspace") turn(-1, questions.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const heard = { "change:page": show, "change:answers": refresh, "change:_saved": tell, "change:_failure": tell };
  for (const [what, act] of Object.entries(heard)) model.on(what, act);
  show();
  return () => {
    Object.entries(heard).forEach(([what, act]) => model.off(what, act));
    media.forEach((address) => URL.revokeObjectURL(address));
  };
}

export default { render };
