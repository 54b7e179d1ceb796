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

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#question")) {
    event.preventDefault();
    document.querySelector("#ask")?.click();
  }
  if (event.key === "Escape") {
    const panels = [...document.querySelectorAll("[data-close]")];
    panels.find((close) => close.offsetParent)?.click();
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.textContent;
  if (await window.kb.copy(button.dataset.copy)) {
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1600);
  }
});
