// What a browser shows of `Line` in line.py: its text. And what it does for the view in which it is the last line.

const ENDS = ["from", "to"]; // of a slider with two handles

/** Give each slider's handles its label as their name; and let controls have the keys that move them. */
function complete(view) {
  for (const control of view.querySelectorAll(".noUi-handle, select")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true"); // or Notebook takes arrows for its own
  }
  for (const slider of view.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label").textContent;
    const handles = slider.querySelectorAll(".noUi-handle");
    handles.forEach((handle, k) =>
      handle.setAttribute("aria-label", handles.length > 1 ? `${label}, ${ENDS[k]}` : label),
    );
  }
}

function render({ model, el }) {
  const say = () => (el.innerHTML = model.get("value"));
  el.classList.add("widget-html-content"); // looks like ipywidgets' text
  say();
  model.on("change:value", say);
  const shown = new ResizeObserver(() => {
    const view = el.closest(".widget-vbox");
    if (view) complete(view); // there is none when the line is taken out of the page
  });
  shown.observe(el);
  return () => {
    shown.disconnect();
    model.off("change:value", say);
  };
}

export default { render };
