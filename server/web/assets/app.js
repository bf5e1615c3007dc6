"use strict";
// Every page works without this: it adds copy buttons, folds all sections at
// once, and filters as you type.

const announce = document.getElementById("announce");

// Browsers offer the clipboard to secure origins only.
if (navigator.clipboard) {
  for (const code of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${code.getAttribute("aria-label")}`);
    button.addEventListener("click", async () => {
      let said = "Copied";
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        said = "Not copied";
      }
      button.textContent = announce.textContent = said;
      setTimeout(() => {
        button.textContent = "Copy";
        announce.textContent = "";
      }, 2000);
    });
    code.before(button);
  }
}

const sections = document.querySelectorAll(".prose > details");
if (sections.length) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fold";
  button.textContent = "Fold all";
  button.addEventListener("click", () => {
    const fold = button.textContent === "Fold all";
    for (const section of sections) section.open = !fold;
    button.textContent = fold ? "Unfold all" : "Fold all";
  });
  document.querySelector(".contents").append(button);
  // Whoever follows a link wants to read what is there.
  const unfold = () => {
    const to = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = to; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
  addEventListener("beforeprint", () => sections.forEach((section) => (section.open = true)));
}

// Only the complete list can be filtered here.
const search = document.querySelector("input[data-filter]");
if (search) {
  const count = document.getElementById("count");
  const all = count.textContent;
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const card of document.querySelectorAll(".cards > li")) {
      const text = card.textContent.toLowerCase();
      card.hidden = !words.every((word) => text.includes(word));
      shown += !card.hidden;
    }
    for (const section of document.querySelectorAll("section")) {
      section.hidden = !section.querySelector("li:not([hidden])");
    }
    count.textContent = search.value ? `${shown} shown. Press Enter to search tags and instructions, too.` : all;
  };
  search.addEventListener("input", filter);
  if (search.value) filter(); // what the browser has kept from an earlier visit
}
