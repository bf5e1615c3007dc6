// Signs in to the pages of a server and out again, in Chromium; TestRealBrowser of
// server runs it:
//
//   node signin.mjs <chromium> <address>
//
// It fails with what is wrong. Each view has no violation that axe knows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [executablePath, origin] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const session = "__Host-codeflow-session";

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
let views = 0;
try {
  for (const [colorScheme, width] of [["light", 1200], ["dark", 320]]) {
    const context = await browser.newContext({ baseURL: origin, ignoreHTTPSErrors: true, colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const look = async (title) => {
      assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), title);
      // As an evaluated expression: the page's policy allows no further script.
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${title}, ${colorScheme}, ${width} px`);
      assert.ok(passes.length > 10, `${title}: axe has looked at the page`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${title}: it is too wide`);
      views++;
    };
    const cookies = async () => (await context.cookies()).map(({ name }) => name);

    await page.goto("/agents/seo-master");
    await look("Sign in");
    assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.waitForURL("**/agents/seo-master");
    await look("seo-master");
    assert.deepEqual(await cookies(), [session], "nothing else is kept");
    const [cookie] = await context.cookies();
    assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite === "Lax", JSON.stringify(cookie));
    assert.equal(await page.evaluate(() => document.cookie), "", "scripts see no cookie");
    for (const [address, title] of [["/", "Agents and commands"], ["/connect", "Connect a client"], ["/sign-in/callback?code=x&state=x", "Not signed in"]]) {
      await page.goto(address);
      await look(title);
    }
    await page.goto("/");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await look("Sign in");
    assert.deepEqual(await cookies(), []);
    await page.goBack();
    await page.reload();
    await look("Sign in");
    await context.close();
  }
  console.log(JSON.stringify({ views }));
} finally {
  await browser.close();
}
