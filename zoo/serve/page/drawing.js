/* A pad to draw on. */

import { h, newId, within } from "./elements.js";

const PAD = 280; // pixels of the drawing pad
const PEN = 22; // width of its pen: as thick, of the whole, as MNIST's strokes

/**
 * A pad to draw on with mouse, finger, pen or keyboard.
 *
 * @param label What the pad is called.
 * @param onchange (canvas, isFinished) is told of every change, with null in place of the canvas once it is cleared.
 * @returns {pad, controls, clear}: two elements, and a function that empties it without telling.
 */
export function drawingPad(label, onchange) {
  const help = newId();
  const canvas = h("canvas", {
    width: PAD,
    height: PAD,
    tabindex: 0,
    role: "application",
    "aria-label": label,
    "aria-roledescription": "drawing pad",
    "aria-describedby": help,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = h("div", { class: "pen" });
  const status = h("p", { class: "unseen", role: "status" });
  let [x, y, isDown, drawing] = [PAD / 2, PAD / 4, false, false];

  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, PAD, PAD);
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  };
  const line = (toX, toY) => {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.stroke();
  };
  const changed = (isFinished) => onchange(canvas, isFinished);
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * PAD, ((event.clientY - box.top) / box.height) * PAD];
  };
  const showPen = () => {
    pen.style.left = `${(100 * x) / PAD}%`;
    pen.style.top = `${(100 * y) / PAD}%`;
    pen.classList.toggle("down", isDown);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pen.classList.remove("shown");
    [drawing, isDown] = [true, false];
    [x, y] = place(event);
    line(x, y);
    changed(false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) {
      const [toX, toY] = place(move);
      line(toX, toY);
      [x, y] = [toX, toY];
    }
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (drawing) changed(true);
      drawing = false;
    });
  }

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = arrows[event.key];
    if (arrow) {
      const step = event.shiftKey ? 2 : 10;
      const inside = (value) => within(value, PEN / 2, PAD - PEN / 2);
      const [toX, toY] = [inside(x + step * arrow[0]), inside(y + step * arrow[1])];
      if (isDown) line(toX, toY);
      [x, y] = [toX, toY];
      if (isDown) changed(true);
    } else if (event.key === " ") {
      isDown = !isDown;
      status.textContent = isDown ? "Pen down" : "Pen up";
      if (isDown) {
        line(x, y);
        changed(true);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      reset();
    } else return;
    event.preventDefault();
    pen.classList.add("shown");
    showPen();
  });
  canvas.addEventListener("focus", () => pen.classList.toggle("shown", canvas.matches(":focus-visible")));
  canvas.addEventListener("blur", () => {
    pen.classList.remove("shown");
    isDown = false;
    showPen();
  });

  const reset = () => {
    clear();
    isDown = false;
    showPen();
    status.textContent = "Cleared";
    onchange(null, true);
  };
  clear();
  showPen();
  const pad = h(
    "div",
    { class: "side" },
    h("div", { class: "pad" }, canvas, pen),
    h("div", { class: "row" }, h("button", { type: "button", onclick: reset }, "Clear")),
  );
  const controls = h(
    "div",
    { class: "controls" },
    h(
      "p",
      { class: "hint", id: help },
      "Draw with mouse, finger or pen. By keyboard: arrows move the pen, Space puts it down and lifts it, Delete clears.",
    ),
    status,
  );
  return { pad, controls, clear };
}
