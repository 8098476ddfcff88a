// What a browser shows of `Brush` in brush.py. Both draw the same actions by the same rule, pixel by pixel: `apply` and
// `cover` here, `_drawn` and `covered` there.

const STROKE_KEYS =
  "Keys: arrows move by one pixel, with Shift by ten; Space or Enter paints, with Shift a straight line from the " +
  "last point; [ and ] change the size; B brush, E eraser, Z undo.";
const COLOUR_KEYS = " 1 to 9 choose a colour, P picks one from the picture.";
const MOVE_KEYS =
  "Draw a frame around a region, then drag it: a copy goes along. Keys: arrows move by one pixel, with Shift by ten; " +
  "Space or Enter begins and ends a frame, then takes the copy up and puts it down; Escape leaves off, Z undo.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOL_KEYS = { b: "brush", e: "eraser", p: "picker" };
const SOON = 100; // ms after which it is said that Python is at work

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const bytes = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const hex = (rgb) => "#" + Array.from(rgb, (value) => value.toString(16).padStart(2, "0")).join("");
const wide = ([, left, , right]) => right - left;
const tall = ([top, , bottom]) => bottom - top;

/** Call `put` with the number of each pixel whose centre is at most half of `size` from the line through `points`. */
function cover(points, size, [height, width], put) {
  const near = (a, b, length) => [
    Math.max(0, Math.ceil(Math.min(a, b) - size / 2)),
    Math.min(length - 1, Math.floor(Math.max(a, b) + size / 2)),
  ];
  points.forEach(([toX, toY], k) => {
    const [x, y] = points[Math.max(0, k - 1)];
    const [dx, dy] = [toX - x, toY - y];
    const square = dx * dx + dy * dy;
    const [left, last] = near(x, toX, width);
    const [top, bottom] = near(y, toY, height);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= last; column++) {
        const along = square ? clamp(((column - x) * dx + (row - y) * dy) / square, 0, 1) : 0;
        const [right, down] = [column - x - along * dx, row - y - along * dy];
        if (4 * (right * right + down * down) <= size * size) put(row * width + column);
      }
    }
  });
}

/** Do one action to the layers: `painting` has three bytes a pixel, `mask` one. */
function apply({ painting, mask }, action, original, [height, width]) {
  const set = (pixel, from, at) => {
    for (let c = 0; c < 3; c++) painting[3 * pixel + c] = from[at + c];
  };
  if (action.clear) {
    painting.set(original);
    mask.fill(0);
  } else if (action.box) {
    const [[top, left], [toRow, toColumn], before] = [action.box, action.to, painting.slice()];
    for (let row = Math.max(0, toRow); row < Math.min(height, toRow + tall(action.box)); row++) {
      for (let column = Math.max(0, toColumn); column < Math.min(width, toColumn + wide(action.box)); column++) {
        set(row * width + column, before, 3 * ((row - toRow + top) * width + column - toColumn + left));
        mask[row * width + column] = 1;
      }
    }
  } else {
    const colour = action.colour && bytes(action.colour);
    cover(action.points, action.size, [height, width], (pixel) => {
      mask[pixel] = action.erase ? 0 : 1;
      if (action.erase) set(pixel, original, 3 * pixel);
      else if (colour) set(pixel, colour, 0);
    });
  }
}

/** A new child of `parent`; a name that the element does not know, such as `aria-label`, becomes an attribute. */
function add(parent, kind, properties = {}) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  return parent.appendChild(element);
}

/** The same for parts of a drawing, which have attributes alone. */
function draw(parent, kind, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
  give(element, attributes);
  return parent.appendChild(element);
}

const give = (element, attributes) => Object.entries(attributes).forEach((pair) => element.setAttribute(...pair));

function render({ model, el }) {
  const shape = model.get("_shape");
  const [height, width] = shape;
  const mode = model.get("mode");
  const data = model.get("_picture");
  const original = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const side = Math.min(height, width);
  const biggest = Math.max(9, 2 * Math.floor(side / 4) + 1); // all sizes are odd, and so exactly as wide as they say

  let size = Math.max(3, 2 * Math.floor(side / 30) + 1);
  let colour = model.get("palette")[0];
  let tool = "brush"; // or "eraser", or "picker"
  let at = [width >> 1, height >> 1]; // the cursor's x and y
  let last = null; // where the last stroke ended
  let pending = null; // the stroke or copy that is being made
  let anchor = null; // where the frame begins that is being drawn
  let chosen = null; // what the frame is around, and where it is now: {box, to}
  let held = null; // where in the frame the hand is, and all actions but the copy that it moves: {grip, before}
  let committed; // the layers after all actions
  let said = ""; // of what the hand did
  let working = false; // Python is, on what it was told

  // The page

  el.classList.add("hpvae-brush");
  const own = { "data-lm-suppress-shortcuts": "true" }; // keys, or JupyterLab takes Z, Enter and the arrows for its own
  for (const one of Object.entries(own)) el.setAttribute(...one);
  const button = (parent, text, title, act) => {
    const made = add(parent, "button", { type: "button", textContent: text, title });
    made.addEventListener("click", act);
    return made;
  };
  const bar = add(el, "div", { role: "toolbar", "aria-label": "Brush" });
  const group = (name) => add(bar, "div", { role: "group", "aria-label": name });
  const [tools, swatches] = [{}, []];
  let slider, output;
  if (mode !== "move") {
    const box = group("Tools");
    tools.brush = button(box, "Brush", "Paint (B)", () => take("brush"));
    tools.eraser = button(box, "Eraser", "Take away what was painted (E)", () => take("eraser"));
    const label = add(group("Size"), "label", { textContent: "Size " });
    slider = add(label, "input", { type: "range", min: 1, max: biggest, step: 2 });
    slider.addEventListener("input", () => resize(Number(slider.value)));
    output = add(label, "span");
  }
  if (mode === "paint") {
    const [box, palette] = [group("Colours"), model.get("palette")];
    for (const [k, one] of [...palette, ""].entries()) {
      const made = button(box, "", "", () => choose(made.dataset.colour));
      made.className = "swatch";
      swatches.push(made);
      name(made, one, k < palette.length ? `Colour ${k + 1} of ${palette.length}` : "Picked colour");
    }
    swatches.at(-1).hidden = true; // until there is one
    tools.picker = button(box, "Pick", "Take a colour from the picture (P)", () => take("picker"));
  }
  const box = group("Steps");
  const undoing = button(box, "Undo", "Take back the last step (Z)", undo);
  const clearing = button(box, "Clear", "Take everything off the picture", clear);

  const picture = add(el, "div", { className: "picture", tabIndex: 0, role: "application", ...own });
  picture.classList.toggle("zoomed", model.get("_scale") > 1);
  picture.style.width = `${model.get("_scale") * width}px`;
  const context = add(picture, "canvas", { width, height }).getContext("2d");
  const overlay = draw(picture, "svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const twice = (parent, kind) => ["dark", "light"].map((tone) => draw(parent, kind, { class: tone }));
  const frames = twice(draw(overlay, "g", { class: "frame" }), "rect");
  const cursor = draw(overlay, "g");
  const [rings, crosses] = [twice(cursor, "circle"), twice(cursor, "path")];

  const status = add(el, "p", { role: "status" });
  const failure = add(el, "p", { role: "alert" });
  const keys = mode === "move" ? MOVE_KEYS : STROKE_KEYS + (mode === "paint" ? COLOUR_KEYS : "");
  add(el, "p", { className: "keys", textContent: keys });
  give(picture, { "aria-label": model.get("_name"), "aria-description": keys });

  function name(swatch, colour, words) {
    Object.assign(swatch.dataset, { colour, words });
    swatch.style.background = colour;
    swatch.title = `${words}, ${colour}`;
    swatch.setAttribute("aria-label", swatch.title);
  }

  // What is seen

  const actions = () => model.get("actions");
  const tell = () => (status.textContent = working ? "Working ..." : said);
  const see = (visible) => cursor.setAttribute("visibility", visible ? "visible" : "hidden");

  function say(words) {
    said = words;
    tell();
  }

  function replay(list) {
    const layers = { painting: original.slice(), mask: new Uint8Array(height * width) };
    for (const action of list) apply(layers, action, original, shape);
    return layers;
  }

  let planned = 0;
  const show = () => (planned ||= requestAnimationFrame(paint));

  function paint() {
    planned = 0;
    const layers = { painting: committed.painting.slice(), mask: committed.mask.slice() };
    if (pending) apply(layers, pending, original, shape);
    const image = new ImageData(width, height);
    const tint = bytes(model.get("_tint"));
    for (let pixel = 0; pixel < height * width; pixel++) {
      const tinted = mode === "mask" && layers.mask[pixel];
      for (let c = 0; c < 3; c++) {
        const value = layers.painting[3 * pixel + c];
        image.data[4 * pixel + c] = tinted ? (value + tint[c]) >> 1 : value;
      }
      image.data[4 * pixel + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  /** Cursor and frame as they are now. */
  function mark() {
    const [cx, cy] = [at[0] + 0.5, at[1] + 0.5];
    const arm = (5 * width) / (picture.clientWidth || width);
    const r = mode === "move" || tool === "picker" ? 0 : size / 2;
    for (const ring of rings) give(ring, { cx, cy, r });
    for (const cross of crosses) {
      give(cross, { d: `M${cx - arm} ${cy}h${2 * arm}M${cx} ${cy - arm}v${2 * arm}` });
    }
    for (const frame of frames) {
      frame.setAttribute("visibility", chosen ? "visible" : "hidden");
      if (chosen) give(frame, { x: chosen.to[1], y: chosen.to[0], width: wide(chosen.box), height: tall(chosen.box) });
    }
  }

  function refresh() {
    committed = replay(actions());
    if (chosen && !floating()) chosen.to = chosen.box.slice(0, 2);
    undoing.disabled = !actions().length;
    clearing.disabled = !actions().length || Boolean(actions().at(-1).clear);
    show();
    mark();
  }

  // What the buttons do

  function commit(list, words) {
    model.set("actions", list);
    model.save_changes();
    const count = committed.mask.reduce((sum, one) => sum + one, 0);
    say(`${words} ${count} of ${height * width} pixels ${mode === "move" ? "lie under copies" : "are painted"}.`);
  }

  function undo() {
    if (actions().length) commit(actions().slice(0, -1), "Taken back.");
    else say("There is nothing to take back.");
  }

  function clear() {
    commit([...actions(), { clear: true }], "Cleared; Undo brings it back.");
  }

  function resize(to) {
    size = clamp(to, 1, biggest);
    slider.value = size;
    output.textContent = ` ${size} px`;
    mark();
  }

  function take(other) {
    tool = other;
    for (const [key, made] of Object.entries(tools)) made.setAttribute("aria-pressed", key === tool);
    mark();
  }

  function choose(other) {
    colour = other;
    for (const made of swatches) made.setAttribute("aria-pressed", made.dataset.colour === colour);
    take("brush");
  }

  function pick([x, y]) {
    const from = 3 * (clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1));
    const found = hex(committed.painting.slice(from, from + 3));
    const own = swatches.at(-1);
    if (!model.get("palette").includes(found)) {
      name(own, found, own.dataset.words);
      own.hidden = false;
    }
    choose(found);
    say(`Picked ${found}.`);
  }

  // What a hand does, with mouse, finger or keys: it begins somewhere, goes on, and ends

  const busy = () => Boolean(pending || anchor || held);

  function begin(place, straight) {
    const [x, y] = place;
    if (mode === "move") {
      const grip = chosen && [x - chosen.to[1], y - chosen.to[0]];
      if (grip && grip[0] >= 0 && grip[0] < wide(chosen.box) && grip[1] >= 0 && grip[1] < tall(chosen.box)) {
        held = { grip, before: floating() ? actions().slice(0, -1) : actions() };
        committed = replay(held.before);
      } else {
        anchor = [clamp(x, 0, width - 1), clamp(y, 0, height - 1)];
      }
    } else if (tool === "picker") {
      pick(place);
    } else {
      pending = { points: straight && last ? [last, place] : [place], size };
      if (tool === "eraser") pending.erase = true;
      else if (mode === "paint") pending.colour = colour;
    }
    go(place);
  }

  function go(place) {
    const [x, y] = (at = place);
    if (held) {
      const { box } = chosen;
      const row = clamp(y - held.grip[1], 1 - tall(box), height - 1); // a pixel of it stays in the picture
      chosen.to = [row, clamp(x - held.grip[0], 1 - wide(box), width - 1)];
      pending = { box, to: chosen.to };
    } else if (anchor) {
      const [right, down] = [clamp(x, 0, width - 1), clamp(y, 0, height - 1)];
      const [left, top] = [Math.min(right, anchor[0]), Math.min(down, anchor[1])];
      const box = [top, left, Math.max(down, anchor[1]) + 1, Math.max(right, anchor[0]) + 1];
      chosen = { box, to: [top, left] };
    } else if (pending && String(pending.points.at(-1)) !== String(place)) {
      pending.points.push(place);
    }
    if (pending) show();
    mark();
  }

  function end() {
    const [made, under] = [pending, held];
    pending = held = null;
    if (under) {
      commit([...under.before, made], `The copy lies at column ${made.to[1]}, row ${made.to[0]}.`);
    } else if (anchor) {
      anchor = null;
      if (wide(chosen.box) < 2 || tall(chosen.box) < 2) chosen = null; // a mere click takes the frame away
      say(chosen ? `${wide(chosen.box)} x ${tall(chosen.box)} pixels are framed: drag them.` : "Nothing is framed.");
      mark();
    } else if (made) {
      last = made.points.at(-1);
      commit([...actions(), made], made.erase ? "Erased." : made.colour ? `Painted in ${made.colour}.` : "Painted.");
    }
  }

  function leave() {
    if (!held) chosen = null;
    pending = anchor = held = null;
    refresh();
    say("Left as it was.");
  }

  /** Whether the last action is the copy in the frame, which the next drag moves on. */
  function floating() {
    const copy = actions().at(-1);
    return Boolean(copy?.box) && String([copy.box, copy.to]) === String([chosen.box, chosen.to]);
  }

  const pixelAt = ({ clientX, clientY }) => {
    const place = picture.getBoundingClientRect();
    const share = [(clientX - place.left) / place.width, (clientY - place.top) / place.height];
    return [Math.floor(share[0] * width), Math.floor(share[1] * height)];
  };

  const listen = (kind, act) => picture.addEventListener(kind, act);
  listen("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    event.preventDefault(); // no text is selected
    picture.classList.add("by-hand");
    picture.focus({ preventScroll: true });
    picture.setPointerCapture(event.pointerId);
    if (busy()) end(); // what the keys have begun
    begin(pixelAt(event), event.shiftKey);
    see(true);
  });
  listen("pointermove", (event) => {
    if (!event.isPrimary) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) go(pixelAt(each));
    see(true);
  });
  listen("pointerup", (event) => event.isPrimary && end());
  listen("pointercancel", (event) => event.isPrimary && busy() && leave());
  listen("pointerleave", () => see(false));
  listen("focus", () => see(true));
  listen("blur", () => {
    picture.classList.remove("by-hand");
    see(false);
  });
  listen("keydown", (event) => {
    const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
    if (event.altKey || ((event.ctrlKey || event.metaKey) && key !== "z")) return;
    const swatch = swatches[Number(key) - 1];
    if (key in ARROWS) {
      const [right, down] = ARROWS[key].map((step) => step * (event.shiftKey ? 10 : 1));
      go([clamp(at[0] + right, 0, width - 1), clamp(at[1] + down, 0, height - 1)]);
      say(`Column ${at[0]}, row ${at[1]}.`);
    } else if (key === " " || key === "Enter") {
      const going = busy();
      if (!going) begin(at, event.shiftKey);
      if (going || mode !== "move") end();
    } else if (key === "Escape" && (busy() || chosen)) {
      leave();
    } else if (key === "z") {
      undo();
    } else if (slider && (key === "[" || key === "]")) {
      resize(size + (key === "]" ? 2 : -2));
      say(`Size ${size} px.`);
    } else if (tools[TOOL_KEYS[key]]) {
      take(TOOL_KEYS[key]);
      say(`${tools[tool].textContent}.`);
    } else if (swatch && !swatch.hidden) {
      choose(swatch.dataset.colour);
      say(swatch.title);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    picture.classList.remove("by-hand");
    see(true);
  });

  // What Python does

  let soon;
  const work = () => {
    working = model.get("_working");
    clearTimeout(soon);
    soon = setTimeout(tell, working ? SOON : 0);
  };
  const fail = () => (failure.textContent = model.get("_failure"));
  const heard = { "change:actions": refresh, "change:_working": work, "change:_failure": fail };
  for (const [what, act] of Object.entries(heard)) model.on(what, act);
  see(false);
  fail();
  if (slider) resize(size);
  if (mode === "paint") choose(colour);
  if (mode === "mask") take(tool);
  refresh();
  return () => Object.entries(heard).forEach(([what, act]) => model.off(what, act));
}

export default { render };
