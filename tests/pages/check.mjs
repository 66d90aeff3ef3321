// Opens pages in Chromium, light and dark, wide and narrow: no violation of WCAG 2.1 A and AA by axe, and nothing
// that is wider than the screen. The theme's own wrapper of wide tables is left out: Chromium gives it the keyboard.
// With a folder as last argument it keeps a screenshot of each.
// Usage: node check.mjs FILE... [--keep FOLDER]
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const words = process.argv.slice(2);
const at = words.indexOf('--keep');
const folder = at < 0 ? '' : words.splice(at, 2)[1];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });
let wrong = 0;
for (const file of words) {
  for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    await page.goto(`file://${resolve(file)}`);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run({ exclude: ['.md-typeset__scrollwrap'] }, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    const said = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 120)}`);
    if (overflow > 0) said.push(`is ${overflow} pixels wider than the screen`);
    for (const sentence of said) console.log(`${file} (${scheme}, ${width}): ${sentence}`);
    wrong += said.length;
    if (folder) await page.screenshot({ path: `${folder}/${basename(file)}-${scheme}-${width}.png`, fullPage: true });
    await context.close();
  }
}
await browser.close();
console.log(`${words.length} pages, ${wrong} problems`);
process.exit(wrong ? 1 : 0);
