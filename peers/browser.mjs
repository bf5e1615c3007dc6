// Drives the pages of server/web in Chromium; TestBrowser there runs it:
//
//   node browser.mjs <chromium> <address> [folder for screenshots]
//
// It fails with what is wrong, or prints figures as JSON. It does not prove
// that other browsers or screen readers agree.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [executablePath, origin, folder] = process.argv.slice(2);
const pages = ["/", "/?q=kubernetes", "/agents/code-reviewer", "/commands/plan", "/connect", "/missing"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [AA, AAA] = [4.5, 7]; // https://www.w3.org/TR/WCAG22/#contrast-minimum

const browser = await chromium.launch({
  executablePath,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

// visit runs work in a profile of its own. The page may neither log an error
// nor ask another host for anything.
async function visit(options, work) {
  const context = await browser.newContext({ baseURL: origin, viewport: { width: 1200, height: 800 }, ...options });
  const wrong = [];
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => wrong.push(`script: ${error}`));
  page.on("console", (message) => {
    const expected = message.location().url.endsWith("/missing") && message.text().includes("404");
    if (message.type() === "error" && !expected) wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (protocol !== "data:" && to !== origin) wrong.push(`request: ${request.url()}`);
  });
  const result = await work(page, context);
  await context.close();
  assert.deepEqual(wrong, []);
  return result;
}

// searchAndCopy finds an agent, and reads every copied text back.
async function searchAndCopy(page, context) {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  await page.goto("/");
  const cards = page.locator(".cards > li:visible");
  const all = await cards.count();
  await page.getByLabel("Search", { exact: true }).fill("reviewer");
  assert.ok((await cards.count()) < all, "typing filters the list");
  await page.getByLabel("Search", { exact: true }).fill("");
  assert.equal(await cards.count(), all, "without words the list is complete");

  await page.getByLabel("Search", { exact: true }).fill("kubernetes");
  await page.getByRole("button", { name: "Search" }).click();
  await page.waitForURL("**/?q=kubernetes*");
  const found = await cards.count();
  assert.ok(found > 0 && found < all, `${found} of ${all} found`);
  await cards.first().getByRole("link").click();
  const name = await page.getByRole("heading", { level: 1 }).textContent();

  const copy = async (tool) => {
    await page.getByRole("button", { name: `Copy: ${tool}` }).click();
    await page.getByRole("status").filter({ hasText: "Copied" }).waitFor({ state: "attached" });
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const fetch = await copy("Claude Code");
  assert.ok(fetch.includes(`'${origin}/api/v1/agents/${name}?format=claude-code'`), fetch);

  await page.getByRole("link", { name: "Connect", exact: true }).click();
  assert.ok((await copy("Claude Code")).startsWith(`claude mcp add --transport http codeflow ${origin}/mcp`));
  for (const tool of ["Claude Desktop", "Cursor", "VS Code", "opencode"]) {
    const config = await copy(tool);
    assert.ok(JSON.stringify(JSON.parse(config)).includes(`"${origin}/mcp"`), config);
  }
  return { agents: all, found, first: name };
}

// withoutScript does the same by hand.
async function withoutScript(page) {
  await page.goto("/");
  await page.getByLabel("Search", { exact: true }).fill("kubernetes");
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator(".cards a").first().click();
  assert.ok((await page.locator("pre").first().textContent()).includes(origin));
  assert.equal(await page.locator("button.copy").count(), 0);
}

// keyboard uses nothing else, and sees where it is.
async function keyboard(page) {
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return { what: at.id || at.className || at.textContent.trim(), href: at.getAttribute("href"), ring: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2 };
    });
  const tabTo = async (wanted) => {
    for (let presses = 1; presses <= 20; presses++) {
      await page.keyboard.press("Tab");
      const at = await focused();
      assert.ok(at.ring, `focus on ${at.what} is not visible`);
      if (wanted(at)) return presses;
    }
    assert.fail(`Tab does not reach ${wanted}`);
  };
  await page.goto("/");
  assert.equal(await tabTo((at) => at.what === "skip"), 1);
  await page.keyboard.press("Enter");
  assert.equal((await focused()).what, "main");
  const toSearch = await tabTo((at) => at.what === "q");
  await page.keyboard.type("kubernetes");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/?q=kubernetes*");
  const toResult = await tabTo((at) => at.href?.startsWith("/agents/"));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/agents/*");
  return { toSearch, toResult };
}

// inspect runs in the page: structure, names, overflow, and the contrast of
// every text with what is behind it.
function inspect() {
  const luminance = (color) => {
    const [r, g, b] = color.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const background = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length === 3) return color;
    }
    return [255, 255, 255];
  };
  const contrast = {};
  for (const element of document.body.querySelectorAll("*:not(.unseen, option)")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if ((!own && element.tagName !== "INPUT") || !element.checkVisibility()) continue;
    const [light, dark] = [parse(getComputedStyle(element).color), background(element)]
      .map((c) => luminance(c.slice(0, 3)) + 0.05).sort((a, b) => b - a);
    const kind = element.closest("button") ? "button" : element.closest("a") ? "link" : element.closest(".muted, .lead, .kind, dt, footer") ? "muted" : "text";
    contrast[kind] = Math.min(contrast[kind] ?? 21, Math.floor((light / dark) * 100) / 100);
  }
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1]));
  return {
    contrast,
    lang: document.documentElement.lang,
    headings: levels.filter((level) => level === 1).length,
    skipped: levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1).length,
    unlabelled: [...document.querySelectorAll("input, select, textarea")].filter((i) => !i.labels.length).length,
    unnamed: [...document.querySelectorAll("a, button")].filter((e) => !(e.getAttribute("aria-label") || e.textContent).trim()).length,
    unreachable: [...document.querySelectorAll("*")].filter((e) => e.tabIndex < 0 && e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === "auto").length,
    ids: document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map((e) => e.id)).size,
    overflow: document.documentElement.scrollWidth - innerWidth,
  };
}

let views = 0;

async function look(page, colorScheme, width) {
  const lowest = {};
  for (const [i, address] of pages.entries()) {
    await page.goto(address);
    const { contrast, ...found } = await page.evaluate(inspect);
    const where = `${address}, ${colorScheme}, ${width} px`;
    assert.deepEqual(found, { lang: "en", headings: 1, skipped: 0, unlabelled: 0, unnamed: 0, unreachable: 0, ids: 0, overflow: 0 }, where);
    for (const [kind, ratio] of Object.entries(contrast)) {
      assert.ok(ratio >= AA, `${where}: contrast of ${kind} is ${ratio}`);
      lowest[kind] = Math.min(lowest[kind] ?? 21, ratio);
    }
    // As an evaluated expression: the page's policy allows no further script.
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], where);
    assert.ok(passes.length > 10, `${where}: axe has looked at the page`);
    views++;
    if (folder) await page.screenshot({ path: path.join(folder, `${colorScheme}-${width}-${i}.png`) });
  }
  return lowest;
}

// fold closes and opens the sections of a long text.
async function fold(page) {
  await page.goto("/agents/code-reviewer");
  const closed = page.locator(".prose > details:not([open])");
  const all = await page.locator(".prose > details").count();
  assert.ok(all > 3);
  await page.getByRole("button", { name: "Fold all", exact: true }).click();
  assert.equal(await closed.count(), all);
  const link = page.getByRole("navigation", { name: "Contents" }).getByRole("link").nth(2);
  const title = await link.textContent();
  await link.click();
  assert.equal(await closed.count(), all - 1, "the section that was asked for opens");
  assert.equal(await page.locator(":target").textContent(), title);
  await page.getByRole("button", { name: "Unfold all" }).click();
  assert.equal(await closed.count(), 0);
}

// print has the whole text in black on white, and nothing to click.
async function print(page) {
  await page.goto("/agents/code-reviewer");
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const { contrast } = await page.evaluate(inspect);
  assert.ok(contrast.text >= AAA, `contrast of text is ${contrast.text}`);
  for (const hidden of ["header nav", ".copy", ".contents", "#get"]) {
    assert.equal(await page.locator(hidden).first().isVisible(), false, hidden);
  }
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  if (folder) await page.pdf({ path: path.join(folder, "print.pdf") });
}

try {
  const report = await visit({}, searchAndCopy);
  await visit({ javaScriptEnabled: false }, withoutScript);
  report.keyboard = await visit({}, keyboard);
  await visit({}, fold);
  await visit({}, print);
  report.contrast = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1200, 768, 320]) {
      const viewport = { width, height: 800 };
      report.contrast[colorScheme] = await visit({ colorScheme, viewport }, (page) => look(page, colorScheme, width));
    }
  }
  report.views = views;
  console.log(JSON.stringify(report));
} finally {
  await browser.close();
}
