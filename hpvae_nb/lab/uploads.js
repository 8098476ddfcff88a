// What a browser shows of `Upload` in uploads.py: a button, and how far the file is that was chosen with it.
//
// A notebook's server drops a message that is too large (10 MB in JupyterLab, 1 MB elsewhere) without a word. So a file
// goes in pieces, the next one when the one before has arrived.

const PATIENCE = 10_000; // milliseconds without an answer, after which the reader is told

function render({ model, el }) {
  el.classList.add("hpvae-upload");
  const choice = Object.assign(document.createElement("input"), { type: "file", accept: model.get("accept") });
  choice.hidden = true;
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.className = "jupyter-button lm-Widget";
  button.title = model.get("description");
  button.textContent = model.get("description");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  el.append(button, choice, said);

  let file, timer;

  const say = (words, role = "status") => {
    said.setAttribute("role", role);
    said.textContent = words;
  };
  const send = (content, pieces = []) => {
    clearTimeout(timer);
    timer = setTimeout(() => say(`${file.name} does not arrive. ${model.get("advice")}`, "alert"), PATIENCE);
    model.send(content, undefined, pieces);
  };
  const arrived = async (at) => {
    clearTimeout(timer);
    if (!file || at < 0) return say("");
    say(`${file.name}: ${file.size ? Math.floor((100 * at) / file.size) : 100} % uploaded`);
    const piece = await file.slice(at, at + model.get("piece")).arrayBuffer();
    send({ at }, [piece]);
  };
  const answered = (content) => arrived(content.arrived);

  button.addEventListener("click", () => choice.click());
  choice.addEventListener("change", () => {
    file = choice.files[0];
    choice.value = ""; // or the same file could not be chosen again
    if (file) send({ name: file.name, size: file.size });
  });
  model.on("msg:custom", answered);
  return () => {
    clearTimeout(timer);
    model.off("msg:custom", answered);
  };
}

export default { render };
