// What the page does in the browser beside Gradio's own events. Loaded in <head>, once.
window.kb = {
  async copy(text) {
    let copied = false;
    try {
      await navigator.clipboard.writeText(text);
      copied = true;
    } catch {
      // no clipboard permission, or plain http on another host than localhost
      const area = document.createElement("textarea");
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      document.body.append(area);
      area.select();
      copied = document.execCommand("copy");
      area.remove();
    }
    document.body.dataset.copied = copied ? "yes" : "no";
    return copied;
  },

  language() {
    const root = document.documentElement;
    if (root.lang !== root.dataset.lang) root.lang = root.dataset.lang;
  },

  busy(on) {
    document.body.toggleAttribute("data-busy", on);
    const asked = document.querySelector("#question textarea").value.trim();
    if (on) this.asked = asked;
    this.other(asked);
  },

  // Says so while the message is not the one that the reply on the desk answers.
  other(question) {
    document.body.toggleAttribute("data-other-question", Boolean(this.asked) && question !== this.asked);
  },

  // Clicks inside an HTML component become its Gradio event, with the element's data-* as payload.
  listen(element, trigger) {
    element.addEventListener("click", (event) => {
      const target = event.target.closest("[data-cite], [data-chunk], [data-close]");
      if (!target || !element.contains(target)) return;
      document.querySelectorAll("[aria-current=true]").forEach((old) => old.removeAttribute("aria-current"));
      if (!target.dataset.close) target.setAttribute("aria-current", "true");
      trigger("click", { ...target.dataset });
    });
  },

  // The reply's editor: a plain text field (input methods, undo and the caret are the browser's own) over a
  // layer that draws the marks. Edits are checked once the keys rest, never while an input method composes.
  editor(element, trigger) {
    const field = () => document.querySelector("#editor textarea");
    let composing = false;
    let timer = 0;
    const check = (wait) => {
      clearTimeout(timer);
      timer = setTimeout(() => composing || trigger("input", { text: field().value }), wait);
    };
    const edited = (event) => {
      if (!event.target.matches("#editor textarea")) return;
      if (event.type === "compositionstart") composing = true;
      if (event.type === "compositionend") composing = false;
      window.kb.draw();
      if (!composing) check(120);
    };
    for (const type of ["input", "compositionstart", "compositionend"]) document.addEventListener(type, edited);
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-fix], [data-confirm], [data-goto]");
      if (!button) return;
      const { fix, confirm, goto } = button.dataset;
      if (goto || fix) {
        const { start, end, with: words } = JSON.parse(fix || goto);
        const [now] = window.kb.moved(field().value, [[start, end]]);
        if (!now) return; // it was typed into since
        field().focus();
        field().setSelectionRange(now[0], now[1]);
        // the one way to change a field that Ctrl+Z undoes
        if (fix) document.execCommand("insertText", false, words);
        else window.kb.show(now[0]);
        // its offsets are used up until the next check
        if (fix) element.querySelectorAll("[data-fix]").forEach((one) => { one.disabled = true; });
      } else {
        const kept = document.querySelector("#confirmed textarea, #confirmed input");
        const figures = [...new Set([...JSON.parse(kept.value || "[]"), confirm])];
        kept.value = JSON.stringify(figures);
        kept.dispatchEvent(new Event("input", { bubbles: true }));
        check(60);
      }
    });
  },

  // What is drawn: the stretches of the last check, moved along with what was typed since.
  marks: { text: "", spans: [] },

  mark(element) {
    const found = element.querySelector("[data-marks]");
    this.marks = { text: found?.dataset.of || "", spans: found ? JSON.parse(found.dataset.marks) : [] };
    const draft = document.querySelector("#draft-id textarea, #draft-id input")?.value;
    if (draft !== this.draft) Object.assign(this, { draft, first: this.marks.text });
    this.draw();
  },

  draw() {
    const field = document.querySelector("#editor textarea");
    if (!field) return;
    let layer = field.parentElement.querySelector(".marks");
    if (!layer) {
      layer = document.createElement("div");
      layer.className = "marks";
      layer.setAttribute("aria-hidden", "true");
      field.parentElement.prepend(layer);
      field.parentElement.classList.add("marked");
      field.addEventListener("scroll", () => { layer.scrollTop = field.scrollTop; });
      new ResizeObserver(() => this.draw()).observe(field);
    }
    const stale = field.value !== this.marks.text;
    document.querySelector("#edited .edited")?.classList.toggle("stale", stale);
    const style = getComputedStyle(field);
    const bars = field.offsetWidth - field.clientWidth - 2 * parseFloat(style.borderLeftWidth);
    for (const name of ["font", "letterSpacing", "lineHeight", "padding", "borderWidth"]) layer.style[name] = style[name];
    Object.assign(layer.style, {
      left: `${field.offsetLeft}px`, top: `${field.offsetTop}px`,
      // to the fraction of a pixel, or lines break elsewhere
      width: `${field.getBoundingClientRect().width - bars}px`, height: `${field.offsetHeight}px`,
    });
    const text = field.value;
    layer.replaceChildren(...window.kb.painted(text, window.kb.moved(text)));
    layer.scrollTop = field.scrollTop;
  },

  // Scrolls the field to an offset; a selection alone does not.
  show(offset) {
    const field = document.querySelector("#editor textarea");
    let at = 0;
    for (const piece of field.parentElement.querySelectorAll(".marks > span")) {
      at += piece.textContent.length;
      if (at > offset) {
        field.scrollTop = piece.offsetTop - field.clientHeight / 3;
        return;
      }
    }
  },

  // Stretches before the first and behind the last difference stay; one that was typed into goes.
  moved(text, spans = this.marks.spans) {
    const old = this.marks.text;
    let head = 0;
    while (head < Math.min(old.length, text.length) && old[head] === text[head]) head += 1;
    let tail = 0;
    while (tail < Math.min(old.length, text.length) - head && old.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
    const by = text.length - old.length;
    return spans.flatMap(([start, end, css]) => {
      if (end <= head || text === old) return [[start, end, css]];
      return start >= old.length - tail ? [[start + by, end + by, css]] : [];
    });
  },

  painted(text, spans) {
    const cuts = [...new Set([0, text.length, ...spans.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
    return cuts.slice(0, -1).map((from, place) => {
      const to = cuts[place + 1];
      const over = spans.filter(([start, end]) => start <= from && to <= end).map(([, , css]) => css);
      const piece = document.createElement("span");
      piece.className = over.join(" ");
      piece.textContent = text.slice(from, to);
      return piece;
    }).concat(document.createTextNode("\n"));
  },

  // Brings the marked words of an opened source into view: inside its own scroller, then on the page.
  reveal(element) {
    const panel = element.querySelector(".src");
    if (!panel) return;
    const doc = panel.querySelector(".doc");
    const target = doc.querySelector("mark.quote") || doc.querySelector(".in");
    doc.scrollTop = target
      ? target.getBoundingClientRect().top - doc.getBoundingClientRect().top + doc.scrollTop - doc.clientHeight / 4
      : 0;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    (target || panel.querySelector("header")).scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  },
};

// Gradio names the browser's language; the page's words are in its own (data-lang).
new MutationObserver(() => window.kb.language()).observe(document.documentElement, { attributeFilter: ["lang"] });

// The list of keys stands in render_lists.KEYS. By code, not by key: with Alt a Mac types other characters.
const shortcuts = {
  KeyQ: () => { open("desk"); field("#question textarea", true); },
  KeyE: () => { open("desk"); field("#editor textarea"); },
  KeyF: () => visible("#edited [data-fix]:not(:disabled)")?.click(),
  KeyA: () => visible("#accept")?.click(),
  KeyR: () => field("#reason input"),
  KeyH: () => visible("#hand-off")?.click(),
  KeyS: () => { open("search"); setTimeout(() => field("#query input, #query textarea", true), 60); },
  KeyD: () => { open("desk"); setTimeout(() => field("#editor textarea"), 60); },
  Slash: () => document.querySelector("#keys")?.showModal(),
  ArrowDown: () => cite(1),
  ArrowUp: () => cite(-1),
};
// nobody decides on what is not before their eyes
function visible(selector) {
  const found = document.querySelector(selector);
  return found?.offsetParent ? found : null;
}
function open(tab) {
  document.querySelector(`#tab-${tab}-button, [role=tab][aria-controls="tab-${tab}"]`)?.click();
}
function field(selector, all) {
  const found = document.querySelector(selector);
  found?.focus();
  if (all) found?.select();
}
function cite(step) {
  const lines = [...document.querySelectorAll("#draft .source-line")];
  const at = lines.findIndex((line) => line.getAttribute("aria-current"));
  lines[at < 0 ? (step > 0 ? 0 : lines.length - 1) : (at + step + lines.length) % lines.length]?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    const act = digit ? () => document.querySelectorAll("#draft .source-line")[digit[1] - 1]?.click() : shortcuts[event.code];
    if (act) {
      event.preventDefault();
      if (!event.repeat) act();
    }
  }
  if (event.key === "?" && !event.target.closest("input, textarea")) shortcuts.Slash();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const button = event.target.closest("#question") ? "#ask" : event.target.closest("#editor") ? "#accept" : "";
    if (button) {
      event.preventDefault();
      document.querySelector(button)?.click();
    }
  }
  if (event.key === "Escape") {
    const panels = [...document.querySelectorAll("[data-close]")];
    panels.find((close) => close.offsetParent)?.click();
  }
});

// Undo stops at the draft as it came: behind it lies what was written to the customer before.
document.addEventListener("beforeinput", (event) => {
  if (event.inputType === "historyUndo" && event.target.matches("#editor textarea")) {
    if (event.target.value === window.kb.first) event.preventDefault();
  }
}, true);

document.addEventListener("input", (event) => {
  if (event.target.matches("#question textarea")) window.kb.other(event.target.value.trim());
});

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-keys]")) shortcuts.Slash();
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.textContent;
  if (await window.kb.copy(button.dataset.copy)) {
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1600);
  }
});
