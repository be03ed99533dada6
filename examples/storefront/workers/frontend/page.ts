const NAVIGATION = [
  ['index.html', 'Shop'],
  ['cart.html', 'Cart'],
  ['account.html', 'Account'],
] as const;

/** One page of the site. `body` is markup; everything from the catalogue goes through `escapeHtml` first. */
export function renderPage(page: {
  readonly title: string;
  readonly body: string;
  /** Modules of the site, loaded with the page. */
  readonly scripts?: readonly string[];
}): string {
  const links = NAVIGATION.map(([href, label]) => `<a href="${href}">${label}</a>`).join('\n      ');
  const scripts = (page.scripts ?? []).map((name) => `\n    <script type="module" src="${name}"></script>`);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(page.title)} - Storefront</title>
    <link rel="stylesheet" href="styles.css">${scripts.join('')}
  </head>
  <body>
    <nav>
      ${links}
    </nav>
    <main>
      <h1>${escapeHtml(page.title)}</h1>
${page.body}
    </main>
  </body>
</html>
`;
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

export function showPrice(cents: number, currency: string): string {
  return `${(cents / 100).toFixed(2)} ${currency}`;
}

/** What a page refers to inside the site: `href` and `src`, without other hosts. */
export function referencesOf(html: string): string[] {
  return [...html.matchAll(/(?:href|src)="([^"#:]+)"/g)].map((match) => match[1] ?? '');
}
