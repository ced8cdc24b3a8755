// Judges pages and mails: axe-core in a real Chromium, html-validate, and for a
// mail caniemail. Reads {"chromium": PATH, "pages": [{"name", "url" or "html",
// "mail", "press"}]} from standard input and writes one line of JSON for each
// finding: {"page", "judge", "rule", "what"}.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import {json} from 'node:stream/consumers';
import {caniemail} from 'caniemail';
import {HtmlValidate} from 'html-validate';
import puppeteer from 'puppeteer-core';

const require = createRequire(import.meta.url);
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const {chromium, pages} = await json(process.stdin);

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

// Mail has to be written for programs of twenty years ago: layout in tables,
// style on the element, comments that only Outlook reads.
const inMail = {
  'doctype-style': 'off',
  'long-title': 'off', // the subject, which no mail program shows from here
  'no-conditional-comment': 'off',
  'no-deprecated-attr': 'off',
  'no-inline-style': 'off',
  'prefer-native-element': 'off', // <article> is taken away by some
};

// What the layout uses though a client does not know it, and what is seen there.
const fallsBack = new Set([
  '@media', // the desktop layout, which is one column already
  '<style> element', 'Type selector', 'Class selector', 'ID selector', 'Chaining selectors', 'Descendant combinator', // the styles on the elements
  'outline', // the client's own mark of focus
  'border-radius', // a button with square corners
  'cursor', 'target attribute', // the client's own, and a mail program opens a browser anyway
  'transform', // caniemail takes text-transform: none for it, which changes nothing
  'display:none', 'opacity', // a preview line of one white pixel, as it has three more ways to hide
  'overflow', 'overflow-wrap', 'word-break', // a very long word makes the mail wider
  'word-spacing', // a preview line that may show some words more
  'aria-label attribute', 'role attribute', // Windows Mail: a table is read as one
  '<body> element', // the client's own, with the styles of the tables in it
]);

const clients = ['gmail.*', 'outlook.*', 'apple-mail.*'];

function report(page, judge, rule, what) {
  process.stdout.write(JSON.stringify({page, judge, rule, what}) + '\n');
}

async function validate(name, html, mail) {
  const v = new HtmlValidate({extends: ['html-validate:recommended'], rules: mail ? inMail : {}});
  for (const r of (await v.validateString(html)).results) {
    for (const m of r.messages) report(name, 'html-validate', m.ruleId, `line ${m.line}: ${m.message}`);
  }
}

function compatible(name, html) {
  for (const [client, found] of caniemail({clients, html}).issues.errors) {
    for (const title of new Set(found.map((f) => f.title))) {
      if (!fallsBack.has(title)) report(name, 'caniemail', title, client);
    }
  }
}

async function accessible(name, tab, mail) {
  await tab.evaluate(axe);
  const tags = mail ? standards : [...standards, 'best-practice'];
  const result = await tab.evaluate((tags) => globalThis.axe.run(document, {iframes: false, runOnly: tags}), tags);
  for (const v of result.violations) report(name, 'axe', v.id, `${v.help}: ${v.nodes[0].html.slice(0, 200)}`);
  // WCAG 1.4.10: no scrolling to the side at 320 pixels.
  await tab.setViewport({width: 320, height: 640});
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
  if (wide > 320) report(name, 'reflow', '1.4.10', `${wide} pixels wide in a window of 320`);
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  for (const p of pages) {
    const tab = await browser.newPage();
    tab.on('pageerror', (e) => report(p.name, 'chromium', 'error', String(e)));
    tab.on('console', (m) => { // what the page's own policy refuses is said here
      if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) report(p.name, 'chromium', 'console', m.text());
    });
    await tab.setViewport({width: 1280, height: 900});
    let html = p.html;
    if (p.url) {
      const answer = await tab.goto(p.url);
      html = await answer.text();
    } else {
      await tab.setContent(html);
    }
    if (p.press) {
      const [answer] = await Promise.all([tab.waitForNavigation(), tab.click('button')]);
      html = await answer.text();
    }
    await validate(p.name, html, p.mail);
    if (p.mail) compatible(p.name, html);
    await accessible(p.name, tab, p.mail);
    await tab.close();
  }
} finally {
  await browser.close();
}
