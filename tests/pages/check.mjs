// Opens pages in Chromium, light and dark, wide and narrow: no violation of WCAG 2.1 A and AA by axe, and nothing
// that is wider than the screen. The theme's own wrapper of wide tables is left out: Chromium gives it the keyboard.
// Pages ask nobody for anything, and their search finds something. With a folder as last argument it keeps a screenshot of each.
// Usage: node check.mjs FILE... [--keep FOLDER]
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
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
    const asked = [];
    page.on('request', (one) => /^https?:/.test(one.url()) && asked.push(`asks the internet for ${one.url()}`));
    await page.goto(`file://${resolve(file)}`);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run({ exclude: ['.md-typeset__scrollwrap'] }, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    const said = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 120)}`);
    if (overflow > 0) said.push(`is ${overflow} pixels wider than the screen`);
    if (folder) await page.screenshot({ path: `${folder}/${resolve(file).split('/').slice(-2).join('-')}-${scheme}-${width}.png`, fullPage: true });
    said.push(...asked);
    if (width > 1000 && await page.locator('.md-search').count()) {
      await page.click('.md-search__input');
      await page.keyboard.type('mirrors');
      const first = page.locator('.md-search-result__item').first();
      await first.waitFor({ state: 'attached', timeout: 20000 }).catch(() => said.push('its search finds nothing'));
    }
    for (const sentence of said) console.log(`${file} (${scheme}, ${width}): ${sentence}`);
    wrong += said.length;
    await context.close();
  }
}
await browser.close();
console.log(`${words.length} pages, ${wrong} problems`);
process.exit(wrong ? 1 : 0);
